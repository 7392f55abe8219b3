"""Makes the batches for Keras's `fit` from datasets, and adds unlabelled samples to them."""

import os
from collections.abc import Sequence
from typing import Any

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource, CacheMode
from simplebase.errors import ArgumentError, DataError
from simplebase.estimator import SimpleBaseline
from simplebase.progress import ProgressBar
from simplebase.training.distribution import distribute
from simplebase.training.keypoint_batches import KeypointBatches
from simplebase.training.options import TrainingOptions
from simplebase.training.order import EpochOrder
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.unlabelled.images import UnlabelledImages
from simplebase.training.unlabelled.preparing import build_pool

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Unlabelled = KeypointDataset | UnlabelledImages | Sources
"""The objects of a dataset without their labels; or images, see `UnlabelledImages.sources`."""


def labelled_batches(
    graph: TrainingGraph,
    dataset: KeypointDataset,
    batch_size: int | None,
    *,
    training: bool,
    seed: int,
    cache: CacheMode,
    workers: int | None,
) -> KeypointBatches:
    """Returns batches of a dataset, cropped for the graph's model.

    Args:
        graph: has the model, the augmentation and the recipe.
        dataset: one split.
        batch_size: samples per batch. The default is the recipe's.
        training: see `TrainingModel.batches`.
        seed: seed of the order of the records.
        cache: see `BatchSource`.
        workers: see `BatchSource`.

    Raises:
        ArgumentError: a training batch is larger than the dataset.
        DataError: the dataset has another number of keypoints.
    """
    metadata = graph.estimator.metadata
    theirs, ours = dataset.skeleton.num_keypoints, metadata.skeleton.num_keypoints
    if theirs != ours:
        raise DataError(
            f"{dataset.name} has {theirs} keypoints, but the model has {ours}. Build the model "
            "with skeleton=dataset.skeleton."
        )
    size = batch_size or graph.recipe.batch_size
    if training and size > len(dataset):
        raise ArgumentError(
            f"batch_size must be at most {len(dataset)}, the number of records. Received: {size}."
        )
    source = BatchSource(
        dataset.with_default_depth(metadata.depth_range),
        metadata.crop,
        metadata.input_size,
        size,
        graph.augmentation.canvas_size if training else None,
        cache=cache,
        workers=workers,
    )
    if not training:
        return KeypointBatches(source)
    recipe = graph.recipe.updated({"batch_size": size})
    return KeypointBatches(source, EpochOrder(dataset, recipe, seed))


def add_unlabelled(
    batches: KeypointBatches,
    graph: TrainingGraph,
    dataset: KeypointDataset,
    unlabelled: Unlabelled | None,
    *,
    teacher: str | os.PathLike[str] | None,
    average: SimpleBaseline | None,
    seed: int,
    cache: CacheMode,
    workers: int | None,
    progress: ProgressBar,
) -> KeypointBatches:
    """Returns training batches to which unlabelled samples are added.

    Args:
        batches: labelled training batches.
        graph: has the student and the recipe, which has `unlabelled`.
        dataset: the labelled dataset with both splits.
        unlabelled: the images.
        teacher: a model file or the name of a pretrained model. Without one, `average` is the
            teacher.
        average: the average of the student's weights.
        seed: see `UnlabelledBranch`.
        cache: see `UnlabelledBranch`.
        workers: see `UnlabelledBranch`.
        progress: opens a progress bar for slow work.

    Raises:
        ArgumentError: there are neither images nor a teacher; see also `UnlabelledBranch`.
        MissingFileError, DataError: see `build_pool`.
    """
    if unlabelled is None and teacher is None:
        raise ArgumentError(
            f"recipe {graph.recipe.name!r} learns from unlabelled images or from a teacher. Give "
            "unlabelled, or give TrainingModel a teacher."
        )
    # The labelled samples of `fit` do not fade, so neither do the student's views.
    recipe = graph.recipe.updated({"batch_size": batches.source.batch_size, "geometry_fade": 0.0})
    metadata = graph.estimator.metadata
    given = unlabelled if isinstance(unlabelled, KeypointDataset) else None
    devices = distribute()
    pool = build_pool(
        _options(unlabelled, teacher), given, dataset, recipe, metadata, devices, progress
    )
    assert pool is not None, "the recipe has unlabelled"
    branch = UnlabelledBranch(
        pool,
        metadata,
        recipe,
        len(batches),
        devices,
        average,
        seed=seed,
        cache=cache,
        workers=workers,
    )
    return batches.with_unlabelled(branch)


def _options(
    unlabelled: Unlabelled | None, teacher: str | os.PathLike[str] | None
) -> TrainingOptions:
    """Returns options with the teacher and with the images, unless these are a dataset."""
    values: dict[str, Any] = {"teacher": teacher}
    if isinstance(unlabelled, UnlabelledImages):
        values["unlabelled_images"] = unlabelled
    elif isinstance(unlabelled, str | os.PathLike):
        values["unlabelled_images"] = {"sources": [unlabelled]}
    elif unlabelled is not None and not isinstance(unlabelled, KeypointDataset):
        values["unlabelled_images"] = {"sources": unlabelled}
    return TrainingOptions(**values)
