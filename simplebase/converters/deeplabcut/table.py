"""Reads the keypoint table of DeepLabCut and Lightning Pose, as CSV.

```
scorer,Ann,Ann,Ann,Ann                      ignored; Lightning Pose has "Unnamed: 1_level_0"
individuals,mouse1,mouse1,mouse2,mouse2     only in projects with several animals
bodyparts,nose,nose,nose,nose
coords,x,y,x,y                              and `likelihood` in the labels of a model
labeled-data/video1/img005.png,185.2,610.3,,
```

Since 2.3, DeepLabCut writes a path as three columns: labeled-data, video, image. An empty cell is
an unlabelled keypoint.
"""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simplebase.converters.image_search import StatedImage
from simplebase.converters.labelled import LabelledImage, LabelledObject
from simplebase.data.fields import LARGEST
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, shown
from simplebase.files import read_text

Column = tuple[str, str]
"""Individual (empty with a single animal) and keypoint."""

_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_COORDINATES = ("x", "y", "likelihood")
# R writes NA for an empty cell.
_EMPTY = ("", "NA")
# A pixel's centre is an integer, so the first pixel starts here.
_EDGE = -0.5


@dataclass(frozen=True, eq=False)
class KeypointTable(ArrayEquality):
    """The labels of one file.

    Args:
        path: the file.
        columns: `C` individuals and keypoints, in the order of the file.
        images: `N` paths as stated in the file, with `/`.
        points: `(N, C, 2)` x, y; NaN where not labelled.
        places: `N` positions in the file, for messages.
    """

    path: Path
    columns: list[Column]
    images: list[str]
    points: np.ndarray
    places: list[str]

    @property
    def keypoints(self) -> tuple[str, ...]:
        """The names of the keypoints in order of appearance."""
        return tuple(dict.fromkeys(name for _, name in self.columns))

    def labelled_images(
        self, stated: Sequence[StatedImage], keypoints: Iterable[str], left_out: Counter[str]
    ) -> list[LabelledImage]:
        """Returns the images with labels; each individual is an object.

        Args:
            stated: the image of each row.
            keypoints: names of the wanted keypoints.
            left_out: receives the number of unusable points and images.
        """
        wanted = set(keypoints)
        images = []
        for row, image in enumerate(stated):
            if objects := self._objects(row, wanted, left_out):
                images.append(LabelledImage(image, None, objects, self.places[row]))
            else:
                left_out["image: no labelled keypoint"] += 1
        return images

    def _objects(self, row: int, wanted: set[str], left_out: Counter[str]) -> list[LabelledObject]:
        found: dict[str, LabelledObject] = {}
        for (individual, name), (x, y) in zip(self.columns, self.points[row].tolist(), strict=True):
            if name not in wanted or (math.isnan(x) and math.isnan(y)):
                continue
            if math.isnan(x) or math.isnan(y):
                left_out["keypoint: x without y, or y without x"] += 1
            elif x < _EDGE or y < _EDGE:
                left_out["keypoint: left of the image or above it"] += 1
            else:
                found.setdefault(individual, LabelledObject()).points[name] = (x, y, 2.0)
        return list(found.values())


def read_keypoint_csv(path: Path) -> KeypointTable:
    """Reads a table.

    Raises:
        DataError: it is not such a table, it has a model's results for a video, a row is cut off, a
            cell is not a number, or an image or a keypoint occurs twice.
    """
    rows = _rows(path)
    header = _header(rows, path)
    first = _first_coordinate(header["coords"], path)
    individuals = header.get("individuals", [""] * len(header["coords"]))
    places = [
        ((individual.strip(), name.strip()), coordinate.strip().lower())
        for individual, name, coordinate in zip(
            individuals[first:], header["bodyparts"][first:], header["coords"][first:], strict=True
        )
    ]
    columns = keypoint_columns(places, path)
    lines = [(number, row) for number, row in rows[len(header) :] if any(row)]
    cells = [
        _numbers(row[first:], f"{path}, line {number}", len(places), first) for number, row in lines
    ]
    images = ["/".join(row[:first]).replace("\\", "/") for _, row in lines]
    if images and all(image.isdecimal() for image in images):
        raise DataError(
            f"{path} has the results of a model for the frames of a video, not labels, because its "
            "rows begin with numbers of frames. Expected the path of an image in each row."
        )
    table = KeypointTable(
        path=path,
        columns=list(columns),
        images=images,
        points=pick_points(np.array(cells).reshape(len(cells), len(places)), columns),
        places=[f"{path}, line {number}" for number, _ in lines],
    )
    require_single_images(table)
    return table


def keypoint_columns(
    places: Sequence[tuple[Column, str]], path: Path
) -> dict[Column, tuple[int, int]]:
    """Returns the columns of x and y of each keypoint.

    Args:
        places: individual and keypoint of each column, and `x`, `y` or `likelihood`.
        path: the file, for messages.

    Raises:
        DataError: a column has another name or occurs twice, or x or y is missing.
    """
    found: dict[Column, dict[str, int]] = {}
    for index, (column, coordinate) in enumerate(places):
        what = " ".join(part for part in column if part)
        if not column[1] or coordinate not in _COORDINATES:
            raise DataError(
                f"{path}: column {index + 1} of the keypoints is {shown(coordinate)} of "
                f"{shown(what)}. Expected the name of a keypoint in the row bodyparts and x, y or "
                "likelihood in the row coords."
            )
        if found.setdefault(column, {}).setdefault(coordinate, index) != index:
            raise DataError(
                f"{path}: there are two columns {coordinate} of {what!r}. Remove one of them."
            )
    for column, held in found.items():
        if missing := [each for each in "xy" if each not in held]:
            what = " ".join(part for part in column if part)
            raise DataError(f"{path}: there is no column {missing[0]} of {what!r}.")
    return {column: (held["x"], held["y"]) for column, held in found.items()}


def pick_points(values: np.ndarray, columns: dict[Column, tuple[int, int]]) -> np.ndarray:
    """Returns x, y `(N, C, 2)` of `(N, columns)` values."""
    order = np.array(list(columns.values()), dtype=int).reshape(-1, 2)
    return values[:, order]


def require_single_images(table: KeypointTable) -> None:
    """Raises DataError if an image occurs twice, because it is unclear which row is right."""
    lines: dict[str, str] = {}
    for image, place in zip(table.images, table.places, strict=True):
        if image in lines:
            raise DataError(
                f"{place}: the image {image!r} occurs twice ({lines[image]}). Remove one."
            )
        lines[image] = place


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Returns line numbers and cells of all rows."""
    reader = csv.reader(read_text(path).splitlines())
    try:
        return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num} is not valid CSV: {error}.") from error


def _header(rows: list[tuple[int, list[str]]], path: Path) -> dict[str, list[str]]:
    header: dict[str, list[str]] = {}
    for _, row in rows[: len(_LEVELS)]:
        if row and row[0] in _LEVELS:
            header[row[0]] = row
    if "bodyparts" not in header or "coords" not in header:
        first = rows[0][1][:3] if rows else []
        raise DataError(
            f"{path} is not a table of keypoints as DeepLabCut and Lightning Pose have it: "
            "expected rows that begin with scorer, bodyparts and coords at its top. "
            f"The first row begins with {shown(first)}."
        )
    lengths = {name: len(row) for name, row in header.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"{path}: the rows at its top have different numbers of cells: "
            + ", ".join(f"{name} {length}" for name, length in lengths.items())
            + ". Was the file cut off?"
        )
    return header


def _first_coordinate(coordinates: list[str], path: Path) -> int:
    """Returns how many columns name the image: 1, or 3 for folder, video and image."""
    for index, cell in enumerate(coordinates):
        if cell.lower() in _COORDINATES:
            if index in (1, 3):
                return index
            break
    raise DataError(
        f"{path}: expected one column, or three, before the first x in the row coords. "
        f"That row begins with {shown(coordinates[:5])}."
    )


def _numbers(cells: list[str], where: str, count: int, first: int) -> list[float]:
    if len(cells) != count:
        raise DataError(
            f"{where} has {first + len(cells)} cells, but the rows at the top have "
            f"{first + count}. Was the file cut off?"
        )
    return [_number(cell, f"{where}, cell {first + at}") for at, cell in enumerate(cells, start=1)]


def _number(cell: str, where: str) -> float:
    """Returns a number, NaN if the cell is empty."""
    try:
        value = math.nan if cell in _EMPTY else float(cell)
    except ValueError:
        value = math.inf
    if abs(value) >= LARGEST:
        raise DataError(
            f"{where}: expected a number of pixels or nothing. Received: {shown(cell)}."
        )
    return value
