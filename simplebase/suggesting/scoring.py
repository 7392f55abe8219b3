"""Estimates from a model's keypoints how much the label of a frame would improve the model.

There are several criteria, each with its own unit. They are combined by rank: for each criterion,
the least interesting frame has rank 0 and the most interesting one rank 1. The score of a frame is
its mean rank over the criteria that it has. With several objects in a frame, a criterion is the
mean over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, counted

_LEAST_POSES = 10
"""The mean and spread of fewer poses are too uncertain."""
_LEAST_STEP = 1.0
"""Pixels. In a video without motion, the keypoints of a model jitter by less than this."""
_LEAST_SPREAD = 1e-3
"""Relative to the size of a pose. It avoids a division by 0 if a keypoint is labelled at the same
place in all poses."""


@dataclass(frozen=True, eq=False)
class Criteria(ArrayEquality):
    """The criteria that rank `N` frames; NaN if a frame does not have one.

    A frame is interesting if `mean_score` is low, or if one of the others is high.

    Args:
        mean_score: `(N,)` mean score of the keypoints.
        mirror: `(N,)`, see `mirror_disagreement`.
        jump: `(N,)`, see `jumps`; NaN for images.
        unlikely: `(N,)`, see `LabelledPoses`; NaN without labelled poses.
    """

    mean_score: np.ndarray
    mirror: np.ndarray
    jump: np.ndarray
    unlikely: np.ndarray

    def score(self) -> np.ndarray:
        """Returns `(N,)` from 0 to 1: the mean rank of each frame over the criteria it has."""
        others = (self.mirror, self.jump, self.unlikely)
        table = np.stack([ranks(-self.mean_score), *map(ranks, others)])
        present = np.isfinite(table)
        total = np.where(present, table, 0).sum(axis=0)
        return np.asarray(total / np.maximum(present.sum(axis=0), 1))


def ranks(values: np.ndarray) -> np.ndarray:
    """Returns ranks `(N,)` from 0 (lowest) to 1 (highest). Equal values share their mean rank.

    If all values are equal, or there is only one, the rank is 0.5.

    Args:
        values: `(N,)`. NaN has no rank and stays NaN.
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
    """Returns the mean distance between the keypoints of a crop and those of the mirrored crop.

    It is a fraction of the longer side of the crop.

    Args:
        points: `(K, 2)` x, y found in the crop, in its pixels.
        mirrored: `(K, 2)` x, y found in the mirrored crop, in its pixels.
        permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
        size: `(height, width)` of the crop.
    """
    back = np.stack([size[1] - 1 - mirrored[:, 0], mirrored[:, 1]], axis=-1)[permutation]
    return float(np.linalg.norm(points - back, axis=-1).mean() / max(size))


def jumps(points: Sequence[np.ndarray]) -> np.ndarray:
    """Measures how far the keypoints of each frame are from those of its neighbours in the video.

    The step between two frames is the mean distance of an object's keypoints to those of the
    nearest object in the other frame. Each frame counts the smaller of its two steps: at a cut,
    only one of them is large, and a cut is not a jump. Steps are divided by the median step of the
    video (at least `_LEAST_STEP`), so that fast and slow videos can be compared. Frames that are
    shown twice have a step of 0, which does not count in the median.

    Args:
        points: for each of `T` successive frames of one video, `(n, K, 2)` x, y of its objects, at
            least one.

    Returns:
        `(T,)`; NaN if there is only one frame.
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
    """Returns `(n,)`: mean distance of each of `(n, K, 2)` to the nearest of `(m, K, 2)`."""
    apart = np.linalg.norm(points[:, None] - others[None], axis=-1).mean(axis=-1)
    return np.asarray(apart.min(axis=1))


class LabelledPoses:
    """Mean and spread of labelled poses, independent of their position and size in the image.

    Args:
        keypoints: `(N, K, 3)` x, y, visibility. Poses with an unlabelled keypoint do not count,
            because their centre and size are unknown.
        name: name of the dataset, for the error message.

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
        """Returns the distances `(N,)` to the mean pose.

        The distance of each keypoint is divided by the keypoint's spread; the result is their root
        mean square. Typical labelled poses have about 1.

        Args:
            points: `(N, K, 2)` x, y.
        """
        apart = np.linalg.norm(_normalised(points) - self._mean, axis=-1) / self._spread
        return np.asarray(np.sqrt((apart**2).mean(axis=-1)))


def _normalised(points: np.ndarray) -> np.ndarray:
    """Returns `(N, K, 2)` with the centre at 0 and a root mean square distance of 1 from it."""
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=-1).mean(axis=-1))
    # A pose whose keypoints all coincide has size 0; it stays a point.
    return np.asarray(centred / np.where(size > 0, size, 1)[:, None, None])
