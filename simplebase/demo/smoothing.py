"""The one-euro filter on keypoints (Casiez et al., CHI 2012, https://hal.science/hal-00670496).

A low-pass filter whose cutoff rises with speed, so that still points do not jitter and fast points
do not lag. Speeds are in box sides per second, so that a small, distant person is smoothed like a
large one.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from simplebase.errors import ArgumentError

Smoothing = Literal["one-euro", "none"]

_SHORTEST_STEP = 1e-3
"""Smallest interval between frames in seconds, because two camera frames may have the same time."""


@dataclass(frozen=True)
class OneEuro:
    """The settings of the filter.

    Args:
        min_cutoff: cutoff in Hz for a still keypoint; a lower value jitters less.
        beta: rise of the cutoff in Hz per box side per second; a higher value lags less.
        derivative_cutoff: cutoff in Hz for the speed itself.
    """

    min_cutoff: float = 1.0
    beta: float = 5.0
    derivative_cutoff: float = 1.0


class KeypointSmoother:
    """Smooths the keypoints of one object from frame to frame.

    Args:
        settings: the settings of the filter.
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
        """Returns the smoothed points `(K, 2)`.

        Args:
            points: `(K, 2)` pixels of the image.
            found: `(K,)` bool. Points that are not found are returned unchanged, and restart when
                they are found again.
            time: time in seconds, later than in the previous call.
            side: longer side of the object's box in pixels.
        """
        step = max(time - self._time, _SHORTEST_STEP)
        fresh = np.isnan(self._points[:, 0]) | ~found
        before = np.where(fresh[:, None], points, self._points)
        speed = (points - before) / step
        weight = _weight(self._settings.derivative_cutoff, step)
        speeds = np.where(fresh[:, None], 0.0, self._speeds + weight * (speed - self._speeds))
        # Both axes share one cutoff; otherwise a moving point would leave its straight line.
        pace = np.linalg.norm(speeds, axis=1, keepdims=True) / side
        weight = _weight(self._settings.min_cutoff + self._settings.beta * pace, step)
        smooth = before + weight * (points - before)
        self._points = np.where(found[:, None], smooth, np.nan)
        self._speeds, self._time = speeds, time
        return smooth


def smoothing_settings(name: Smoothing) -> OneEuro | None:
    """Returns the filter with this name; None for `none`.

    Raises:
        ArgumentError: the name is unknown.
    """
    if name not in get_args(Smoothing):
        known = ", ".join(get_args(Smoothing))
        raise ArgumentError(f"--smooth must be one of {known}. Received: {name!r}.")
    return OneEuro() if name == "one-euro" else None


def _weight(cutoff: np.ndarray | float, step: float) -> np.ndarray | float:
    """Returns a new value's weight in a low-pass filter of `cutoff` Hz after `step` seconds."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
