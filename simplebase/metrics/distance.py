"""Distances between predicted and labelled keypoints, and the metrics that are means of them.

`N` objects, `K` keypoints. A value of NaN does not count; a keypoint that was not found is
infinitely far, so that no metric rewards a model for leaving it out.
"""

import numpy as np

from simplebase.metrics.arrays import require_shape


def distances(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    normaliser: np.ndarray | None = None,
) -> np.ndarray:
    """How far each prediction is off.

    Args:
        predicted: `(N, K, 2)` pixels; NaN where a keypoint was not found.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        normaliser: `(N,)` pixels that distances are divided by; an object whose normaliser is not
            a finite number above 0 does not count.

    Returns:
        `(N, K)` pixels, or normalisers; NaN where nothing counts, infinite where not found.
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
    """Means over what counts.

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
    """Mean end-point error in pixels.

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
    """Normalised mean error: the mean distance over each object's own normaliser.

    Face alignment divides by the distance of the outer eye corners (300-W: Sagonas et al., ICCV
    workshops 2013) or by the square root of the box's area.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        normaliser: `(N,)` pixels, see `distances`.

    Returns:
        As `epe`, in normalisers.
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
    """Area under the curve of PCK against its threshold, from 0 to `maximum`; 1 is perfect.

    Papers on hands report it (Zimmermann & Brox, ICCV 2017), MPII's table does for PCKh up to 0.5.
    It is exact: software that sums PCK at a number of thresholds is up to a step off; MMPose, which
    takes 0, 1.5 ... 28.5 pixels, is below.

    Args:
        predicted: `(N, K, 2)` pixels.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a keypoint counts.
        maximum: upper end of the thresholds, in pixels or, if there are any, normalisers.
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
    """`(N, K)`: the share of the thresholds that each keypoint meets; NaN as `distances`.

    AUC is the mean of it, point by point; arguments as for `auc`.
    """
    distance = distances(predicted, labelled, visible, normaliser)
    return np.clip(1 - distance / maximum, 0, 1)
