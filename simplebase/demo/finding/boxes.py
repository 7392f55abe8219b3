"""Boxes of objects in a frame: the whole frame, given boxes, or a file of boxes."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from simplebase.errors import DataError, SimplebaseWarning
from simplebase.files import read_json, require_file
from simplebase.inference import whole_image
from simplebase.pose import Box
from simplebase.videos.frame import Frame


class Finder(Protocol):
    """Finds the boxes of the objects in a frame."""

    def __call__(self, frame: Frame) -> list[Box]:
        """Returns x, y, width, height of each object in pixels."""


class WholeFrame:
    """One object that fills the frame."""

    def __call__(self, frame: Frame) -> list[Box]:
        """Returns the box of the whole frame."""
        return [whole_image(frame.image)]


class GivenBoxes:
    """The same boxes in every frame."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._boxes = list(boxes)

    def __call__(self, frame: Frame) -> list[Box]:
        """Returns the given boxes."""
        return self._boxes


class BoxesByFrame:
    """Separate boxes for each frame.

    Args:
        boxes: boxes by the frame's file name or, for a video, its number.
        name: name of the file with the boxes.
    """

    def __init__(self, boxes: dict[str, list[Box]], name: str) -> None:
        self._boxes = boxes
        self._name = name
        # An entry without boxes has no effect, so it need not match a frame.
        self._unused = {key for key, found in boxes.items() if found}

    def __call__(self, frame: Frame) -> list[Box]:
        """Returns the boxes for the frame's name or number; none if the file has no such entry."""
        key = frame.name if frame.name in self._boxes else str(frame.index)
        self._unused.discard(key)
        return self._boxes.get(key, [])

    def warn_of_unused(self) -> None:
        """Warns, after the last frame, of entries that matched no frame."""
        if self._unused:
            warnings.warn(
                f"{self._name}: {len(self._unused)} of {len(self._boxes)} entries match no frame, "
                f"such as {min(self._unused)!r}. Use an image's file name as the key, or the "
                "number of a video frame, from 0.",
                SimplebaseWarning,
                stacklevel=2,
            )


def read_frame_boxes(path: str | os.PathLike[str]) -> Finder:
    """Reads a JSON file of boxes x, y, width, height in pixels.

    The file contains one of

    - a list of boxes for all frames;
    - an object whose keys are file names or, for a video, frame numbers from 0, and whose values
      are lists of boxes;
    - the output of the demo's `--output FILE.json`.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: the content is not one of these. The message names the entry.
    """
    path = require_file(path, "the file of boxes")
    content = read_json(path)
    if isinstance(content, list):
        return GivenBoxes(_boxes(content, path, "the list"))
    if isinstance(content, dict) and isinstance(content.get("frames"), list):
        content = {_key(path, entry): _pose_boxes(path, entry) for entry in content["frames"]}
    if not isinstance(content, dict):
        raise DataError(
            f"{path}: expected a list of boxes [x, y, width, height], or such lists by file "
            f"name or frame number. Received: {type(content).__name__}."
        )
    return BoxesByFrame(
        {str(key): _boxes(found, path, repr(key)) for key, found in content.items()}, str(path)
    )


def _key(path: Path, entry: Any) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("frame"), int):
        raise DataError(
            f"{path}: each of `frames` is an object with a number `frame`, and `poses`. "
            f"Received: {str(entry)[:80]}."
        )
    return str(entry.get("file") or entry["frame"])


def _pose_boxes(path: Path, entry: dict[str, Any]) -> list[Any]:
    try:
        return [pose["box"] for pose in entry["poses"]]
    except (KeyError, TypeError):
        raise DataError(
            f"{path}, frame {entry['frame']}: expected `poses`, each with a `box`."
        ) from None


def _boxes(found: Any, path: Path, where: str) -> list[Box]:
    if not isinstance(found, list):
        raise DataError(
            f"{path}, {where}: expected a list of boxes [x, y, width, height]. "
            f"Received: {str(found)[:80]}."
        )
    return [_box(box, path, f"{where}, box {number}") for number, box in enumerate(found)]


def _box(box: Any, path: Path, where: str) -> Box:
    try:
        # A string of four digits would also look like four numbers.
        if not all(isinstance(value, int | float) for value in box):
            raise TypeError
        x, y, width, height = (float(value) for value in box)
        if not np.isfinite([x, y, width, height]).all() or min(width, height) <= 0:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"{path}, {where}: a box is [x, y, width, height] in pixels, the latter two above 0. "
            f"Received: {str(box)[:80]}."
        ) from None
    return x, y, width, height


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns `(m, n)`: intersection over union of boxes `(m, 4)` and `(n, 4)`."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    ends, other_ends = boxes[:, :2] + boxes[:, 2:], others[:, :2] + others[:, 2:]
    high = np.minimum(ends[:, None], other_ends[None])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = boxes[:, 2:].prod(axis=1)[:, None] + others[:, 2:].prod(axis=1)[None]
    return shared / np.maximum(areas - shared, np.spacing(1))
