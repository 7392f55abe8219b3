"""Reads `annotations.json`, upstream's list of records, into columns, and writes it from dicts.

A record has `dataset`, `isValidation`, `img_paths`, `objpos` (x, y), `joint_self` (K rows of x,
y, visibility) and `scale_provided` (longer side of the object's box / 200 px). Optional:
`headboxes` (x1, y1, x2, y2), `image_id`, `annotation_id`, `bbox` (x, y, width, height), `area`, and
`origin`, the coordinate of the first pixel's centre. A record without `origin` comes from upstream
and counts pixels from 1.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np

from simplebase.data.fields import (
    LARGEST,
    are_numbers,
    flat,
    is_id,
    record_problems,
    stays_inside,
)
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError
from simplebase.files import read_json, require_file

UPSTREAM_ORIGIN = 1

# Errors that an invalid record causes in `_to_columns`.
_BROKEN = (KeyError, TypeError, ValueError, OverflowError, AttributeError)


@dataclass(frozen=True, eq=False)
class Records(ArrayEquality):
    """`N` labelled objects as columns; points are zero-based pixels.

    Args:
        paths: `(N,)` image paths relative to the dataset's `images` folder.
        centers: `(N, 2)` float64 x, y.
        scales: `(N,)` float64 longer side of the object's box / 200 px.
        keypoints: `(N, K, 3)` float64 x, y, visibility (0 not labelled, 1 hidden, 2 visible).
        validation: `(N,)` bool.
        headboxes: `(N, 4)` float64 x1, y1, x2, y2; NaN where the record has none.
        boxes: `(N, 4)` float64 x, y, width, height; NaN where the record has none.
        areas: `(N,)` float64 square pixels; NaN where the record has none.
        image_ids: `(N,)` int64; -1 where the record has none.
        annotation_ids: `(N,)` int64; -1 where the record has none.
    """

    paths: np.ndarray
    centers: np.ndarray
    scales: np.ndarray
    keypoints: np.ndarray
    validation: np.ndarray
    headboxes: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    image_ids: np.ndarray
    annotation_ids: np.ndarray

    def __len__(self) -> int:
        """`N`."""
        return len(self.paths)

    def select(self, index: np.ndarray) -> "Records":
        """Returns the records at `index`, indices or a mask of length `N`."""
        return Records(*(getattr(self, field.name)[index] for field in fields(self)))


def read_records(path: str | os.PathLike[str], num_keypoints: int, skeleton: str) -> Records:
    """Reads `annotations.json`, or the same with `.gz`.

    Args:
        path: the file.
        num_keypoints: `K` of the skeleton.
        skeleton: its name, for messages.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not a list of records. The message names file, record index and field.
    """
    content = _read_list(path)
    try:
        return _to_columns(content, num_keypoints)
    except _BROKEN:
        pass
    # The fast reader only detects that something is wrong; this finds out what.
    for index, record in enumerate(content):
        for problem in record_problems(record, num_keypoints, skeleton):
            where = f"record {index}"
            if isinstance(record, dict) and isinstance(record.get("img_paths"), str):
                where += f' (img_paths "{record["img_paths"]}")'
            raise DataError(f"{path}, {where}: {problem}")
    raise DataError(f"{path}: the records do not form one table. Check the file's writer.")


@dataclass(frozen=True, eq=False)
class Survey(ArrayEquality):
    """The content of an annotation file, with valid and invalid records separated.

    Args:
        content: every item of the file's list.
        sound: `(N,)` indices of the valid records in `content`.
        records: the valid records as columns; `None` if there are none.
        problems: the errors of each invalid record, by its index.
    """

    content: list[Any]
    sound: np.ndarray
    records: Records | None
    problems: dict[int, list[str]]


def survey_records(path: str | os.PathLike[str], num_keypoints: int, skeleton: str) -> Survey:
    """Reads an annotation file like `read_records`, but continues after an invalid record.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not a list, or the list is empty.
    """
    content = _read_list(path)
    try:
        return Survey(content, np.arange(len(content)), _to_columns(content, num_keypoints), {})
    except _BROKEN:
        pass
    problems = {
        index: found
        for index, record in enumerate(content)
        if (found := list(record_problems(record, num_keypoints, skeleton)))
    }
    sound = np.array([i for i in range(len(content)) if i not in problems], int)
    if len(sound) == 0:
        return Survey(content, sound, None, problems)
    try:
        records = _to_columns([content[index] for index in sound], num_keypoints)
    except _BROKEN as error:
        raise DataError(
            f"{path}: the records do not form one table. Check the file's writer."
        ) from error
    return Survey(content, sound, records, problems)


def make_record(
    *,
    dataset: str,
    validation: bool,
    path: str,
    center: Sequence[float] | np.ndarray,
    scale: float,
    keypoints: np.ndarray,
    headbox: Sequence[float] | np.ndarray | None = None,
    box: Sequence[float] | np.ndarray | None = None,
    area: float | None = None,
    image_id: int | None = None,
    annotation_id: int | None = None,
) -> dict[str, Any]:
    """Makes a record of `annotations.json` from zero-based pixels, without rounding.

    Args:
        dataset: the dataset's name.
        validation: whether the record is held out.
        path: path of the image, relative to the dataset's `images` folder.
        center: x, y of the object.
        scale: longer side of the object's box / 200 px.
        keypoints: `(K, 3)` x, y, visibility; those with visibility 0 are written as zeros.
        headbox: x1, y1, x2, y2.
        box: x, y, width, height.
        area: square pixels.
        image_id: COCO's image id.
        annotation_id: COCO's annotation id.
    """
    keypoints = np.where(keypoints[:, 2:] > 0, keypoints, 0)
    optional = {
        "headboxes": None if headbox is None else [float(value) for value in headbox],
        "bbox": None if box is None else [float(value) for value in box],
        "area": None if area is None else float(area),
        "image_id": image_id,
        "annotation_id": annotation_id,
    }
    return {
        "dataset": dataset,
        "isValidation": float(validation),
        "img_paths": path,
        "objpos": [float(value) for value in center],
        "joint_self": keypoints.astype(float).tolist(),
        "scale_provided": float(scale),
        **{key: value for key, value in optional.items() if value is not None},
        "origin": 0,
    }


def _read_list(path: str | os.PathLike[str]) -> list[Any]:
    path = require_file(path, "the annotation file")
    content = read_json(path)
    if not isinstance(content, list):
        hint = ""
        if isinstance(content, dict) and "annotations" in content:
            hint = " Is it a COCO file? `simplebase convert coco` makes a dataset folder from it."
        raise DataError(
            f"{path}: expected a list of records. Received: {type(content).__name__}.{hint}"
        )
    if not content:
        raise DataError(f"{path} has no records. Check the converter that wrote it.")
    return content


def _to_columns(content: list[dict[str, Any]], num_keypoints: int) -> Records:
    """Converts records to columns; raises one of several errors if a record is invalid."""
    paths = [record["img_paths"] for record in content]
    validation = [record["isValidation"] for record in content]
    if not all(isinstance(path, str) and stays_inside(path) for path in paths):
        raise ValueError
    if not all(value in (0, 1) for value in validation):
        raise ValueError
    keypoints = _required(content, "joint_self", num_keypoints, 3)
    centers = _required(content, "objpos", 2)
    scales = _required(content, "scale_provided")
    if not np.isin(keypoints[..., 2], (0, 1, 2)).all() or not (scales > 0).all():
        raise ValueError
    origins = _optional(content, "origin", 1)[:, 0]
    origins[np.isnan(origins)] = UPSTREAM_ORIGIN
    # In upstream's MPII records, 1 is visible, and 0 is both hidden and unlabelled. Only the
    # coordinates distinguish the two.
    hidden = np.array([r["dataset"] == "MPI" and "origin" not in r for r in content])
    labelled = (keypoints[..., :2] > 1).all(axis=-1) & hidden[:, None]
    keypoints[..., 2] = np.where(labelled, np.minimum(keypoints[..., 2] + 1, 2), keypoints[..., 2])
    keypoints[..., :2] -= origins[:, None, None]
    keypoints[keypoints[..., 2] == 0] = 0
    boxes = _optional(content, "bbox", 4)
    boxes[:, :2] -= origins[:, None]
    return Records(
        paths=np.array(paths, object),
        centers=centers - origins[:, None],
        scales=scales,
        keypoints=keypoints,
        validation=np.array(validation, bool),
        headboxes=_optional(content, "headboxes", 4) - origins[:, None],
        boxes=boxes,
        areas=_optional(content, "area", 1)[:, 0],
        image_ids=_ids(content, "image_id"),
        annotation_ids=_ids(content, "annotation_id"),
    )


def _required(content: list[dict[str, Any]], key: str, *shape: int) -> np.ndarray:
    """Returns `(N, *shape)` float64; NumPy alone would also accept "1", true and null."""
    values: Any = [record[key] for record in content]
    column = np.array(values, np.float64)
    for _ in shape:
        values = chain.from_iterable(values)
    only_numbers = set(map(type, values)) <= {int, float}
    if column.shape != (len(content), *shape) or not only_numbers:
        raise ValueError
    if not (np.abs(column) < LARGEST).all():
        raise ValueError
    return column


def _optional(content: list[dict[str, Any]], key: str, width: int) -> np.ndarray:
    """Returns `(N, width)` float64, NaN where a record lacks `key`."""
    column = np.full((len(content), width), math.nan)
    for index, record in enumerate(content):
        if key in record:
            values = flat(record[key])
            if not are_numbers(values, width):
                raise ValueError
            column[index] = values
    return column


def _ids(content: list[dict[str, Any]], key: str) -> np.ndarray:
    """Returns `(N,)` int64, -1 where a record lacks `key`."""
    values = [record.get(key, -1) for record in content]
    if not all(is_id(value) for value in values):
        raise ValueError
    return np.array(values, np.int64)
