"""Unlabelled images for Keras's `fit`."""

from typing import Any

import keras

from simplebase.presets import Recipe
from simplebase.training.unlabelled.lesson import Taught
from simplebase.training.unlabelled.watching import PseudoKeypointWatch

PASSED, SCORE = "pseudo_keypoints", "pseudo_score"
"""The names under which Keras reports the pseudo keypoints, see `EpochMetrics`."""


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
