"""Confidence intervals of a metric: the percentile bootstrap.

Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

Images are drawn with replacement, as many as there are, and the metric is computed anew; the
interval holds the middle of what comes out. Images are drawn, not objects: the objects of one image
share its light, its scenery and its crowd, and are not independent.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from simplebase.errors import ArgumentError
from simplebase.metrics.arrays import require_shape

RESAMPLES = 1000
LEVEL = 0.95

Interval = tuple[float, float]

# Weights that are held in memory at once.
_CHUNK_VALUES = 4_000_000


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float],
    num_images: int,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of any metric that can weigh its images.

    Args:
        statistic: the metric from `(I,)` weights, how often each image was drawn; NaN where it is
            not defined, which is passed over.
        num_images: `I`, above 0.
        resamples: how often to draw.
        level: share of the resamples inside.
        seed: the same seed gives the same interval.

    Returns:
        Low and high; NaN if the metric is never defined.
    """
    values = [statistic(weights) for weights in _each(num_images, resamples, seed)]
    return _percentiles(np.array(values, float), level)


def bootstrap_intervals(
    statistics: Callable[[np.ndarray], Mapping[str, float]],
    num_images: int,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """The intervals of metrics that are found together, by their names.

    Those of COCO are `bootstrap_intervals(partial(weighted_ap, matches), len(matches.image_ids))`.
    Arguments as for `bootstrap_interval`.
    """
    rows = [statistics(weights) for weights in _each(num_images, resamples, seed)]
    return {
        name: _percentiles(np.array([row[name] for row in rows], float), level) for name in rows[0]
    }


def ratio_interval(
    numerators: np.ndarray,
    denominators: np.ndarray,
    images: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of a sum over a sum, such as correct over labelled keypoints.

    Args:
        numerators: `(N,)`, one an object; may be infinite.
        denominators: `(N,)`.
        images: `(N,)` ids or paths of the images that the objects are in.
        resamples: how often to draw.
        level: share of the resamples inside.
        seed: the same seed gives the same interval.

    Returns:
        Low and high; NaN if all denominators are 0.
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
    return _percentiles(np.concatenate(values), level)


def mean_interval(
    values: np.ndarray,
    images: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of a mean over keypoints: of PCK, PCKh, EPE, NME and AUC.

    Args:
        values: `(N, K)`, NaN where nothing counts, as `correct_keypoints` and `distances` give.
        images: `(N,)` as for `ratio_interval`.
        resamples: how often to draw.
        level: share of the resamples inside.
        seed: the same seed gives the same interval.
    """
    return ratio_interval(
        np.nansum(values, axis=1),
        (~np.isnan(values)).sum(axis=1),
        images,
        resamples=resamples,
        level=level,
        seed=seed,
    )


def _weights(num_images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Chunks of `(R, I)`: how often each image was drawn, `resamples` rows in all."""
    if num_images < 1:
        raise ArgumentError("a confidence interval needs at least one image. Received: none.")
    if resamples < 1:
        raise ArgumentError(f"resamples is at least 1. Received: {resamples}.")
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK_VALUES // num_images)
    even = np.full(num_images, 1 / num_images)
    for done in range(0, resamples, rows):
        yield random.multinomial(num_images, even, size=min(rows, resamples - done))


def _each(num_images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """`(I,)` weights of one resample after the other."""
    for chunk in _weights(num_images, resamples, seed):
        yield from chunk


def _percentiles(values: np.ndarray, level: float) -> Interval:
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    # A metric may be infinite, between whose values nothing can be interpolated.
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="nearest")
    return float(low), float(high)
