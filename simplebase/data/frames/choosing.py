"""Chooses frames of videos that are worth labelling."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simplebase.data.frames.clustering import k_means
from simplebase.data.frames.sampling import Moment, Sample

Method = Literal["kmeans", "uniform"]

ALIKE = 20.0
"""Grey levels. Two frames are near duplicates if no pixel of their small images differs by more.

The largest difference counts instead of the mean: if the camera stands still and a small animal
moves, most pixels stay the same. `data check` finds copies of an image by the same bound.
"""


@dataclass(frozen=True)
class Choice:
    """The chosen frames.

    Args:
        moments: the chosen frames by video and time.
        alike: sampled frames that were left out because they look like a chosen one.
        known: sampled frames that were left out because they look like a known image.
    """

    moments: tuple[Moment, ...]
    alike: int
    known: int = 0


def choose(
    sample: Sample, count: int, *, method: Method = "kmeans", seed: int = 0, alike: float = ALIKE
) -> Choice:
    """Chooses frames that differ; fewer than `count` if all others look like a chosen one.

    Args:
        sample: the frames to choose from.
        count: number of frames from all videos together; each video has the same share.
        method: `kmeans` clusters similar frames, as DeepLabCut does, and takes the frame nearest to
            the mean of each cluster (Mathis et al., 2018,
            https://doi.org/10.1038/s41593-018-0209-y). If near duplicates leave places free, these
            go to the frames that differ most from the chosen ones. `uniform` divides the time of a
            video into equal parts and takes the frame nearest to the middle of each. Instead of a
            near duplicate, the next frame of the part or cluster is taken.
        seed: seed of k-means. The same seed chooses the same frames.
        alike: grey levels, see `ALIKE`; below 0 nothing is a near duplicate.
    """
    chosen = _Chosen(sample.images, count, alike)
    times = np.array([moment.time for moment in sample.moments])
    for places, share in _shares(np.array([moment.video for moment in sample.moments]), count):
        if method == "uniform":
            groups = _parts(times[places], share)
        else:
            groups = _clusters(sample.images[places], share, seed)
        for group in groups:
            chosen.take_first(places[group])
    if method == "kmeans":
        chosen.fill()
    moments = tuple(sample.moments[place] for place in sorted(chosen.places))
    return Choice(moments, int(chosen.near.sum()) - len(moments))


def choose_best(
    sample: Sample,
    scores: np.ndarray,
    count: int,
    *,
    alike: float = ALIKE,
    known: Iterable[np.ndarray] = (),
) -> Choice:
    """Chooses different frames with the highest scores.

    Each video has the same share. If near duplicates leave places free, these go to the best of the
    other frames of any video. For equal scores, the earlier frame comes first.

    Args:
        sample: the frames to choose from.
        scores: `(N,)` scores of the frames.
        count: number of frames from all videos together.
        alike: grey levels, see `ALIKE`; below 0 nothing is a near duplicate.
        known: `(height, width)` uint8 small images, of which no near duplicate is chosen.
    """
    chosen = _Chosen(sample.images, count, alike)
    for image in known:
        chosen.leave_out(image)
    left_out = int(chosen.near.sum())
    best = np.argsort(-scores, kind="stable")
    videos = np.array([moment.video for moment in sample.moments])
    for places, share in _shares(videos, count):
        own = best[np.isin(best, places)]
        for _ in range(share):
            chosen.take_first(own)
    while len(chosen.places) < count and not chosen.near.all():
        chosen.take_first(best)
    moments = tuple(sample.moments[place] for place in sorted(chosen.places))
    return Choice(moments, int(chosen.near.sum()) - left_out - len(moments), left_out)


class _Chosen:
    """The frames chosen so far, and the frames that are similar to them.

    Args:
        images: `(N, height, width)` uint8.
        count: largest number of frames to choose.
        alike: grey levels.
    """

    def __init__(self, images: np.ndarray, count: int, alike: float) -> None:
        self.places: list[int] = []
        self.near = np.zeros(len(images), bool)
        self._difference = np.full(len(images), np.inf)
        self._images = images.reshape(len(images), -1)
        self._count = count
        self._alike = alike

    def take_first(self, places: np.ndarray) -> None:
        """Takes the first of these frames that is not similar to a chosen one, if there is one."""
        free = places[~self.near[places]]
        if len(self.places) >= self._count or not len(free):
            return
        place = int(free[0])
        largest = self.leave_out(self._images[place])
        self.near[place] = True
        self._difference = np.minimum(self._difference, largest)
        self.places.append(place)

    def leave_out(self, image: np.ndarray) -> np.ndarray:
        """Leaves out the frames that are near to an image; returns `(N,)` how far they are."""
        image = image.ravel()
        # Differences of unsigned numbers would wrap around below 0.
        apart = np.maximum(self._images, image) - np.minimum(self._images, image)
        largest = apart.max(axis=1)
        self.near |= largest <= self._alike
        return np.asarray(largest)

    def fill(self) -> None:
        """Takes frames that differ most from the chosen ones, until there are enough."""
        while len(self.places) < self._count and not self.near.all():
            self.take_first(np.argsort(-self._difference, kind="stable"))


def _shares(videos: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yields the indices of each video's frames, and how many of them to choose.

    Each video has the same share, whatever its length, because k-means over all videos together
    would take most frames from the one with the largest movements. The remainder goes to the videos
    with the most frames.

    Args:
        videos: `(N,)` int, the video of each frame.
        count: total number of frames to choose.
    """
    different, sizes = np.unique(videos, return_counts=True)
    share, left = divmod(count, len(different))
    larger = set(different[np.argsort(-sizes, kind="stable")[:left]].tolist())
    for video in different.tolist():
        if own := share + (video in larger):
            yield np.flatnonzero(videos == video), own


def _clusters(images: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yields the frames of each cluster, the largest first, from its centre outwards."""
    labels, distances = k_means(images.reshape(len(images), -1), count, seed)
    for cluster in np.argsort(-np.bincount(labels), kind="stable"):
        members = np.flatnonzero(labels == cluster)
        yield members[np.argsort(distances[members], kind="stable")]


def _parts(times: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yields the frames of equal parts of the time, from the middle of each part outwards."""
    length = times[-1] - times[0]
    edges = times[0] + length * np.arange(1, count) / count
    parts = np.searchsorted(edges, times, side="right")
    for part in range(count):
        members = np.flatnonzero(parts == part)
        middle = times[0] + length * (part + 0.5) / count
        yield members[np.argsort(abs(times[members] - middle), kind="stable")]
