"""PCK: the percentage (as a fraction) of correct keypoints."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.geometry import PERSON_PIXELS, Size

# Heatmap pixels that upstream divides distances by, for an input of 256x256.
_UPSTREAM_CELLS = 6.4
_UPSTREAM_STRIDE = 4
_UPSTREAM_PADDING = 1.25


@dataclass(frozen=True)
class PCK:
    """PCK by keypoint and over all; `None` where nothing is labelled."""

    threshold: float
    per_keypoint: dict[str, float | None]
    mean: float | None

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "metric": "pck",
            "threshold": self.threshold,
            "mean": self.mean,
            "per_keypoint": self.per_keypoint,
        }


def pck(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    threshold: float,
    normaliser: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Fraction of labelled keypoints predicted within `threshold * normaliser`.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        threshold: fraction of the normaliser.
        normaliser: `(N,)` pixels.

    Returns:
        `(K,)` per keypoint, and the mean over all labelled points; NaN where nothing is labelled.
    """
    distance = np.linalg.norm(predicted - labelled, axis=-1)
    correct = (distance <= threshold * normaliser[:, None]) & visible
    counts = visible.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return correct.sum(axis=0) / counts, float(correct.sum() / np.float64(counts.sum()))


def upstream_normaliser(scales: np.ndarray, input_size: Size = (256, 256)) -> np.ndarray:
    """Upstream's 6.4 heatmap pixels, scaled by the mean input side / 256, in image pixels.

    Heatmap pixels are those of upstream's crop, 1.25 times the object's height, so that models with
    other crops compare. In a square input they are a tenth of that crop's side, at any size.

    Args:
        scales: `(N,)` object height / 200 px.
        input_size: `(H, W)`.

    Returns:
        `(N,)` pixels.
    """
    height, width = input_size
    input_pixels = _UPSTREAM_CELLS * _UPSTREAM_STRIDE * (height + width) / 2 / 256
    return input_pixels * (_UPSTREAM_PADDING * PERSON_PIXELS * scales) / height
