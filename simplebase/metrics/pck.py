"""PCK, the percentage (here a fraction) of correct keypoints, and its normalisers."""

import numpy as np

from simplebase.errors import DataError
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.metrics.distance import distances, mean_by_keypoint
from simplebase.skeletons import Skeleton

# Heatmap pixels by which upstream divides distances, for an input of 256x256.
_UPSTREAM_CELLS = 6.4
_UPSTREAM_STRIDE = 4
_UPSTREAM_PADDING = 1.25

HEAD_BIAS = 0.6
"""Fraction of a head box's diagonal: `SC_BIAS` of MPII's evaluation toolkit."""

TORSO = ("left_hip", "right_shoulder")


def pck(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    threshold: float,
    normaliser: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Computes the fraction of labelled keypoints predicted within `threshold * normaliser`.

    Args:
        predicted: `(N, K, 2)` pixels; NaN where a keypoint was not found, which counts as wrong.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        threshold: fraction of the normaliser.
        normaliser: `(N,)` pixels. Objects whose normaliser is NaN or not above 0 do not count.

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
    """Returns `(N, K)`: 1 for correct, 0 for wrong, NaN for keypoints that do not count.

    PCK is the mean of it. For the arguments see `pck`.
    """
    distance = distances(predicted, labelled, visible, normaliser)
    return np.where(np.isnan(distance), np.nan, distance <= threshold)


def upstream_normaliser(scales: np.ndarray, input_size: Size = (256, 256)) -> np.ndarray:
    """Returns upstream's 6.4 heatmap pixels, scaled by the mean input side / 256, in image pixels.

    Heatmap pixels refer to upstream's crop, 1.25 times the longer side of the object's box, so that
    models with other crops can be compared. For a square input, the normaliser is a tenth of that
    crop's side.

    Args:
        scales: `(N,)` longer side of the object's box / 200 px.
        input_size: `(H, W)`.

    Returns:
        `(N,)` pixels.
    """
    height, width = input_size
    input_pixels = _UPSTREAM_CELLS * _UPSTREAM_STRIDE * (height + width) / 2 / 256
    return input_pixels * (_UPSTREAM_PADDING * PERSON_PIXELS * scales) / height


def box_normaliser(boxes: np.ndarray) -> np.ndarray:
    """Returns the longer side of each box, for PCK@alpha (Yang & Ramanan, TPAMI 2013).

    Args:
        boxes: `(N, 4)` x, y, width, height in pixels; NaN for an object without a box.

    Returns:
        `(N,)` pixels.
    """
    return np.max(boxes[:, 2:], axis=1)


def head_normaliser(headboxes: np.ndarray) -> np.ndarray:
    """Returns 0.6 times the diagonal of each head box, for PCKh (Andriluka et al., CVPR 2014).

    Args:
        headboxes: `(N, 4)` x1, y1, x2, y2 in pixels; NaN for an object without a head box.

    Returns:
        `(N,)` pixels.
    """
    return HEAD_BIAS * np.hypot(
        headboxes[:, 2] - headboxes[:, 0], headboxes[:, 3] - headboxes[:, 1]
    )


def torso_normaliser(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Returns the distance from left hip to right shoulder (FLIC: Sapp & Taskar, CVPR 2013).

    Args:
        keypoints: `(N, K, 3)` labelled x, y in pixels, and visibility.
        skeleton: a skeleton with `left_hip` and `right_shoulder`.

    Returns:
        `(N,)` pixels; NaN where one of the two is not labelled.

    Raises:
        DataError: the skeleton does not have these keypoints.
    """
    rows = indices_by_name(skeleton, TORSO, "the torso's length")
    first, second = keypoints[:, rows[0]], keypoints[:, rows[1]]
    length = np.linalg.norm(first[:, :2] - second[:, :2], axis=-1)
    return np.where((first[:, 2] > 0) & (second[:, 2] > 0), length, np.nan)


def indices_by_name(skeleton: Skeleton, names: tuple[str, ...], purpose: str) -> list[int]:
    """Returns the indices of the keypoints `names` in the skeleton.

    Args:
        skeleton: any skeleton.
        names: keypoints that it must have.
        purpose: what needs them, for the message.

    Raises:
        DataError: the skeleton lacks one.
    """
    missing = [name for name in names if name not in skeleton.keypoints]
    if missing:
        raise DataError(
            f"{purpose} needs the keypoints {', '.join(names)}. Skeleton {skeleton.name!r} lacks "
            f"{', '.join(missing)}; it has {', '.join(skeleton.keypoints)}. Rename its keypoints, "
            "or choose a metric and a normaliser that do not need them."
        )
    return [skeleton.keypoints.index(name) for name in names]
