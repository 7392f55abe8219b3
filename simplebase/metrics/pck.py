"""PCK: the percentage (as a fraction) of correct keypoints, and what its distances are over."""

import numpy as np

from simplebase.errors import DataError
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.metrics.distance import distances, mean_by_keypoint
from simplebase.skeletons import Skeleton

# Heatmap pixels that upstream divides distances by, for an input of 256x256.
_UPSTREAM_CELLS = 6.4
_UPSTREAM_STRIDE = 4
_UPSTREAM_PADDING = 1.25

HEAD_BIAS = 0.6
"""Of a head box's diagonal: `SC_BIAS` of MPII's evaluation toolkit."""

TORSO = ("left_hip", "right_shoulder")


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
        predicted: `(N, K, 2)` pixels; NaN where a keypoint was not found, which is wrong.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        threshold: fraction of the normaliser.
        normaliser: `(N,)` pixels; an object without one (NaN, or not above 0) does not count.

    Returns:
        `(K,)` per keypoint, and the mean over all labelled points; NaN where nothing is labelled.
    """
    return mean_by_keypoint(
        correct_keypoints(predicted, labelled, visible, threshold=threshold, normaliser=normaliser)
    )


def correct_keypoints(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    threshold: float,
    normaliser: np.ndarray,
) -> np.ndarray:
    """`(N, K)`: 1 for a correct keypoint, 0 for a wrong one, NaN for one that does not count.

    PCK is the mean of it; arguments as for `pck`.
    """
    distance = distances(predicted, labelled, visible, normaliser)
    return np.where(np.isnan(distance), np.nan, distance <= threshold)


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


def box_normaliser(boxes: np.ndarray) -> np.ndarray:
    """The longer side of each box (Yang & Ramanan, TPAMI 2013): PCK@alpha.

    Args:
        boxes: `(N, 4)` x, y, width, height in pixels; NaN for an object without.

    Returns:
        `(N,)` pixels.
    """
    return np.max(boxes[:, 2:], axis=1)


def head_normaliser(headboxes: np.ndarray) -> np.ndarray:
    """0.6 times the diagonal of each head box (Andriluka et al., CVPR 2014): PCKh.

    Args:
        headboxes: `(N, 4)` x1, y1, x2, y2 in pixels; NaN for an object without.

    Returns:
        `(N,)` pixels.
    """
    return HEAD_BIAS * np.hypot(
        headboxes[:, 2] - headboxes[:, 0], headboxes[:, 3] - headboxes[:, 1]
    )


def torso_normaliser(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """From left hip to right shoulder (FLIC: Sapp & Taskar, CVPR 2013).

    Args:
        keypoints: `(N, K, 3)` labelled x, y in pixels, and visibility.
        skeleton: which has `left_hip` and `right_shoulder`.

    Returns:
        `(N,)` pixels; NaN where either is not labelled.

    Raises:
        DataError: the skeleton has no such keypoints.
    """
    rows = indices_by_name(skeleton, TORSO, "the torso's length")
    first, second = keypoints[:, rows[0]], keypoints[:, rows[1]]
    length = np.linalg.norm(first[:, :2] - second[:, :2], axis=-1)
    return np.where((first[:, 2] > 0) & (second[:, 2] > 0), length, np.nan)


def indices_by_name(skeleton: Skeleton, names: tuple[str, ...], purpose: str) -> list[int]:
    """Where the keypoints `names` stand in the skeleton.

    Args:
        skeleton: any.
        names: keypoints that it has to have.
        purpose: what needs them, for the error.

    Raises:
        DataError: the skeleton lacks one.
    """
    missing = [name for name in names if name not in skeleton.keypoints]
    if missing:
        raise DataError(
            f"{purpose} needs the keypoints {', '.join(names)}. Skeleton {skeleton.name!r} lacks "
            f"{', '.join(missing)}; it has {', '.join(skeleton.keypoints)}. Rename its keypoints, "
            "or choose a metric that does not need them."
        )
    return [skeleton.keypoints.index(name) for name in names]
