"""Distances between predicted and labelled keypoints, and metrics that average them.

`N` objects, `K` keypoints. NaN values do not count. A keypoint that was not found has an infinite
distance, so that no metric rewards a model for omitting it.
"""

import numpy as np

from simplebase.metrics.arrays import require_shape


def distances(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    normaliser: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the distance of each prediction from its label.

    Args:
        predicted: `(N, K, 2)` pixels; NaN where a keypoint was not found.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        normaliser: `(N,)` pixels by which distances are divided. An object does not count if its
            normaliser is not a finite number above 0.

    Returns:
        `(N, K)` in pixels, or in units of the normaliser; NaN where a keypoint does not count,
        infinite where it was not found.
    """
    require_shape("labelled", labelled, predicted.shape)
    require_shape("visible", visible, predicted.shape[:-1])
    counts = np.asarray(visible, bool)
    distance = np.linalg.norm(predicted - np.where(counts[..., None], labelled, 0), axis=-1)
    distance = np.where(np.isnan(distance), np.inf, distance)
    if normaliser is not None:
        require_shape("normaliser", normaliser, (len(predicted),))
        usable = np.isfinite(normaliser) & (normaliser > 0)
        distance = distance / np.where(usable, normaliser, 1)[:, None]
        counts = counts & usable[:, None]
    return np.where(counts, distance, np.nan)


def mean_by_keypoint(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the means over all values that count.

    Args:
        values: `(N, K)`, NaN where nothing counts.

    Returns:
        `(K,)` per keypoint, and the mean over all points; NaN where nothing counts.
    """
    counted = ~np.isnan(values)
    sums, counts = np.where(counted, values, 0).sum(axis=0), counted.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return sums / counts, float(sums.sum() / np.float64(counts.sum()))


def epe(
    predicted: np.ndarray, labelled: np.ndarray, visible: np.ndarray
) -> tuple[np.ndarray, float]:
    """Computes the mean end-point error in pixels.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.

    Returns:
        `(K,)` per keypoint, and the mean over all labelled points; NaN where nothing is labelled,
        infinite where a labelled keypoint was not found.
    """
    return mean_by_keypoint(distances(predicted, labelled, visible))


def nme(
    predicted: np.ndarray, labelled: np.ndarray, visible: np.ndarray, *, normaliser: np.ndarray
) -> tuple[np.ndarray, float]:
    """Computes the normalised mean error: the mean distance in units of each object's normaliser.

    In face alignment, the normaliser is the distance between the outer eye corners (300-W: Sagonas
    et al., ICCV workshops 2013) or the square root of the box's area.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        normaliser: `(N,)` pixels, see `distances`.

    Returns:
        The same as `epe`, in units of the normaliser.
    """
    return mean_by_keypoint(distances(predicted, labelled, visible, normaliser))


def auc(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    maximum: float,
    normaliser: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Computes the area under the curve of PCK over its threshold, from 0 to `maximum`.

    A perfect result is 1. Papers on hands report it (Zimmermann & Brox, ICCV 2017), and so does
    MPII's table for PCKh up to 0.5. The value is exact. Software that sums PCK at some thresholds
    deviates by up to one step; MMPose, with 0, 1.5 ... 28.5 pixels, reports lower values.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        maximum: the largest threshold, in pixels or in units of the normaliser.
        normaliser: `(N,)` pixels, see `distances`.

    Returns:
        `(K,)` per keypoint, and the mean over all labelled points; NaN where nothing is labelled.
    """
    return mean_by_keypoint(areas_under_curve(predicted, labelled, visible, maximum, normaliser))


def areas_under_curve(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    maximum: float,
    normaliser: np.ndarray | None = None,
) -> np.ndarray:
    """Returns `(N, K)`: the share of the thresholds that each keypoint meets.

    AUC is the mean of it. NaN where a keypoint does not count. For the arguments see `auc`.
    """
    distance = distances(predicted, labelled, visible, normaliser)
    return np.clip(1 - distance / maximum, 0, 1)
