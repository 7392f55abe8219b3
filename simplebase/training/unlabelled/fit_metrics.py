"""The metrics and warnings of pseudo keypoints in Keras's `fit`."""

from typing import Any

import keras

from simplebase.presets import Recipe
from simplebase.training.unlabelled.branch import PseudoLabels
from simplebase.training.unlabelled.monitor import PseudoKeypointMonitor

SHARE, SCORE = "pseudo_keypoints", "pseudo_score"
"""The names under which Keras reports the pseudo keypoints, see `EpochMetrics`."""


class PseudoKeypointMetrics:
    """The share of keypoints that became pseudo keypoints, and their mean score, over an epoch.

    Args:
        has_scores: whether the teacher's scores are known, which are those of a `MeanTeacher`.

    `metrics` are Keras's metrics, which it resets when an epoch starts.
    """

    def __init__(self, has_scores: bool) -> None:
        names = (SHARE, SCORE) if has_scores else (SHARE,)
        self.metrics = [keras.metrics.Mean(name) for name in names]

    def update(self, labels: PseudoLabels, keypoints_per_step: int) -> None:
        """Adds a step, whose unlabelled samples have `keypoints_per_step` keypoints."""
        sums = (labels.count, labels.score_sum)
        for metric, value in zip(self.metrics, sums, strict=False):
            metric.update_state(value / keypoints_per_step)


class MonitorPseudoKeypoints(keras.callbacks.Callback):
    """Gives the warnings of `PseudoKeypointMonitor` after the epochs of `fit`.

    Args:
        recipe: the recipe, which has `unlabelled`.
        steps: steps per epoch.
    """

    def __init__(self, recipe: Recipe, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._monitor = PseudoKeypointMonitor(recipe, [])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks the metrics in `logs`."""
        metrics = logs or {}
        epochs = int(self.model.steps_trained.numpy()) // self._steps
        self._monitor.check(epochs, metrics[SHARE], metrics.get(SCORE))
