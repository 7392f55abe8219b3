"""Reads lists of paths: text, CSV or Parquet, with or without boxes."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import DataError
from simplebase.extras import import_with_extras
from simplebase.files import require_file
from simplebase.files.encodings import decode_text
from simplebase.prediction.inputs import Inputs, ObjectBoxes, is_address
from simplebase.prediction.locations import read_address

LIST_SUFFIXES = (".txt", ".csv", ".parquet")
_BOX = ("x", "y", "width", "height")


@dataclass(frozen=True, eq=False)
class Listed(ArrayEquality):
    """`M` rows of a list. The rows of one image follow each other.

    Args:
        paths: `M` absolute paths or addresses.
        boxes: `(M, 4)` x, y, width, height; None if the list has no boxes.
        image_ids: `(M,)`; None if the list has none.
        annotation_ids: `(M,)`; None if the list has none.
    """

    paths: Sequence[str]
    boxes: np.ndarray | None = None
    image_ids: np.ndarray | None = None
    annotation_ids: np.ndarray | None = None


def read_list(path: str) -> Listed:
    """Reads a list of paths. Relative paths start at the current folder.

    - `.txt`: one path per line;
    - `.csv`: a column `path`, and optionally the columns `x`, `y`, `width`, `height` of a box;
    - `.parquet`: a column `path`, and optionally a column `box` of four numbers.

    Raises:
        MissingFileError: there is no such file.
        DataError: a column is missing, or a box is invalid; the message names the row.
    """
    if is_address(path):
        data = read_address(path)
    else:
        data = require_file(path, "the list").read_bytes()
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        return _parquet(data, path)
    text = decode_text(data, path)
    if suffix == ".csv":
        return _csv(text, path)
    lines = [line.strip() for line in text.splitlines()]
    return Listed([_absolute(line) for line in lines if line and not line.startswith("#")])


def objects_of(listed: Listed, name: str, root: str) -> Inputs:
    """Returns the inputs of a list. Successive rows with the same path are objects of one image."""
    if listed.boxes is None:
        return Inputs(name, listed.paths, root)
    paths = np.array(listed.paths, object)
    firsts = np.flatnonzero(np.concatenate([[True], paths[1:] != paths[:-1]]))
    missing = np.full(len(paths), -1, np.int64)
    objects = ObjectBoxes(
        np.asarray(listed.boxes, float),
        np.append(firsts, len(paths)),
        missing if listed.annotation_ids is None else listed.annotation_ids,
    )
    ids = None if listed.image_ids is None else listed.image_ids[firsts]
    return Inputs(name, paths[firsts].tolist(), root, ids, objects)


def _csv(text: str, path: str) -> Listed:
    rows = csv.DictReader(io.StringIO(text))
    columns = rows.fieldnames or []
    if "path" not in columns:
        raise DataError(
            f"{path}: expected a column `path`, and for boxes the columns {', '.join(_BOX)}. "
            f"Received: {', '.join(columns) or 'an empty file'}."
        )
    has_boxes = all(side in columns for side in _BOX)
    paths, boxes = [], []
    for number, row in enumerate(rows, start=2):
        paths.append(_absolute(row["path"]))
        if has_boxes:
            try:
                boxes.append([float(row[side]) for side in _BOX])
            except (TypeError, ValueError):
                raise DataError(
                    f"{path}, line {number}: expected numbers as {', '.join(_BOX)}. Received: "
                    f"{', '.join(str(row[side]) for side in _BOX)}."
                ) from None
    return Listed(paths, _checked(np.array(boxes, float), path) if has_boxes else None)


def _parquet(data: bytes, path: str) -> Listed:
    pyarrow = import_with_extras("pyarrow")
    parquet = import_with_extras("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        names = file.schema_arrow.names
        if "path" not in names:
            raise DataError(
                f"{path}: expected a column `path`, and optionally `box`. Received: "
                f"{', '.join(names)}."
            )
        table = file.read(columns=[name for name in ("path", "box") if name in names])
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is not a Parquet file: {error}.") from error
    paths = [_absolute(str(each)) for each in table["path"].to_pylist()]
    if "box" not in names:
        return Listed(paths)
    try:
        boxes = np.array(table["box"].to_pylist(), float).reshape(len(paths), 4)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: each `box` must have four numbers: x, y, width, height."
        ) from None
    return Listed(paths, _checked(boxes, path))


def _checked(boxes: np.ndarray, path: str) -> np.ndarray:
    boxes = boxes.reshape(-1, 4)
    sound = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    if not sound.all():
        row = int(np.flatnonzero(~sound)[0])
        raise DataError(
            f"{path}, row {row + 1}: expected x, y, width, height in pixels, with width and height "
            f"above 0. Received: {boxes[row].tolist()}."
        )
    return boxes


def _absolute(path: str) -> str:
    return path if is_address(path) else os.path.abspath(path)
