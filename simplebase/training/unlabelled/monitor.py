"""Warns if no pseudo keypoint reaches the threshold, or if the teacher collapses."""

import math
import warnings

from simplebase.errors import SimplebaseWarning
from simplebase.presets import Recipe
from simplebase.training.observer import Observer
from simplebase.training.runs.metrics import EpochMetrics

_COLLAPSED_FRACTION = 0.25
"""The teacher is collapsing if the share of pseudo keypoints falls below this fraction of its
largest value."""
_MIN_LARGEST_SHARE = 0.05
"""If the largest share is lower than this, a drop means nothing."""


class PseudoKeypointMonitor(Observer):
    """Warns of a collapse, and if no keypoint reaches the threshold in epoch 1 or after the ramp.

    Students that learn from themselves may collapse: they predict zero everywhere, which is
    consistent with the teacher (Xie et al., ICCV 2021, https://arxiv.org/abs/2011.12498). Here
    every pseudo keypoint is a whole peak, because keypoints with low scores are ignored. So in a
    collapse, fewer and fewer keypoints pass.

    Args:
        recipe: the recipe, which has `unlabelled`.
        epochs: finished epochs of a resumed run.
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
        """Checks the share of pseudo keypoints that passed."""
        if metrics.pseudo_keypoints is not None:
            self.check(metrics.epoch, metrics.pseudo_keypoints, metrics.pseudo_score)

    def check(self, epoch: int, share: float, score: float | None) -> None:
        """Checks an epoch.

        Args:
            epoch: its number, from 1.
            share: share of its pseudo keypoints that passed.
            score: their mean score, if it is known.
        """
        self._largest = max(self._largest, share)
        if share == 0 and epoch in (self._first, self._ramp_ends):
            _warn(self._none_passed(epoch, score))
        collapsed = self._has_collapsed(share)
        if collapsed and not self._collapsed:
            _warn(
                f"epoch {epoch}: {share:.1%} of the pseudo keypoints reach the threshold, "
                f"after {self._largest:.1%} earlier: the teacher is getting worse. Do the "
                "unlabelled images show the same objects? If so, lower the weight "
                "(--unlabelled-settings '{weight: ...}')."
            )
        self._collapsed = collapsed

    def _has_collapsed(self, share: float) -> bool:
        return self._largest >= _MIN_LARGEST_SHARE and share < _COLLAPSED_FRACTION * self._largest

    def _none_passed(self, epoch: int, score: float | None) -> str:
        scores = "" if score is None else f" (their mean score is {score:.2f})"
        text = (
            f"epoch {epoch}: no pseudo keypoint reached the threshold "
            f"{self._threshold:g}{scores}, so nothing was learnt from the unlabelled images."
        )
        lower = "lower the threshold (--unlabelled-settings '{threshold: ...}')"
        if epoch < self._ramp_ends:
            return f"{text} This is usual at first. If it does not change, {lower}."
        return f"{text} Label more images, or {lower}."


def _warn(text: str) -> None:
    warnings.warn(text, SimplebaseWarning, stacklevel=4)
