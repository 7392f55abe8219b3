"""Prepares semi-supervised learning before the first step: the recipe and the unlabelled pool."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError, SimplebaseNote
from simplebase.files import require_file
from simplebase.metadata import ModelMetadata
from simplebase.presets import Recipe
from simplebase.progress import ProgressBar, no_progress_bar
from simplebase.training.distribution import Distribution
from simplebase.training.runs.folder import Run
from simplebase.training.unlabelled.finding import find_objects, restore_frames
from simplebase.training.unlabelled.pool import UnlabelledPool

if TYPE_CHECKING:
    from simplebase.training.options import TrainingOptions
    from simplebase.training.runs.config import RunConfig

DEFAULT_EMA = 0.99
"""Decay of the moving average that is the teacher, if the recipe has none."""


def complete_recipe(
    recipe: Recipe, options: "TrainingOptions", unlabelled: KeypointDataset | None
) -> Recipe:
    """Returns the recipe with all settings that unlabelled images or a teacher need.

    Args:
        recipe: how to train.
        options: may name images or a teacher.
        unlabelled: unlabelled images as a dataset.

    Raises:
        ArgumentError: the recipe needs unlabelled images or a teacher, and neither is given.
    """
    if options.unlabelled_images is None and options.teacher is None and unlabelled is None:
        if recipe.unlabelled is None:
            return recipe
        raise ArgumentError(
            f"recipe {recipe.name!r} learns from unlabelled images or from a teacher. Give "
            "--unlabelled, --teacher or both, or choose another recipe."
        )
    return with_unlabelled_defaults(recipe, has_teacher=options.teacher is not None)


def with_unlabelled_defaults(recipe: Recipe, *, has_teacher: bool) -> Recipe:
    """Returns the recipe with the default `unlabelled` and, without a teacher, `ema`."""
    if recipe.unlabelled is None:
        recipe = recipe.updated({"unlabelled": {}})
    if not has_teacher and recipe.ema is None:
        recipe = recipe.updated({"ema": DEFAULT_EMA})
    return recipe


def build_pool(
    options: "TrainingOptions",
    unlabelled: KeypointDataset | None,
    dataset: KeypointDataset,
    recipe: Recipe,
    metadata: ModelMetadata,
    distribution: Distribution,
    progress: ProgressBar,
) -> UnlabelledPool | None:
    """Returns the unlabelled images of a run; `None` if there are none.

    Args:
        options: may name images or a teacher.
        unlabelled: unlabelled images as a dataset, instead of those that the options name.
        dataset: the labelled dataset.
        recipe: the recipe from `complete_recipe`.
        metadata: the student's metadata.
        distribution: the devices.
        progress: opens a progress bar for slow work.

    Raises:
        ArgumentError: the teacher has no keypoint in common.
        MissingFileError, DataError: images or the teacher are missing or invalid.
    """
    settings = recipe.unlabelled
    if settings is None:
        return None
    pools: list[UnlabelledPool] = []
    if unlabelled is not None:
        pools.append(UnlabelledPool.from_dataset(unlabelled))
    elif options.unlabelled_images is not None:
        depth_range = metadata.depth_range
        pools.append(find_objects(options.unlabelled_images, dataset, progress, depth_range))
    if options.teacher is None:
        return pools[0]
    pools.append(UnlabelledPool.from_dataset(dataset.train))
    pool = pools[0].joined(*pools[1:])
    return _with_pseudo_keypoints(
        pool, str(options.teacher), metadata, recipe, distribution, progress
    )


def restore_pool(config: "RunConfig", run: Run) -> UnlabelledPool:
    """Returns the pool of a run that is resumed.

    Raises:
        MissingFileError: its list, an image or a video is missing.
        DataError: the list is not that of the run.
    """
    pool = UnlabelledPool.load(run.unlabelled)
    if config.pool is not None and pool.digest != config.pool.digest:
        raise DataError(
            f"{run.unlabelled} does not list the unlabelled images with which the run started. "
            "Restore the run's own file, or start a new run."
        )
    if config.unlabelled_images is not None:
        restore_frames(config.unlabelled_images, no_progress_bar)
    for path in dict.fromkeys(pool.paths.tolist()):
        require_file(path, "the unlabelled image")
    return pool


def _with_pseudo_keypoints(
    pool: UnlabelledPool,
    teacher: str,
    metadata: ModelMetadata,
    recipe: Recipe,
    distribution: Distribution,
    progress: ProgressBar,
) -> UnlabelledPool:
    """Returns the pool with the keypoints of the teacher's file; each worker labels its part."""
    from simplebase.runtimes import load_runtime
    from simplebase.training.unlabelled.file_teacher import label_pool, require_pseudo_keypoints
    from simplebase.zoo import model_file

    settings = recipe.unlabelled
    assert settings is not None
    runtime = load_runtime(model_file(teacher))
    name = Path(teacher).name
    mine = distribution.local_rows(len(pool))
    keypoints = np.zeros((len(pool), metadata.skeleton.num_keypoints, 3), np.float32)
    if mine.any():
        with progress(f"{name} labels {mine.sum()} objects") as tell:
            own_rows = label_pool(
                pool.select(mine), runtime, metadata.skeleton, settings.mirror, tell
            )
        keypoints[mine] = own_rows.keypoints
    # So all workers have the same keypoints, although their processors may round differently.
    pool = pool.with_keypoints(distribution.sum_over_workers(keypoints))
    require_pseudo_keypoints(pool, settings.threshold, name)
    passed = (pool.keypoints[..., 2] >= settings.threshold).mean()
    warnings.warn(
        f"{name} labels {len(pool)} objects; {passed:.0%} of its keypoints reach the threshold "
        f"{settings.threshold:g}.",
        SimplebaseNote,
        stacklevel=2,
    )
    return pool
