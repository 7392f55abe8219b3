"""How often a model takes the left keypoint for the right one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

APART = 0.1
"""Labels of a pair that are nearer to each other, in object heights, say nothing about sides."""


@dataclass(frozen=True)
class SideConfusion:
    """What became of one pair of keypoints, such as the wrists.

    Args:
        pair: the two names.
        counted: keypoints of objects with both labels, far enough apart, that were found.
        confused: how many of them lie nearer to the label of the other side than to their own.
        objects: objects in which that holds for both sides at once: the two are exchanged.
    """

    pair: tuple[str, str]
    counted: int
    confused: int
    objects: int

    @property
    def share(self) -> float | None:
        """Of the counted keypoints the confused ones; None if there are none."""
        return self.confused / self.counted if self.counted else None


def confused_sides(
    predicted: np.ndarray,
    labelled: np.ndarray,
    heights: np.ndarray,
    keypoints: Sequence[str],
    pairs: Sequence[tuple[str, str]],
) -> tuple[SideConfusion, ...]:
    """Counts confused sides by pair.

    Args:
        predicted: `(N, K, 2)` image pixels, NaN where not found.
        labelled: `(N, K, 3)` x, y in image pixels and visibility.
        heights: `(N,)` of the objects, in pixels.
        keypoints: the `K` names.
        pairs: of the names that swap in a horizontal flip.
    """
    found = []
    for pair in pairs:
        places = [keypoints.index(name) for name in pair]
        points, labels = predicted[:, places], labelled[:, places, :2]
        apart = np.linalg.norm(labels[:, 0] - labels[:, 1], axis=-1) >= APART * heights
        usable = (labelled[:, places, 2] > 0).all(axis=1) & apart
        own = np.linalg.norm(points - labels, axis=-1)
        other = np.linalg.norm(points - labels[:, ::-1], axis=-1)
        counted = usable[:, None] & np.isfinite(own)
        confused = counted & (other < own)
        found.append(
            SideConfusion(
                (pair[0], pair[1]),
                int(counted.sum()),
                int(confused.sum()),
                int(confused.all(axis=1).sum()),
            )
        )
    return tuple(found)
