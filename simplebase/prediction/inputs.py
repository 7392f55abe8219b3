"""The images and videos that a prediction looks at, in little memory, and how they are divided."""

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
"""A few seconds of a processor: what a run that is killed has to do again."""


def is_address(path: str) -> bool:
    """Whether a path names another file system, such as `s3://bucket/image.jpg`."""
    return "://" in path


def is_video(path: str) -> bool:
    """Whether a path is a video's, by its suffix."""
    return path.lower().endswith(VIDEO_SUFFIXES)


@dataclass(frozen=True)
class Part:
    """Images in a row, or one video, whose results are committed together.

    Args:
        number: its place among the parts.
        start: index of its first input.
        stop: index behind its last one.
    """

    number: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class ObjectBoxes(ArrayEquality):
    """Where the objects of the inputs are, as the source itself says.

    Args:
        boxes: `(M, 4)` float64 x, y, width, height in pixels.
        starts: `(N + 1,)` the boxes of input `i` are those from `starts[i]` to `starts[i + 1]`.
        annotation_ids: `(M,)` int64; -1 where the source has none.
    """

    boxes: np.ndarray
    starts: np.ndarray
    annotation_ids: np.ndarray


@dataclass(frozen=True, eq=False)
class Chunk(ArrayEquality):
    """Images that are worked on together.

    Args:
        part: number of their part.
        number: place of the chunk in the part.
        is_last: whether it is the part's last one.
        indices: of its images among the inputs.
        paths: one an image; of a video the one of the file.
        image_ids: one an image; -1 where the source has none.
        boxes: of each image, `(m, 4)`; None: the source does not say.
        annotation_ids: as `boxes`.
        frames: of a video that was opened, or images in memory, whose `time` is NaN; None: the
            paths are to be read.
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
        """Whether its frames have not been read yet."""
        return self.frames is None and self.failure is None and is_video(self.paths[0])


@dataclass(frozen=True, eq=False)
class Inputs(ArrayEquality):
    """`N` images and videos.

    Args:
        name: as they were given, for people.
        paths: `N` absolute paths or addresses; of a packed dataset the paths in its records.
        root: folder that `file_name` is relative to; empty: the paths are.
        image_ids: `(N,)` int64; None: the source has none.
        objects: boxes of the source; None: it has none.
        packed: a packed dataset that holds the images; its record `i` is input `i`.
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
        """Of all paths, boxes and ids: the same inputs in the same order have the same."""
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
        """All parts in order: a video is one, and so are up to `images_per_part` images."""
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
        """Whether input `index` is a video."""
        return self.packed is None and is_video(self.paths[index])

    def chunks(self, part: Part, size: int) -> Iterator[Chunk]:
        """The chunks of a part, each of up to `size` images; a video is one chunk, not opened."""
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
    """What a path is called below `root`, with slashes; the path itself elsewhere."""
    if is_address(path) or not root:
        return path.removeprefix(root.rstrip("/") + "/") if root else path
    folder = os.path.join(root, "")
    if path.startswith(folder):  # most do, and `relpath` takes as long as reading a small image
        return PurePath(path[len(folder) :]).as_posix() if os.sep != "/" else path[len(folder) :]
    return PurePath(os.path.relpath(path, root)).as_posix()


def common_root(paths: Sequence[str]) -> str:
    """The deepest folder that all paths lie in; empty where there is none."""
    if not paths:
        return ""
    # The first and the last in the alphabet differ the earliest.
    low, high = min(paths), max(paths)
    if is_address(low) or is_address(high):
        shared = os.path.commonprefix([low, high])
        root = shared.rpartition("/")[0]
        return root if "://" in root and not root.endswith(":/") else ""
    try:
        return os.path.commonpath([os.path.dirname(low), os.path.dirname(high)])
    except ValueError:  # drives of Windows
        return ""
