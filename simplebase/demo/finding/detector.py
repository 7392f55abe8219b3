"""Finds boxes of people or other classes with a YOLOX detector.

YOLOX (Ge et al., 2021, https://arxiv.org/abs/2107.08430) as its authors export it to ONNX. Its
input is BGR 0..255 at the top left of a grey square. Its output has one row for each cell of three
grids, which is not yet decoded.
"""

import os
from typing import Any

import cv2
import numpy as np

from simplebase.demo.finding.boxes import overlap
from simplebase.errors import DataError
from simplebase.files import require_file
from simplebase.geometry import Size
from simplebase.pose import Box, clipped
from simplebase.runtimes.onnx import open_session
from simplebase.videos.frame import Frame

STRIDES = (8, 16, 32)
_GREY = 114
# x, y, width, height and objectness, followed by the classes.
_FIXED = 5


class Detector:
    """Finds boxes in images with a YOLOX file.

    Args:
        path: an `.onnx` file.
        category: number of the class to find; 0 is a person in COCO.
        min_score: smallest score of a box, 0 to 1: probability of an object times that of its
            class.
        max_overlap: if two boxes overlap by more (intersection over union), the better one is kept.
        threads: number of CPU threads; by default one per core.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not an ONNX file, not a YOLOX detector, or does not have the class.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        category: int = 0,
        min_score: float = 0.3,
        max_overlap: float = 0.45,
        threads: int | None = None,
    ) -> None:
        path = require_file(path, "the detector")
        try:
            session = open_session(path, threads)
        except DataError as error:
            raise DataError(f"{path} is not a detector, because it is not an ONNX file.") from error
        self._session = session
        self.size = _input_size(session, path)
        self._centers, self._strides = _grid(self.size)
        classes = _class_count(session, path, len(self._strides))
        if not 0 <= category < classes:
            raise DataError(f"{path} has {classes} classes, numbered from 0. Received: {category}.")
        self.category = category
        self.min_score = min_score
        self.max_overlap = max_overlap

    def __call__(self, frame: Frame) -> list[Box]:
        """Returns the boxes in a frame, best first."""
        return [tuple(box) for box in self.detect(frame.image)[0].tolist()]

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns boxes `(n, 4)` x, y, width, height in pixels and scores `(n,)`, best first.

        Args:
            image: `(height, width, 3)` uint8 RGB.
        """
        tensor, magnification = letterboxed(image, self.size)
        rows = self.rows(tensor)
        scores = self.scores(rows)
        sure = np.flatnonzero(scores >= self.min_score)
        boxes = self.decoded(rows[sure], sure) / magnification
        kept = suppressed(boxes, scores[sure], self.max_overlap)
        boxes, scores = boxes[kept], scores[sure][kept]
        inside = [len(clipped(box[None], image)) > 0 for box in boxes]
        return clipped(boxes, image), scores[inside]

    def rows(self, tensor: np.ndarray) -> np.ndarray:
        """Returns the output `(A, 5 + classes)`, not decoded, of an input; see `letterboxed`."""
        name = self._session.get_inputs()[0].name
        rows: np.ndarray = self._session.run(None, {name: tensor})[0][0]
        return rows

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """Returns the scores `(A,)` of the class to find."""
        return rows[:, 4] * rows[:, _FIXED + self.category]

    def decoded(self, rows: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Decodes the rows of some cells to `(n, 4)` x, y, width, height in input pixels."""
        stride = self._strides[cells, None]
        middle = (rows[:, :2] + self._centers[cells]) * stride
        # A cell without an object may contain any value. e ** 50 strides are no box anyway.
        sides = np.exp(np.minimum(rows[:, 2:4], 50.0).astype(np.float64)) * stride
        return np.concatenate([middle - sides / 2, sides], axis=1)


def letterboxed(image: np.ndarray, size: Size) -> tuple[np.ndarray, float]:
    """Returns `(1, 3, H, W)` float32 BGR with the image at the top left, and its magnification."""
    height, width = image.shape[:2]
    magnification = min(size[0] / height, size[1] / width)
    sides = max(1, round(width * magnification)), max(1, round(height * magnification))
    shrinks = magnification < 1
    resized = cv2.resize(
        image, sides, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    canvas = np.full((*size, 3), _GREY, np.uint8)
    canvas[: sides[1], : sides[0]] = resized
    return np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32), (
        magnification
    )


def suppressed(boxes: np.ndarray, scores: np.ndarray, max_overlap: float) -> np.ndarray:
    """Returns the indices of the kept boxes, best first; none overlaps a better one by more."""
    rest = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(rest):
        best, rest = rest[0], rest[1:]
        kept.append(int(best))
        rest = rest[overlap(boxes[best][None], boxes[rest])[0] <= max_overlap]
    return np.array(kept, int)


def _grid(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Returns column and row `(A, 2)` and stride `(A,)` of all cells."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.indices((size[0] // stride, size[1] // stride))
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full(rows.size, stride))
    return np.concatenate(cells), np.concatenate(strides)


def _input_size(session: Any, path: os.PathLike[str]) -> Size:
    ports = [(each.shape, each.type) for each in session.get_inputs()]
    shape = ports[0][0] if len(ports) == 1 else []
    if (
        len(shape) == 4
        and shape[1] == 3
        and ports[0][1] == "tensor(float)"
        and all(isinstance(side, int) and side % max(STRIDES) == 0 for side in shape[2:])
    ):
        return shape[2], shape[3]
    raise DataError(
        f"{path} is not a YOLOX detector: expected one input (1, 3, H, W) of floats, H and W "
        f"multiples of {max(STRIDES)}. It has {', '.join(str(shape) for shape, _ in ports)}."
    )


def _class_count(session: Any, path: os.PathLike[str], cells: int) -> int:
    shapes = [each.shape for each in session.get_outputs()]
    shape = shapes[0] if len(shapes) == 1 else []
    if len(shape) == 3 and shape[1] == cells and isinstance(shape[2], int) and shape[2] > _FIXED:
        return shape[2] - _FIXED
    raise DataError(
        f"{path} is not a YOLOX detector: expected one output (1, {cells}, 5 + classes). It has "
        f"{', '.join(str(shape) for shape in shapes)}."
    )
