"""The first stage of a prediction: reads images, finds the objects and cuts them out."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from simplebase.data.image_store import decode_stored
from simplebase.demo.finding.boxes import Finder
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, SimplebaseError
from simplebase.geometry import compose, invert
from simplebase.images import decode_image, read_bytes, warp_image
from simplebase.inference import checked_boxes, cut_out
from simplebase.metadata import ModelMetadata
from simplebase.prediction.inputs import Chunk, Inputs, is_address, relative_name
from simplebase.prediction.locations import read_address
from simplebase.prediction.settings import PredictionSettings
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import VideoFile

_CHUNK_BYTES = 64 << 20
"""Most bytes of a video's decoded frames in one chunk: eleven frames of 1080p."""


@dataclass(frozen=True)
class Problem:
    """An input that cannot be predicted.

    Args:
        path: path of the image or video.
        frame: number of the frame in its video; None for an image, or for a video as a whole.
        error: what is wrong.
    """

    path: str
    frame: int | None
    error: str


@dataclass(frozen=True, eq=False)
class Crops(ArrayEquality):
    """The crops of the `n` objects of a chunk.

    Args:
        part: number of the part that the chunk belongs to.
        number: index of the chunk in its part.
        is_last: whether it is the last chunk of its part.
        paths: `n` paths of the images or videos.
        files: the same paths, relative to the root of the inputs.
        frames: `(n,)` numbers of video frames; -1 for images.
        times: `(n,)` times of video frames in seconds; NaN for images.
        image_ids: `(n,)`; -1 if the source has none.
        annotation_ids: `(n,)`; -1 if the source has none.
        boxes: `(n, 4)` x, y, width, height of the box that was cut out.
        images: `(n, H, W, 3)` uint8 crops.
        matrices: `(n, 2, 3)` matrices from the image to the crop.
        counts: number of objects in each image that was read.
        problems: the images that could not be read.
    """

    part: int
    number: int
    is_last: bool
    paths: tuple[str, ...]
    files: tuple[str, ...]
    frames: np.ndarray
    times: np.ndarray
    image_ids: np.ndarray
    annotation_ids: np.ndarray
    boxes: np.ndarray
    images: np.ndarray
    matrices: np.ndarray
    counts: tuple[int, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class _Cut(ArrayEquality):
    """The crops of one image's objects."""

    path: str
    file: str
    frame: int
    time: float
    image_id: int
    annotation_ids: np.ndarray
    boxes: np.ndarray
    images: np.ndarray
    matrices: np.ndarray


class CropReader:
    """Cuts out the objects of chunks. Several threads may call it at once.

    Args:
        metadata: metadata of the model.
        settings: the settings of the prediction.
        root: see `Inputs`.
        packed: see `Inputs`.
        find: a finder that is already open. By default the settings open one.
    """

    def __init__(
        self,
        metadata: ModelMetadata,
        settings: PredictionSettings,
        root: str = "",
        packed: str | None = None,
        find: Finder | None = None,
    ) -> None:
        self._metadata = metadata
        self._settings = settings
        self._root = root
        self._packed = packed
        self._find = find or settings.finder()
        self._depth = settings.depth_range or metadata.depth_range

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        metadata: ModelMetadata,
        settings: PredictionSettings,
        find: Finder | None = None,
    ) -> "CropReader":
        """Creates a reader for the given inputs."""
        return cls(metadata, settings, inputs.root, inputs.packed, find)

    def __call__(self, chunk: Chunk) -> Crops:
        """Cuts out the objects of a chunk. A video must be opened first, see `opened`."""
        cuts: list[_Cut] = []
        problems: list[Problem] = []
        if chunk.failure is not None:
            problems.append(Problem(chunk.paths[0], None, chunk.failure))
        else:
            for place in range(len(chunk.frames or chunk.paths)):
                frame = None if chunk.frames is None else chunk.frames[place]
                path = chunk.paths[min(place, len(chunk.paths) - 1)]  # a video has only one path
                try:
                    cuts.append(self._cut(chunk, place, path, frame))
                except (SimplebaseError, cv2.error, MemoryError) as error:
                    number = None if frame is None else frame.index
                    text = str(error).strip() or "there is not enough memory."
                    problems.append(Problem(path, number, text))
        return self._joined(chunk, cuts, problems)

    def _cut(self, chunk: Chunk, place: int, path: str, frame: Frame | None) -> _Cut:
        if self._packed is not None:
            return self._cut_packed(chunk, place, path)
        file = relative_name(path, self._root)
        row = min(place, len(chunk.paths) - 1)
        is_frame = frame is not None and not math.isnan(frame.time)
        if frame is None:
            data = read_address(path) if is_address(path) else read_bytes(path)
            image = decode_image(data, path, depth_range=self._depth)
            index = chunk.indices[place]
            frame = Frame(image, index, float(index), file)
        own = chunk.boxes is not None and not self._settings.ignores_source_boxes
        if own and chunk.boxes is not None and chunk.annotation_ids is not None:
            given = list(map(tuple, chunk.boxes[row].tolist()))
            annotations = chunk.annotation_ids[row]
        else:
            given = self._find(frame)
            annotations = np.full(len(given), -1, np.int64)
        boxes = checked_boxes(frame.image, given)
        if len(boxes):
            crops, matrices = cut_out(frame.image, boxes, self._metadata, self._settings.fit)
        else:
            crops = np.zeros((0, *self._metadata.input_size, 3), np.uint8)
            matrices = np.zeros((0, 2, 3))
        return _Cut(
            path,
            file,
            frame.index if is_frame else -1,
            frame.time if is_frame else float("nan"),
            chunk.image_ids[row],
            annotations,
            np.array(boxes, float).reshape(-1, 4),
            crops,
            matrices,
        )

    def _cut_packed(self, chunk: Chunk, place: int, path: str) -> _Cut:
        """Cuts out a packed record, whose image is already a crop of the original."""
        index = chunk.indices[place]
        store = self._store
        image = decode_stored(store, index)
        assert chunk.boxes is not None and chunk.annotation_ids is not None
        metadata = self._metadata
        boxes = chunk.boxes[place]
        matrices = metadata.crop.box_matrix(boxes, metadata.input_size, self._settings.fit)
        stored = np.eye(2, 3) if store.matrices is None else store.matrices[index]
        warped = warp_image(image, compose(matrices[0], invert(stored)), metadata.input_size)
        annotations, image_id = chunk.annotation_ids[place], chunk.image_ids[place]
        return _Cut(
            path, path, -1, float("nan"), image_id, annotations, boxes, warped[None], matrices
        )

    @cached_property
    def _store(self):  # type: ignore[no-untyped-def]
        from simplebase.data.loading import load_dataset

        assert self._packed is not None
        return load_dataset(self._packed).with_default_depth(self._depth).images

    def _joined(self, chunk: Chunk, cuts: Sequence[_Cut], problems: Sequence[Problem]) -> Crops:
        counts = [len(cut.boxes) for cut in cuts]

        def column(values: Sequence[object], kind: type) -> np.ndarray:
            return np.repeat(np.array(values, kind), counts)

        def joined(arrays: Sequence[np.ndarray], shape: tuple[int, ...], kind: type) -> np.ndarray:
            return np.concatenate([np.zeros((0, *shape), kind), *arrays])

        return Crops(
            chunk.part,
            chunk.number,
            chunk.is_last,
            tuple(cut.path for cut, count in zip(cuts, counts, strict=True) for _ in range(count)),
            tuple(cut.file for cut, count in zip(cuts, counts, strict=True) for _ in range(count)),
            column([cut.frame for cut in cuts], np.int64),
            column([cut.time for cut in cuts], np.float64),
            column([cut.image_id for cut in cuts], np.int64),
            joined([cut.annotation_ids for cut in cuts], (), np.int64),
            joined([cut.boxes for cut in cuts], (4,), np.float64),
            joined([cut.images for cut in cuts], (*self._metadata.input_size, 3), np.uint8),
            joined([cut.matrices for cut in cuts], (2, 3), np.float64),
            tuple(counts),
            tuple(problems),
        )


def opened(
    chunk: Chunk, size: int, counted: Callable[[int], None] | None = None
) -> Iterator[Chunk]:
    """Yields a chunk of images as it is, and a video as chunks of its decoded frames.

    Args:
        chunk: a chunk of images, or one video.
        size: most frames per chunk. Chunks of large frames have fewer.
        counted: called with the number of a video's frames if it is known.
    """
    if not chunk.is_unopened_video:
        yield chunk
        return
    path = chunk.paths[0]
    try:
        if is_address(path):
            raise DataError(
                f"{path}: videos can only be read from a local path. Copy it to this machine first."
            )
        video = VideoFile.open(Path(path))
    except SimplebaseError as error:
        yield replace(chunk, failure=str(error))
        return
    if counted and video.count:
        counted(video.count)
    number, waiting, taken = 0, [], 0
    try:
        frame = video.read()
        while frame is not None:
            waiting.append(frame)
            taken += frame.image.nbytes
            frame = video.read()
            if frame is None or len(waiting) == size or taken >= _CHUNK_BYTES:
                last = frame is None
                yield replace(chunk, number=number, is_last=last, frames=tuple(waiting))
                number, waiting, taken = number + 1, [], 0
    finally:
        video.close()
