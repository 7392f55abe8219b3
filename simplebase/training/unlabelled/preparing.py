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
from simplebase.progress import ProgressBar
from simplebase.skeletons import Skeleton
from simplebase.training.distribution import Distribution
from simplebase.training.runs.folder import Run
from simplebase.training.unlabelled.branch import require_usable
from simplebase.training.unlabelled.finding import find_objects, restore_frames
from simplebase.training.unlabelled.pool import UnlabelledPool

if TYPE_CHECKING:
    from simplebase.training.options import TrainingOptions
    from simplebase.training.runs.config import RunConfig

_OTHER_THRESHOLDS = (0.3, 0.5, 0.7)
"""Thresholds of which the user is told too, for the choice of a better one."""
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
    return _with_defaults(recipe, has_teacher=options.teacher is not None)


def recipe_for_fit(recipe: Recipe, *, has_teacher: bool) -> Recipe:
    """Returns the recipe with all settings that Keras's `fit` needs for unlabelled images.

    Raises:
        ArgumentError: the method is self-training, and there is no teacher.
    """
    recipe = _with_defaults(recipe, has_teacher=has_teacher)
    assert recipe.unlabelled is not None, "it was set above"
    if not has_teacher and recipe.unlabelled.is_self_training:
        raise ArgumentError(
            f"recipe {recipe.name!r} needs a teacher: give TrainingModel a teacher. For "
            "self-training, first train a model on the labels (recipe 'small'), save it, and give "
            "its file; simplebase.train does that by itself. Or use the recipe's `unlabelled` with "
            "the method 'mean-teacher', which needs no teacher."
        )
    return recipe


def _with_defaults(recipe: Recipe, *, has_teacher: bool) -> Recipe:
    """Returns the recipe with the default `unlabelled` and, for a mean teacher, `ema`."""
    if recipe.unlabelled is None:
        recipe = recipe.updated({"unlabelled": {}})
    assert recipe.unlabelled is not None, "it was set above"
    is_mean_teacher = not has_teacher and not recipe.unlabelled.is_self_training
    if is_mean_teacher and recipe.ema is None:
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

    They have pseudo keypoints if the options name a teacher. In self-training,
    `add_pseudo_keypoints` adds them when the teacher is trained.

    Args:
        options: may name images or a teacher.
        unlabelled: unlabelled images as a dataset, instead of those that the options name.
        dataset: the labelled dataset.
        recipe: the recipe from `complete_recipe`.
        metadata: the student's metadata.
        distribution: the devices.
        progress: opens a progress bar for slow work.

    Raises:
        ArgumentError: the teacher has no keypoint in common, or there are too few images.
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
    if options.teacher is not None:
        pools.append(UnlabelledPool.from_dataset(dataset.train))
    pool = pools[0].joined(*pools[1:])
    require_usable(recipe, len(pool), distribution.replicas)
    if options.teacher is None:
        return pool
    rows = distribution.local_rows(len(pool))
    teacher, skeleton = str(options.teacher), metadata.skeleton
    return add_pseudo_keypoints(pool, teacher, rows, skeleton, recipe, distribution, progress)


def restore_pool(
    config: "RunConfig", run: Run, distribution: Distribution, progress: ProgressBar
) -> UnlabelledPool:
    """Returns the pool of a run that is resumed.

    Raises:
        ArgumentError: the devices cannot share the unlabelled samples of a step.
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
        restore_frames(config.unlabelled_images, progress)
    for path in dict.fromkeys(pool.paths.tolist()):
        require_file(path, "the unlabelled image")
    require_usable(config.recipe, len(pool), distribution.replicas)
    return pool


def add_pseudo_keypoints(
    pool: UnlabelledPool,
    teacher: str,
    rows: np.ndarray,
    skeleton: Skeleton,
    recipe: Recipe,
    distribution: Distribution,
    progress: ProgressBar,
    remedy: str = "Lower the threshold: --unlabelled-settings '{threshold: ...}'.",
) -> UnlabelledPool:
    """Returns the pool with the keypoints of a teacher.

    Args:
        pool: the `N` objects.
        teacher: a model file or the name of a pretrained model.
        rows: `(N,)` mask of the objects that this process labels; the others are labelled by other
            workers.
        skeleton: the student's skeleton; keypoints are matched by name.
        recipe: the recipe, which has `unlabelled`.
        distribution: the devices.
        progress: opens a progress bar.
        remedy: what to do if no keypoint reaches the threshold.

    Raises:
        ArgumentError: the teacher has no keypoint in common.
        MissingFileError, DataError: the teacher is missing or invalid, or no keypoint reaches the
            threshold.
    """
    from simplebase.runtimes import load_runtime
    from simplebase.training.unlabelled.file_teacher import label_pool, require_pseudo_keypoints
    from simplebase.zoo import model_file

    settings, name = recipe.unlabelled, Path(teacher).name
    assert settings is not None
    keypoints = np.zeros((len(pool), skeleton.num_keypoints, 3), np.float32)
    if rows.any():
        runtime = load_runtime(model_file(teacher))
        with progress(f"{name} labels {rows.sum()} objects") as tell:
            own_rows = label_pool(pool.select(rows), runtime, skeleton, settings.mirror, tell)
        keypoints[rows] = own_rows.keypoints
    # So all workers have the same keypoints, although their processors may round differently.
    pool = pool.with_keypoints(distribution.sum_over_workers(keypoints))
    require_pseudo_keypoints(pool, settings.threshold, name, remedy)
    scores = pool.keypoints[..., 2]
    others = ", ".join(f"{(scores >= each).mean():.0%} {each:g}" for each in _OTHER_THRESHOLDS)
    warnings.warn(
        f"the teacher ({name}) has labelled {len(pool)} objects. "
        f"{(scores >= settings.threshold).mean():.0%} of its keypoints reach the threshold of "
        f"{settings.threshold:g} ({others}).",
        SimplebaseNote,
        stacklevel=2,
    )
    return pool
