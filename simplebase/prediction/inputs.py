"""The images and videos of a prediction, stored in little memory, and their division into parts."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.images import VIDEO_SUFFIXES
from simplebase.videos.frame import Frame

IMAGES_PER_PART = 1024
"""A killed run repeats at most one part: a few seconds of work for a CPU."""


def is_address(path: str) -> bool:
    """Returns whether a path is an address on another file system: `s3://bucket/image.jpg`."""
    return "://" in path


def is_video(path: str) -> bool:
    """Returns whether a path is that of a video, by its suffix."""
    return path.lower().endswith(VIDEO_SUFFIXES)


@dataclass(frozen=True)
class Part:
    """Successive images, or one video, whose results are written together.

    Args:
        number: index of the part.
        start: index of its first input.
        stop: index after its last input.
    """

    number: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class ObjectBoxes(ArrayEquality):
    """The boxes of the objects, if the source itself has them.

    Args:
        boxes: `(M, 4)` float64 x, y, width, height in pixels.
        starts: `(N + 1,)`. The boxes of input `i` are `boxes[starts[i] : starts[i + 1]]`.
        annotation_ids: `(M,)` int64; -1 if the source has none.
    """

    boxes: np.ndarray
    starts: np.ndarray
    annotation_ids: np.ndarray


@dataclass(frozen=True, eq=False)
class Chunk(ArrayEquality):
    """Images that are processed together.

    Args:
        part: number of the part that the chunk belongs to.
        number: index of the chunk in its part.
        is_last: whether it is the last chunk of its part.
        indices: indices of its images among the inputs.
        paths: one path per image, or the path of the video.
        image_ids: one id per image; -1 if the source has none.
        boxes: boxes `(m, 4)` of each image; None if the source has no boxes.
        annotation_ids: ids of the boxes of each image; None if the source has no boxes.
        frames: frames of an opened video, or images in memory, whose `time` is NaN. None if the
            paths have not been read yet.
        failure: why a video cannot be read.
    """

    part: int
    number: int
    is_last: bool
    indices: tuple[int, ...]
    paths: tuple[str, ...]
    image_ids: tuple[int, ...]
    boxes: tuple[np.ndarray, ...] | None = None
    annotation_ids: tuple[np.ndarray, ...] | None = None
    frames: tuple[Frame, ...] | None = None
    failure: str | None = None

    @property
    def is_unopened_video(self) -> bool:
        """Whether it is a video whose frames have not been read yet."""
        return self.frames is None and self.failure is None and is_video(self.paths[0])


@dataclass(frozen=True, eq=False)
class Inputs(ArrayEquality):
    """`N` images and videos.

    Args:
        name: the inputs as the user named them.
        paths: `N` absolute paths or addresses; for a packed dataset, the paths in its records.
        root: folder that the column `file` is relative to. If empty, `file` is the path.
        image_ids: `(N,)` int64; None if the source has none.
        objects: the boxes of the source; None if it has none.
        packed: the packed dataset that holds the images. Its record `i` is input `i`.
    """

    name: str
    paths: Sequence[str]
    root: str
    image_ids: np.ndarray | None = None
    objects: ObjectBoxes | None = None
    packed: str | None = None

    def __len__(self) -> int:
        """`N`."""
        return len(self.paths)

    @property
    def sha256(self) -> str:
        """SHA-256 of all paths, boxes and ids in their order."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(os.fsencode(path) + b"\0")
        if self.image_ids is not None:
            digest.update(self.image_ids.tobytes())
        if self.objects is not None:
            for column in (self.objects.boxes, self.objects.starts, self.objects.annotation_ids):
                digest.update(column.tobytes())
        return digest.hexdigest()

    def parts(self, images_per_part: int = IMAGES_PER_PART) -> list[Part]:
        """Returns the parts in order. A part is a video, or up to `images_per_part` images."""
        parts: list[Part] = []
        start = 0
        while start < len(self):
            stop = start + 1
            if not self.is_video(start):
                most = min(start + images_per_part, len(self))
                while stop < most and not self.is_video(stop):
                    stop += 1
            parts.append(Part(len(parts), start, stop))
            start = stop
        return parts

    def is_video(self, index: int) -> bool:
        """Returns whether input `index` is a video."""
        return self.packed is None and is_video(self.paths[index])

    def chunks(self, part: Part, size: int) -> Iterator[Chunk]:
        """Yields the chunks of a part: up to `size` images, or an unopened video."""
        for number, start in enumerate(range(part.start, part.stop, size)):
            stop = min(start + size, part.stop)
            places = range(start, stop)
            ids = [-1] * len(places) if self.image_ids is None else self.image_ids[start:stop]
            yield Chunk(
                part.number,
                number,
                stop == part.stop,
                tuple(places),
                tuple(self.paths[start:stop]),
                tuple(map(int, ids)),
                *self._objects(places),
            )

    def _objects(
        self, places: range
    ) -> tuple[tuple[np.ndarray, ...] | None, tuple[np.ndarray, ...] | None]:
        if self.objects is None:
            return None, None
        starts = self.objects.starts
        rows = [slice(starts[place], starts[place + 1]) for place in places]
        return (
            tuple(self.objects.boxes[row] for row in rows),
            tuple(self.objects.annotation_ids[row] for row in rows),
        )


def relative_name(path: str, root: str) -> str:
    """Returns a path relative to `root`, with slashes; an address outside it stays unchanged."""
    if is_address(path) or not root:
        return path.removeprefix(root.rstrip("/") + "/") if root else path
    folder = os.path.join(root, "")
    if path.startswith(folder):  # usual; `relpath` takes as long as reading a small image
        return PurePath(path[len(folder) :]).as_posix() if os.sep != "/" else path[len(folder) :]
    return PurePath(os.path.relpath(path, root)).as_posix()


def common_root(paths: Sequence[str]) -> str:
    """Returns the deepest folder that contains all paths; empty if there is none."""
    if not paths:
        return ""
    # Of all paths, the alphabetically first and last have the shortest prefix in common.
    low, high = min(paths), max(paths)
    if is_address(low) or is_address(high):
        shared = os.path.commonprefix([low, high])
        root = shared.rpartition("/")[0]
        return root if "://" in root and not root.endswith(":/") else ""
    try:
        return os.path.commonpath([os.path.dirname(low), os.path.dirname(high)])
    except ValueError:  # different drives on Windows
        return ""
