"""Counts how often a model confuses left and right keypoints."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

APART = 0.1
"""Smallest distance of a pair's labels, as a fraction of the longer side of the object's box.

Closer pairs are not counted.
"""


@dataclass(frozen=True)
class SideConfusion:
    """The counts of one pair of keypoints, such as the wrists.

    Args:
        pair: the two names.
        counted: number of keypoints that were found at one of the two labels, within half of the
            labels' distance, in objects whose labels are far enough apart.
        confused: how many of them are nearer to the label of the other side than to their own.
        objects: number of objects in which both sides are confused, so the two are exchanged.
    """

    pair: tuple[str, str]
    counted: int
    confused: int
    objects: int

    @property
    def share(self) -> float | None:
        """The share of confused keypoints among those counted; None if there are none."""
        return self.confused / self.counted if self.counted else None


def confused_sides(
    predicted: np.ndarray,
    labelled: np.ndarray,
    sizes: np.ndarray,
    keypoints: Sequence[str],
    pairs: Sequence[tuple[str, str]],
) -> tuple[SideConfusion, ...]:
    """Counts confused sides by pair.

    Args:
        predicted: `(N, K, 2)` image pixels, NaN where not found.
        labelled: `(N, K, 3)` x, y in image pixels and visibility.
        sizes: `(N,)` longer sides of the objects' boxes in pixels.
        keypoints: the `K` names.
        pairs: pairs of names that swap in a horizontal flip.
    """
    found = []
    for pair in pairs:
        places = [keypoints.index(name) for name in pair]
        points, labels = predicted[:, places], labelled[:, places, :2]
        apart = np.linalg.norm(labels[:, 0] - labels[:, 1], axis=-1)
        usable = (labelled[:, places, 2] > 0).all(axis=1) & (apart >= APART * sizes)
        own = np.linalg.norm(points - labels, axis=-1)
        other = np.linalg.norm(points - labels[:, ::-1], axis=-1)
        # A keypoint at neither label is not a confusion of sides. Comparisons with NaN are false.
        counted = usable[:, None] & (np.minimum(own, other) <= apart[:, None] / 2)
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
