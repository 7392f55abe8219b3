"""From a training's options to the pool of unlabelled images, before the first step."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError, SimplebaseNote
from simplebase.files import require_file
from simplebase.metadata import ModelMetadata
from simplebase.presets import Recipe
from simplebase.progress import Progress, ProgressBar
from simplebase.training.distribution import Distribution
from simplebase.training.runs.folder import Run
from simplebase.training.unlabelled.gathering import gather, restore_frames
from simplebase.training.unlabelled.pool import Pool

if TYPE_CHECKING:
    from simplebase.training.options import TrainingOptions
    from simplebase.training.runs.config import RunConfig

DEFAULT_EMA = 0.99
"""Of a recipe that has no moving average, where the average is the teacher."""


@contextmanager
def no_bar(label: str) -> Iterator[Progress]:
    """The bar of somebody whom nobody watches."""
    yield lambda done, total: None


def settled(recipe: Recipe, options: "TrainingOptions", given: KeypointDataset | None) -> Recipe:
    """The recipe with all that unlabelled images or a teacher need.

    Args:
        recipe: how to train.
        options: name images or a teacher, if there are any.
        given: unlabelled images as a dataset.

    Raises:
        ArgumentError: the recipe wants unlabelled images, and there is nothing of the kind.
    """
    if options.unlabelled_images is None and options.teacher is None and given is None:
        if recipe.unlabelled is None:
            return recipe
        raise ArgumentError(
            f"recipe {recipe.name!r} learns from unlabelled images or from a teacher. Give "
            "--unlabelled, --teacher or both, or choose another recipe."
        )
    if recipe.unlabelled is None:
        recipe = recipe.updated({"unlabelled": {}})
    if options.teacher is None and recipe.ema is None:
        recipe = recipe.updated({"ema": DEFAULT_EMA})
    return recipe


def make_pool(
    options: "TrainingOptions",
    given: KeypointDataset | None,
    dataset: KeypointDataset,
    recipe: Recipe,
    metadata: ModelMetadata,
    distribution: Distribution,
    progress: ProgressBar,
) -> Pool | None:
    """The images that a run learns from without labels; `None` if there are none.

    Args:
        options: name images or a teacher, if there are any.
        given: unlabelled images as a dataset, in place of those that the options name.
        dataset: the labelled one.
        recipe: how to train, settled.
        metadata: of the student.
        distribution: the devices.
        progress: opens a bar for what takes long.

    Raises:
        ArgumentError: several workers, or a teacher without a common keypoint.
        MissingFileError, DataError: images or the teacher are missing or not what they should be.
    """
    settings = recipe.unlabelled
    if settings is None:
        return None
    if distribution.workers > 1:
        raise ArgumentError(
            "several workers do not learn from unlabelled images yet. Train on the devices of one "
            "machine, or leave out --unlabelled and --teacher."
        )
    pools: list[Pool] = []
    if given is not None:
        pools.append(Pool.of_dataset(given))
    elif options.unlabelled_images is not None:
        depth_range = metadata.depth_range
        pools.append(gather(options.unlabelled_images, dataset, progress, depth_range))
    if options.teacher is None:
        return pools[0]
    pools.append(Pool.of_dataset(dataset.train))
    pool = pools[0].joined(*pools[1:])
    return _label(pool, str(options.teacher), metadata, recipe, progress)


def restored_pool(config: "RunConfig", run: Run) -> Pool:
    """The pool of a run that goes on.

    Raises:
        MissingFileError: its list, an image or a video is gone.
        DataError: the list is not the run's.
    """
    pool = Pool.load(run.unlabelled)
    if config.pool is not None and pool.digest != config.pool.digest:
        raise DataError(
            f"{run.unlabelled} lists other unlabelled images than the run began with. Bring back "
            "the run's own file, or start a new run."
        )
    if config.unlabelled_images is not None:
        restore_frames(config.unlabelled_images, no_bar)
    for path in dict.fromkeys(pool.paths.tolist()):
        require_file(path, "the unlabelled image")
    return pool


def _label(
    pool: Pool, teacher: str, metadata: ModelMetadata, recipe: Recipe, progress: ProgressBar
) -> Pool:
    """The pool with what the teacher's file finds in it."""
    from simplebase.runtimes import load_runtime
    from simplebase.training.unlabelled.labelling import label, require_something
    from simplebase.zoo import model_file

    settings = recipe.unlabelled
    assert settings is not None
    runtime = load_runtime(model_file(teacher))
    name = Path(teacher).name
    with progress(f"{name} labels {len(pool)} objects") as tell:
        pool = label(pool, runtime, metadata.skeleton, settings.mirror, tell)
    require_something(pool, settings.threshold, name)
    passed = (pool.keypoints[..., 2] >= settings.threshold).mean()
    warnings.warn(
        f"{name} labels {len(pool)} objects; {passed:.0%} of its keypoints reach the threshold "
        f"{settings.threshold:g}.",
        SimplebaseNote,
        stacklevel=2,
    )
    return pool
