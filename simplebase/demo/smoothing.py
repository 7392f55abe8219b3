"""The one-euro filter on keypoints (Casiez et al., CHI 2012, https://hal.science/hal-00670496).

A low-pass filter whose cutoff rises with speed: a still point does not tremble, a fast one does not
lag. Speeds are counted in box sides a second, so that a small person far away is smoothed as one
who fills the view.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from simplebase.errors import ArgumentError

Smoothing = Literal["one-euro", "none"]

_SHORTEST_STEP = 1e-3
"""Seconds between two frames at least: two frames of a camera may carry the same time."""


@dataclass(frozen=True)
class OneEuro:
    """How strongly to smooth.

    Args:
        min_cutoff: Hz that a still keypoint is filtered at; lower trembles less.
        beta: by how much the cutoff rises, Hz for each box side a second; higher lags less.
        derivative_cutoff: Hz that the speed itself is filtered at.
    """

    min_cutoff: float = 1.0
    beta: float = 5.0
    derivative_cutoff: float = 1.0


class KeypointSmoother:
    """Smooths the keypoints of one object from frame to frame.

    Args:
        settings: how strongly.
        num_keypoints: `K`.
    """

    def __init__(self, settings: OneEuro, num_keypoints: int) -> None:
        self._settings = settings
        self._points = np.full((num_keypoints, 2), np.nan)
        self._speeds = np.zeros((num_keypoints, 2))
        self._time = 0.0

    def __call__(
        self, points: np.ndarray, found: np.ndarray, time: float, side: float
    ) -> np.ndarray:
        """`(K, 2)` smoothed points.

        Args:
            points: `(K, 2)` pixels of the image.
            found: `(K,)` bool; what is not found is passed through, and starts anew when it is.
            time: seconds, above that of the call before.
            side: pixels, the longer side of the object's box.
        """
        step = max(time - self._time, _SHORTEST_STEP)
        fresh = np.isnan(self._points[:, 0]) | ~found
        before = np.where(fresh[:, None], points, self._points)
        speed = (points - before) / step
        weight = _weight(self._settings.derivative_cutoff, step)
        speeds = np.where(fresh[:, None], 0.0, self._speeds + weight * (speed - self._speeds))
        # One cutoff for both axes: with two, a point on its way would bend off its line.
        pace = np.linalg.norm(speeds, axis=1, keepdims=True) / side
        weight = _weight(self._settings.min_cutoff + self._settings.beta * pace, step)
        smooth = before + weight * (points - before)
        self._points = np.where(found[:, None], smooth, np.nan)
        self._speeds, self._time = speeds, time
        return smooth


def smoothing_settings(name: Smoothing) -> OneEuro | None:
    """The filter of that name; None for `none`.

    Raises:
        ArgumentError: another name.
    """
    if name not in get_args(Smoothing):
        known = ", ".join(get_args(Smoothing))
        raise ArgumentError(f"--smooth is one of {known}. Received: {name!r}.")
    return OneEuro() if name == "one-euro" else None


def _weight(cutoff: np.ndarray | float, step: float) -> np.ndarray | float:
    """Of a new value in a low-pass filter of `cutoff` Hz after `step` seconds."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
