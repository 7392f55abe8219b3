"""Saying in time when pseudo keypoints teach nothing, or the teacher forgets."""

import math
import warnings

from simplebase.errors import SimplebaseWarning
from simplebase.presets import Recipe
from simplebase.training.observer import Observer
from simplebase.training.runs.metrics import EpochMetrics

_COLLAPSED = 0.25
"""Of the largest share that passed: a teacher that falls below it loses what it knew."""
_LEAST = 0.05
"""Of all pseudo keypoints: a smaller largest share says little."""


class PseudoKeypointWatch(Observer):
    """Warns after the first epoch if nothing passes, again after the ramp, and of a collapse.

    Published students that learn from themselves may collapse: they answer zero everywhere, which
    agrees with everything (Xie et al., ICCV 2021, https://arxiv.org/abs/2011.12498). Here what is
    taught is always a whole peak, since keypoints of low scores are left out, so a collapse shows
    as fewer and fewer keypoints that pass.

    Args:
        recipe: how to train; it has `unlabelled`.
        epochs: those that are done already, of a resumed run.
    """

    def __init__(self, recipe: Recipe, epochs: list[EpochMetrics]) -> None:
        assert recipe.unlabelled is not None
        self._threshold = recipe.unlabelled.threshold
        self._ramp_ends = max(1, math.ceil(recipe.unlabelled.ramp * recipe.total_epoch))
        self._first = recipe.init_epoch + 1
        shares = [epoch.pseudo_keypoints or 0.0 for epoch in epochs]
        self._largest = max(shares, default=0.0)
        self._collapsed = bool(shares) and self._has_collapsed(shares[-1])

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """Looks at the share of pseudo keypoints that passed."""
        share = metrics.pseudo_keypoints
        if share is None:
            return
        self._largest = max(self._largest, share)
        if share == 0 and metrics.epoch in (self._first, self._ramp_ends):
            _warn(self._nothing(metrics))
        collapsed = self._has_collapsed(share)
        if collapsed and not self._collapsed:
            _warn(
                f"epoch {metrics.epoch}: {share:.1%} of the pseudo keypoints pass, after "
                f"{self._largest:.1%} earlier: the teacher is losing what it knew. Are the "
                "unlabelled images of the same objects? If so, lower `weight` of `unlabelled`."
            )
        self._collapsed = collapsed

    def _has_collapsed(self, share: float) -> bool:
        return self._largest >= _LEAST and share < _COLLAPSED * self._largest

    def _nothing(self, metrics: EpochMetrics) -> str:
        score = ""
        if metrics.pseudo_score is not None:
            score = f" (their mean score is {metrics.pseudo_score:.2f})"
        text = (
            f"epoch {metrics.epoch}: no pseudo keypoint reached the threshold "
            f"{self._threshold:g}{score}, so the unlabelled images taught nothing."
        )
        if metrics.epoch < self._ramp_ends:
            return f"{text} That is usual at first; if it stays so, lower `threshold`."
        return f"{text} Lower `threshold` of `unlabelled`, or label more images."


def _warn(text: str) -> None:
    warnings.warn(text, SimplebaseWarning, stacklevel=3)
