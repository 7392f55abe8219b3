"""How much a label would teach, from the keypoints that a model finds.

With several objects in a frame, a part is the mean over them. Each part is a figure of its own
unit, so they are compared by rank: of a part, the lowest of all frames counts 0 and the highest 1,
and the score of a frame is the mean over the parts it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, counted

_LEAST_POSES = 10
"""A mean and a spread of fewer say little."""
_LEAST_STEP = 1.0
"""Pixels. Over a still picture the keypoints of a model tremble by less, and that is no jump."""
_LEAST_SPREAD = 1e-3
"""Of a keypoint among labelled poses of size 1, where all are labelled at the same place."""


@dataclass(frozen=True, eq=False)
class Parts(ArrayEquality):
    """What the score of `N` frames is made of; NaN where a frame has no such part.

    Args:
        mean_score: `(N,)` of the keypoints; the lower, the more interesting. The others are more
            interesting the higher they are.
        mirror: `(N,)`, see `mirror_disagreement`.
        jump: `(N,)`, see `jumps`; NaN of images.
        unlikely: `(N,)`, see `LabelledPoses`; NaN without labelled poses.
    """

    mean_score: np.ndarray
    mirror: np.ndarray
    jump: np.ndarray
    unlikely: np.ndarray

    def score(self) -> np.ndarray:
        """`(N,)` from 0 to 1: the mean of the ranks of the parts that a frame has."""
        parts = [ranks(-self.mean_score), *map(ranks, (self.mirror, self.jump, self.unlikely))]
        table = np.stack(parts)
        present = np.isfinite(table)
        total = np.where(present, table, 0).sum(axis=0)
        return np.asarray(total / np.maximum(present.sum(axis=0), 1))


def ranks(values: np.ndarray) -> np.ndarray:
    """`(N,)` from 0, the lowest, to 1, the highest; equal values share their mean rank.

    Args:
        values: `(N,)`; NaN has no rank and stays NaN. One value alone, or all the same: 0.5.
    """
    result = np.full(len(values), np.nan)
    present = np.isfinite(values)
    if not present.any():
        return result
    _, group, sizes = np.unique(values[present], return_inverse=True, return_counts=True)
    middles = np.cumsum(sizes) - (sizes + 1) / 2
    last = present.sum() - 1
    result[present] = middles[group] / last if last else 0.5
    return result


def mirror_disagreement(
    points: np.ndarray,
    mirrored: np.ndarray,
    permutation: np.ndarray,
    size: tuple[int, int],
) -> float:
    """Mean distance of keypoints to those of the mirrored crop, in parts of its longer side.

    Args:
        points: `(K, 2)` x, y found in the crop, in its pixels.
        mirrored: `(K, 2)` x, y found in the mirrored crop, in its pixels.
        permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
        size: `(height, width)` of the crop.
    """
    back = np.stack([size[1] - 1 - mirrored[:, 0], mirrored[:, 1]], axis=-1)[permutation]
    return float(np.linalg.norm(points - back, axis=-1).mean() / max(size))


def jumps(points: Sequence[np.ndarray]) -> np.ndarray:
    """`(T,)` how far the keypoints of a frame are from those of its neighbours in the video.

    That is the mean distance of an object's keypoints to those of the nearest object in one of the
    two neighbours, whichever is nearer, so that a cut, which is far from one side only, is no jump.
    It is divided by the median step of the video, at least `_LEAST_STEP`, so that fast and slow
    ones compare. Steps of 0, of frames shown twice, do not count in the median.

    Args:
        points: of each of `T` frames of one video in order, `(n, K, 2)` x, y of its objects, one at
            least.

    Returns:
        NaN of a single frame.
    """
    if len(points) < 2:
        return np.full(len(points), np.nan)
    forward = [_steps(each, after) for each, after in pairwise(points)]
    backward = [_steps(each, before) for before, each in pairwise(points)]
    steps = np.concatenate([*forward, *backward])
    moved = steps[steps > 0]
    usual = max(float(np.median(moved)), _LEAST_STEP) if len(moved) else _LEAST_STEP
    nearest = [
        forward[0],
        *(np.minimum(back, ahead) for back, ahead in zip(backward, forward[1:], strict=False)),
        backward[-1],
    ]
    return np.array([each.mean() / usual for each in nearest])


def _steps(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`(n,)` mean distance of the keypoints of `(n, K, 2)` to the nearest of `(m, K, 2)`."""
    apart = np.linalg.norm(points[:, None] - others[None], axis=-1).mean(axis=-1)
    return np.asarray(apart.min(axis=1))


class LabelledPoses:
    """Mean and spread of labelled poses, whatever their place and size in the image.

    Args:
        keypoints: `(N, K, 3)` x, y, visibility; poses with a keypoint that is not labelled do not
            count, because their middle and size are not known.
        name: of where they are from, for the error.

    Raises:
        DataError: fewer than ten poses have all their keypoints labelled.
    """

    def __init__(self, keypoints: np.ndarray, name: str) -> None:
        poses = keypoints[(keypoints[..., 2] > 0).all(axis=1), :, :2]
        if len(poses) < _LEAST_POSES:
            raise DataError(
                f"{name} has {counted(len(poses), 'pose')} with all keypoints labelled, but at "
                f"least {_LEAST_POSES} are needed to tell which poses are unlikely."
            )
        placed = _normalised(poses)
        self._mean = placed.mean(axis=0)
        variance = ((placed - self._mean) ** 2).sum(axis=-1).mean(axis=0)
        self._spread = np.maximum(np.sqrt(variance), _LEAST_SPREAD)

    def distance(self, points: np.ndarray) -> np.ndarray:
        """`(N,)` distance to the mean pose: each keypoint's over its spread, the root mean square.

        A pose as far off as the labelled ones are on average has about 1.

        Args:
            points: `(N, K, 2)` x, y.
        """
        apart = np.linalg.norm(_normalised(points) - self._mean, axis=-1) / self._spread
        return np.asarray(np.sqrt((apart**2).mean(axis=-1)))


def _normalised(points: np.ndarray) -> np.ndarray:
    """`(N, K, 2)` with the middle at 0 and a root mean square distance to it of 1."""
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=-1).mean(axis=-1))
    # Of a pose that is a single point; it stays one.
    return np.asarray(centred / np.where(size > 0, size, 1)[:, None, None])
