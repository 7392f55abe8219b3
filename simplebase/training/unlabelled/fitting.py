"""Unlabelled images for Keras's `fit`."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import CacheMode
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline
from simplebase.metadata import ModelMetadata
from simplebase.presets import Recipe
from simplebase.progress import ProgressBar
from simplebase.training.distribution import distribute
from simplebase.training.options import TrainingOptions
from simplebase.training.unlabelled.images import UnlabelledImages
from simplebase.training.unlabelled.lesson import Lesson, Taught
from simplebase.training.unlabelled.preparing import make_pool
from simplebase.training.unlabelled.watching import PseudoKeypointWatch

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Unlabelled = KeypointDataset | UnlabelledImages | Sources
"""The objects of a dataset without their labels; or images, see `UnlabelledImages.sources`."""

PASSED, SCORE = "pseudo_keypoints", "pseudo_score"
"""The names under which Keras reports the pseudo keypoints, see `EpochMetrics`."""


def make_lesson(
    recipe: Recipe,
    metadata: ModelMetadata,
    dataset: KeypointDataset,
    unlabelled: Unlabelled | None,
    *,
    teacher: str | os.PathLike[str] | None,
    average: SimpleBaseline | None,
    steps: int,
    seed: int,
    cache: CacheMode,
    workers: int | None,
    progress: ProgressBar,
) -> Lesson:
    """Returns the unlabelled samples for the steps of `fit`.

    Args:
        recipe: the recipe, which has `unlabelled`. Its `geometry_fade` is not used, because the
            labelled samples of `fit` do not fade either.
        metadata: the student's metadata.
        dataset: the labelled dataset with both splits.
        unlabelled: the images.
        teacher: a model file or the name of a pretrained model. Without one, `average` is the
            teacher.
        average: the average of the student's weights.
        steps: steps per epoch.
        seed: see `Lesson`.
        cache: see `Lesson`.
        workers: see `Lesson`.
        progress: opens a progress bar for slow work.

    Raises:
        ArgumentError: there are neither images nor a teacher; see also `Lesson`.
        MissingFileError, DataError: see `make_pool`.
    """
    given = unlabelled if isinstance(unlabelled, KeypointDataset) else None
    values: dict[str, Any] = {"teacher": teacher}
    if isinstance(unlabelled, UnlabelledImages):
        values["unlabelled_images"] = unlabelled
    elif isinstance(unlabelled, str | os.PathLike):
        values["unlabelled_images"] = {"sources": [unlabelled]}
    elif unlabelled is not None and given is None:
        values["unlabelled_images"] = {"sources": unlabelled}
    options = TrainingOptions(**values)
    if unlabelled is None and teacher is None:
        raise ArgumentError(
            f"recipe {recipe.name!r} learns from unlabelled images or from a teacher. Give "
            "unlabelled, or give TrainingModel a teacher."
        )
    devices = distribute()
    pool = make_pool(options, given, dataset, recipe, metadata, devices, progress)
    assert pool is not None, "the recipe has unlabelled"
    recipe = recipe.updated({"geometry_fade": 0.0})
    return Lesson(
        pool, metadata, recipe, steps, devices, average, seed=seed, cache=cache, workers=workers
    )


class PseudoKeypointMeans:
    """The share of pseudo keypoints that passed, and their mean score, over an epoch of `fit`.

    Args:
        scored: whether the teacher's scores are known, which are those of the average's.

    `metrics` are Keras's metrics, which it resets when an epoch starts.
    """

    def __init__(self, scored: bool) -> None:
        names = (PASSED, SCORE) if scored else (PASSED,)
        self.metrics = [keras.metrics.Mean(name) for name in names]

    def update(self, taught: Taught, asked: int) -> None:
        """Adds a step in which the teacher was asked for `asked` keypoints."""
        sums = (taught.passed, taught.scores)
        for metric, value in zip(self.metrics, sums, strict=False):
            metric.update_state(value / asked)


class WarnOfPseudoKeypoints(keras.callbacks.Callback):
    """Gives the warnings of `PseudoKeypointWatch` after the epochs of `fit`.

    Args:
        recipe: the recipe, which has `unlabelled`.
        steps: steps per epoch.
    """

    def __init__(self, recipe: Recipe, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._watch = PseudoKeypointWatch(recipe, [])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks the metrics in `logs`."""
        found = logs or {}
        done = int(self.model.steps_trained.numpy()) // self._steps
        self._watch.check(done, found[PASSED], found.get(SCORE))
