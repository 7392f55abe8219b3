"""Confidence intervals of metrics, by the percentile bootstrap.

Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

Images are drawn with replacement, as many as the dataset has, and the metric is computed again. The
interval contains the central share of the results. Images are drawn instead of objects, because the
objects of one image share its light, scenery and crowd, and are not independent.

The same seed draws the same images, so the metrics of two models are paired. The interval of their
differences depends on the models only, because difficult images are difficult for both.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from simplebase.errors import ArgumentError
from simplebase.metrics.arrays import require_shape

RESAMPLES = 1000
LEVEL = 0.95

Interval = tuple[float, float]

# How many weights are in memory at once.
_CHUNK_VALUES = 4_000_000


def bootstrap(
    statistics: Callable[[np.ndarray], Mapping[str, float]],
    num_images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Resamples metrics that accept a weight for each image.

    For COCO's metrics, call `bootstrap(partial(weighted_ap, matches), num_images)`.

    Args:
        statistics: takes `(I,)` weights (how often each image was drawn) and returns the metrics by
            name, NaN where one is undefined.
        num_images: `I`, above 0.
        resamples: `R`, the number of resamples.
        seed: the same seed draws the same images for any metric.

    Returns:
        `(R,)` values of each metric.
    """
    rows = [
        statistics(weights) for chunk in _weights(num_images, resamples, seed) for weights in chunk
    ]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


def bootstrap_ratio(
    numerators: np.ndarray,
    denominators: np.ndarray,
    images: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> np.ndarray:
    """Resamples a ratio of two sums, such as correct to labelled keypoints.

    Args:
        numerators: `(N,)`, one per object; may be infinite.
        denominators: `(N,)`.
        images: `(N,)` ids or paths of the objects' images.
        resamples: `R`, the number of resamples.
        seed: see `bootstrap`.

    Returns:
        `(R,)`; NaN where all drawn denominators are 0.
    """
    require_shape("denominators", denominators, (len(images),))
    require_shape("numerators", numerators, (len(images),))
    names, rows = np.unique(images, return_inverse=True)
    tops = np.bincount(rows, numerators, minlength=len(names))
    bottoms = np.bincount(rows, denominators, minlength=len(names))
    infinite = np.isinf(tops)
    tops[infinite] = 0
    values = []
    for weights in _weights(len(names), resamples, seed):
        sums = np.where(weights @ infinite > 0, np.inf, weights @ tops)
        with np.errstate(invalid="ignore"):
            values.append(sums / (weights @ bottoms))
    return np.concatenate(values)


def bootstrap_mean(
    values: np.ndarray, images: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Resamples a mean over keypoints, for PCK, PCKh, EPE, NME and AUC.

    Args:
        values: `(N, K)` from `correct_keypoints` or `distances`; NaN where nothing counts.
        images: `(N,)` ids or paths of the objects' images.
        resamples: `R`, the number of resamples.
        seed: see `bootstrap`.

    Returns:
        `(R,)`; NaN where no drawn keypoint counts.
    """
    sums, counts = np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1)
    return bootstrap_ratio(sums, counts, images, resamples=resamples, seed=seed)


def percentile_interval(samples: np.ndarray, level: float = LEVEL) -> Interval:
    """Returns the central interval of a metric's resamples.

    Args:
        samples: `(R,)` from the bootstrap; NaN is ignored.
        level: share of the resamples inside the interval.

    Returns:
        Lower and upper bound; NaN if the metric is never defined.
    """
    samples = samples[~np.isnan(samples)]
    if not len(samples):
        return np.nan, np.nan
    # A metric may be infinite, and infinite values cannot be interpolated.
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return float(low), float(high)


def _weights(num_images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yields `(R, I)` weights in chunks: how often each image was drawn, in `resamples` rows."""
    if num_images < 1:
        raise ArgumentError("a confidence interval needs at least one image. Received: none.")
    if resamples < 1:
        raise ArgumentError(f"resamples must be at least 1. Received: {resamples}.")
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK_VALUES // num_images)
    even = np.full(num_images, 1 / num_images)
    for done in range(0, resamples, rows):
        yield random.multinomial(num_images, even, size=min(rows, resamples - done))
