"""Reads Ultralytics' YOLO pose datasets: `data.yaml`, and a text file of objects per image.

A row has the class, the box (centre and sides) and the keypoints, as fractions of the width and
height. 0 is the left or upper edge of the image and 1 the other edge, so the coordinate of a
pixel's centre is the fraction times the width minus half a pixel. With three values per keypoint,
the third is COCO's visibility. With two, a keypoint is unlabelled if one is negative, as
Ultralytics reads it, or if both are 0, which Ultralytics does not draw.

Ultralytics also writes its predictions in this format (`save_txt`). There, the third value is a
score, and the object's score and track may follow. As in its own `Keypoints`, points with a score
below 0.5 are unlabelled.
"""

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from simplebase.converters.conversion import Conversion
from simplebase.converters.label_files import report_unreadable
from simplebase.converters.labelled import (
    TEST_RECORD,
    LabelledImage,
    LabelledObject,
    groups_of_splits,
    to_conversion,
)
from simplebase.converters.yolo.layout import YoloItem, YoloLayout
from simplebase.converters.yolo.settings import YoloSettings, read_yolo_settings
from simplebase.errors import DataError, MissingFileError, SimplebaseError, shown
from simplebase.files import read_text
from simplebase.geometry import Size
from simplebase.images import image_size
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

_PIXEL_CENTRE = 0.5
_LEAST_SCORE = 0.5
_BOX_ONLY = 5
_NO_KEYPOINTS = "box without keypoints"
_TOLERANCE = 0.01
"""Tolerance of fractions outside 0 to 1, as in Ultralytics' own check, because tools round."""


def read_yolo(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    category: str | Sequence[str] = (),
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads a YOLO pose dataset.

    Args:
        source: its `data.yaml`, or the folder that contains it.
        image_folder: the dataset's folder. By default that of `data.yaml`. `path`, `train`, `val`
            and `test` in the file are searched in it; paths that lead outside by their last parts.
        category: the classes to convert, by name or number. By default all.
        skeleton: names the keypoints, instead of the file.
        val_split: fraction of the images that are held out, where the dataset has only one split.
            Without `val`, `test` is the validation split; with it, `test` is left out.
        seed: seed of the random split.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: a class does not exist.
        MissingFileError: `data.yaml` or the folders that it names are missing.
        DataError: `data.yaml` is wrong, or no label file can be read.

    Unreadable label files are left out, counted in `left_out`, and named in a warning.
    """
    names = [category] if isinstance(category, str) else list(category)
    settings = read_yolo_settings(Path(source), names, skeleton)
    root = Path(image_folder) if image_folder is not None else settings.path.parent
    if not root.is_dir():
        raise MissingFileError(f"{root}: the image folder does not exist.")
    layout = YoloLayout(root, settings)
    reader = _Reader(settings, layout.items())
    images = reader.read(progress)
    return to_conversion(
        root,
        [settings.path, *layout.lists, *reader.label_files],
        images,
        settings.skeleton,
        dataset="yolo",
        folder_option="simplebase convert yolo --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=reader.left_out + Counter(layout.left_out),
        notes=[*settings.notes, *layout.notes, *reader.notes],
    )


class _Reader:
    """Reads the label files of one dataset."""

    def __init__(self, settings: YoloSettings, items: Sequence[YoloItem]) -> None:
        self.left_out: Counter[str] = Counter()
        self.label_files: list[Path] = []
        self._settings = settings
        self._items = items
        self._groups, self.notes = groups_of_splits({item.split for item in items})
        self._by_class: Counter[int] = Counter()

    def read(self, progress: Progress | None) -> list[LabelledImage]:
        """Yields all images with objects."""
        images: list[LabelledImage] = []
        problems = []
        for done, item in enumerate(self._items, start=1):
            if os.path.isfile(item.label):
                self.label_files.append(item.label)
                try:
                    objects = self._read_labels(item)
                except SimplebaseError as error:
                    problems.append(str(error))
                else:
                    images += self._labelled(item, objects)
            else:
                self.left_out["image: no label file"] += 1
            if progress:
                progress(done, len(self._items))
        tried = len(self.label_files)
        if not tried:
            raise MissingFileError(
                f"{self._settings.path}: none of the {len(self._items)} images has a label file; "
                f"expected {self._items[0].label} for the first. Check that labels/ is beside "
                "images/."
            )
        what = f"label files of {self._settings.path}, or their images,"
        report_unreadable(problems, tried - len(problems), tried, what, self.left_out)
        classes, counts = self._settings.classes, self._by_class
        if len(classes) > 1:
            texts = (f"{classes[each]} {counts[each]}" for each in sorted(counts))
            self.notes.append("objects by class: " + ", ".join(texts))
        return images

    def _labelled(self, item: YoloItem, objects: list[LabelledObject]) -> list[LabelledImage]:
        if item.split not in self._groups:
            self.left_out[TEST_RECORD] += len(objects)
        elif not objects:
            self.left_out["image: no objects"] += 1
        else:
            group = self._groups[item.split]
            return [LabelledImage(item.stated, None, objects, str(item.label), group)]
        return []

    def _read_labels(self, item: YoloItem) -> list[LabelledObject]:
        """Returns the objects of the chosen classes."""
        # Without its image, an object is only counted, so any size is fine.
        size = image_size(item.image) if item.image else (1, 1)
        rows: dict[tuple[str, ...], str] = {}
        for number, line in enumerate(read_text(item.label).splitlines(), start=1):
            values = tuple(line.split())
            # Some people write comments, at which Ultralytics leaves the file out.
            if values and not values[0].startswith("#"):
                self.left_out["the same row twice"] += values in rows
                rows.setdefault(values, f"{item.label}, line {number}")
        boxes = [row for row in rows if len(row) == _BOX_ONLY]
        self.left_out[_NO_KEYPOINTS] += len(boxes)
        for row in boxes:
            del rows[row]
        parsed = [_parse_row(row, self._settings, size, where) for row, where in rows.items()]
        chosen = [(which, each) for which, each in parsed if which in self._settings.chosen]
        self.left_out["class that was not chosen"] += len(parsed) - len(chosen)
        self._by_class.update(which for which, _ in chosen)
        return [each for _, each in chosen]


def _parse_row(
    values: Sequence[str], settings: YoloSettings, size: Size, where: str
) -> tuple[int, LabelledObject]:
    """Parses the class and the object of a row.

    Raises:
        DataError: the number of values does not agree with `kpt_shape`, or a value is invalid.
    """
    skeleton, each = settings.skeleton, settings.values
    expected = _BOX_ONLY + skeleton.num_keypoints * each
    scored = each == 3 and _are_scores(values[_BOX_ONLY + 2 : expected : 3])
    if scored and expected < len(values) <= expected + 2:
        values = values[:expected]
    if len(values) != expected:
        raise DataError(
            f"{where}: expected {expected} numbers, the class, 4 of the box and {each} for each of "
            f"{skeleton.num_keypoints} keypoints (kpt_shape). Received: {len(values)}. Is it of "
            "another dataset, or of boxes or outlines only?"
        )
    which, *numbers = [_number(value, where) for value in values]
    if which not in settings.classes:
        raise DataError(f"{where}: {settings.path.name} names no class {values[0]}.")
    box, rest = numbers[:4], numbers[4:]
    _require_fractions(box, where)
    height, width = size
    points = {}
    for index, name in enumerate(skeleton.keypoints):
        x, y, *third = rest[index * each : (index + 1) * each]
        visibility = third[0] if third else 2.0 * (min(x, y) >= 0 and max(x, y) > 0)
        if scored:
            visibility = 2.0 * (visibility >= _LEAST_SCORE)
        if visibility not in (0, 1, 2):
            raise DataError(
                f"{where}: the visibility of keypoint {index} must be 0, 1 or 2. Received: "
                f"{visibility}."
            )
        if visibility:
            _require_fractions((x, y), where)
            points[name] = (x * width - _PIXEL_CENTRE, y * height - _PIXEL_CENTRE, visibility)
    left, top = (box[0] - box[2] / 2) * width, (box[1] - box[3] / 2) * height
    return int(which), LabelledObject(points, (left, top, box[2] * width, box[3] * height))


def _are_scores(texts: Sequence[str]) -> bool:
    """Whether the third values are scores: all from 0 to 1, and not all of them whole numbers."""
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return False
    return all(0 <= value <= 1 for value in values) and any(0 < value < 1 for value in values)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: expected a number. Received: {shown(text)}.")
    return value


def _require_fractions(values: Sequence[float], where: str) -> None:
    for value in values:
        if not -_TOLERANCE <= value <= 1 + _TOLERANCE:
            raise DataError(
                f"{where}: coordinates must be fractions of the image's width and height, 0 to 1. "
                f"Received: {value:g}. Divide pixels by width and height, and per cent by 100."
            )
