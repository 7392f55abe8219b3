"""Confidence intervals of a metric: the percentile bootstrap.

Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

Images are drawn with replacement, as many as there are, and the metric is computed anew; the
interval holds the middle of what comes out. Images are drawn, not objects: the objects of one image
share its light, its scenery and its crowd, and are not independent.

The same seed draws the same images, so the metrics of two models come in pairs, and the interval of
their differences tells of the models alone: what is hard in the images drawn is so for both.
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


def bootstrap(
    statistics: Callable[[np.ndarray], Mapping[str, float]],
    num_images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """What metrics come to that can weigh their images.

    Those of COCO are `bootstrap(partial(weighted_ap, matches), num_images)`.

    Args:
        statistics: the metrics by name, from `(I,)` weights, how often each image was drawn; NaN
            where one is not defined.
        num_images: `I`, above 0.
        resamples: `R`, how often to draw.
        seed: the same seed draws the same images, whatever the metric.

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
    """What a sum over a sum comes to, such as correct over labelled keypoints.

    Args:
        numerators: `(N,)`, one an object; may be infinite.
        denominators: `(N,)`.
        images: `(N,)` ids or paths of the images that the objects are in.
        resamples: `R`, how often to draw.
        seed: as for `bootstrap`.

    Returns:
        `(R,)`; NaN where all denominators that were drawn are 0.
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
    """What a mean over keypoints comes to: of PCK, PCKh, EPE, NME and AUC.

    Args:
        values: `(N, K)`, NaN where nothing counts, as `correct_keypoints` and `distances` give.
        images: `(N,)` as for `bootstrap_ratio`.
        resamples: `R`, how often to draw.
        seed: as for `bootstrap`.

    Returns:
        `(R,)`; NaN where nothing that was drawn counts.
    """
    sums, counts = np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1)
    return bootstrap_ratio(sums, counts, images, resamples=resamples, seed=seed)


def percentile_interval(samples: np.ndarray, level: float = LEVEL) -> Interval:
    """The middle of what a metric came to.

    Args:
        samples: `(R,)` of the bootstrap; those that are NaN are passed over.
        level: share of the resamples inside.

    Returns:
        Low and high; NaN if the metric is never defined.
    """
    samples = samples[~np.isnan(samples)]
    if not len(samples):
        return np.nan, np.nan
    # A metric may be infinite, between whose values nothing can be interpolated.
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return float(low), float(high)


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
