"""Our dataset folder as an Ultralytics pose dataset, see `simplebase.converters.yolo.reader`.

```
OUT/
├── data.yaml                   kpt_shape [K, 3], flip_idx, kpt_names, one class
├── images/train/, images/val/  the splits that exist
├── labels/train/, labels/val/  a text file for each image
└── simplebase.txt              says who wrote the folder, and that it may be replaced
```

Fractions have eight decimals: 0.0001 pixels in an image of 20,000.
"""

import os
from pathlib import PurePosixPath

import numpy as np
import yaml

from simplebase.converters.conversion import ConversionReport
from simplebase.converters.image_files import ImageMode, place_images
from simplebase.converters.labelled import TRAIN, VAL
from simplebase.converters.outgoing import (
    Outgoing,
    open_outgoing,
    replacing_own,
    require_own_label_files,
)
from simplebase.converters.yolo.layout import label_of
from simplebase.data.dataset import IMAGES
from simplebase.data.object_sizes import MARGIN, has_size
from simplebase.errors import DataError
from simplebase.files import write_text
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.images import IMAGE_SUFFIXES
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, pairs_by_name

CONTENT = ("data.yaml", IMAGES, "labels")
_PIXEL_CENTRE = 0.5
_CLASS = 0


def to_yolo(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder as Ultralytics' pose dataset of one class.

    Every row needs a box. An object without one gets the box around its labelled keypoints,
    enlarged by a tenth, or if they tell no size the square of its centre and scale. Ultralytics
    refuses what is outside of an image: such keypoints are written as unlabelled and counted, such
    boxes are cut off.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy` or `link`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` holds the dataset, or `images` is `none`.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, or the format cannot hold a name.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    outgoing = open_outgoing(dataset, output, skeleton, CONTENT, overwrite=overwrite)
    _require_names(outgoing)
    outgoing.drop_keypoints_outside()
    labels, files = {}, {}
    writer = _RowWriter(outgoing)
    for path, indices in outgoing.objects.items():
        for split, validation in ((TRAIN, False), (VAL, True)):
            chosen = [each for each in indices if outgoing.records.validation[each] == validation]
            if chosen:
                name = f"{split}/{path}"
                files[name] = outgoing.files[path]
                label = label_of(PurePosixPath(IMAGES, name))
                labels[label] = "".join(writer.row(index, path) for index in chosen)
    _note_losses(outgoing, writer)
    with replacing_own(output, "to-yolo", CONTENT, overwrite=overwrite) as partial:
        (partial / "labels").mkdir(parents=True)
        place_images(files, partial / IMAGES, images, outgoing.image_folder, progress=progress)
        for label, text in labels.items():
            (partial / label).parent.mkdir(parents=True, exist_ok=True)
            (partial / label).write_bytes(text.encode())
        write_text(partial / "data.yaml", _settings(outgoing))
    return outgoing.report()


def _require_names(outgoing: Outgoing) -> None:
    require_own_label_files(outgoing.files)
    for path in outgoing.files:
        if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            raise DataError(
                f"the image {path} has no suffix by which YOLO knows images, such as .jpg. Rename "
                "it in the dataset."
            )


def _note_losses(outgoing: Outgoing, writer: "_RowWriter") -> None:
    skeleton = outgoing.skeleton
    if writer.boxless:
        outgoing.notes.append(
            f"objects without a box: {writer.boxless}; the box around their labelled keypoints, "
            "enlarged by a tenth, is written"
        )
    if writer.cut:
        outgoing.notes.append(f"boxes cut off at the edge of the image: {writer.cut}")
    if skeleton.links or skeleton.vertical_pairs:
        outgoing.notes.append("the format has no place for skeleton.txt and vertical flip pairs")
    # Roboflow writes a flip_idx that swaps nothing, so readers do not believe it.
    if not skeleton.horizontal_pairs and pairs_by_name(skeleton.keypoints):
        outgoing.note_lost_pairs()


def _settings(outgoing: Outgoing) -> str:
    """`data.yaml`."""
    skeleton = outgoing.skeleton
    held_out = set(outgoing.records.validation.tolist())
    splits = {
        split: f"{IMAGES}/{split}"
        for split, validation in ((TRAIN, False), (VAL, True))
        if validation in held_out
    }
    content = {
        **splits,
        "kpt_shape": [skeleton.num_keypoints, 3],
        "flip_idx": skeleton.horizontal_permutation.tolist(),
        "names": {_CLASS: skeleton.name},
        "kpt_names": {_CLASS: list(skeleton.keypoints)},
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


class _RowWriter:
    """Writes objects as rows, and counts what had to be invented or cut off."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.boxless = 0
        self.cut = 0
        self._outgoing = outgoing

    def row(self, index: int, path: str) -> str:
        """The line of one object: class, box, and x, y, visibility of each keypoint."""
        height, width = size = self._outgoing.sizes[path]
        left, top, wide, high = self._box(index, size)
        fractions = [(left + wide / 2) / width, (top + high / 2) / height]
        texts = [f"{value:.8f}" for value in (*fractions, wide / width, high / height)]
        for x, y, visibility in self._outgoing.records.keypoints[index].tolist():
            place = (0.0, 0.0)
            if visibility > 0:
                place = (x + _PIXEL_CENTRE) / width, (y + _PIXEL_CENTRE) / height
            texts += [*(f"{value:.8f}" for value in place), str(int(visibility))]
        return f"{_CLASS} {' '.join(texts)}\n"

    def _box(self, index: int, size: Size) -> list[float]:
        """x, y, width, height: the record's own, unless Ultralytics would refuse it."""
        box = self._outgoing.box(index)
        if box is not None and has_size(box):
            if _is_accepted(box, size):
                return box
            cut = _cut_off(box, size)
            if has_size(cut):
                self.cut += 1
                return cut
        self.boxless += 1
        return _cut_off(self._around(index), size)

    def _around(self, index: int) -> list[float]:
        records = self._outgoing.records
        labelled = records.keypoints[index][records.keypoints[index][:, 2] > 0, :2]
        first, last = labelled.min(axis=0), labelled.max(axis=0)
        centre = (first + last) / 2
        side = float((last - first).max())
        if side > 1:
            sides = last - first + side * (MARGIN - 1)
        else:
            sides = np.full(2, records.scales[index] * PERSON_PIXELS)
        return [*(centre - sides / 2 + _PIXEL_CENTRE).tolist(), *sides.tolist()]


def _is_accepted(box: list[float], size: Size) -> bool:
    """Whether centre and sides are fractions from 0 to 1."""
    left, top, wide, high = box
    height, width = size
    x, y = left + wide / 2, top + high / 2
    return 0 <= x <= width and 0 <= y <= height and wide <= width and high <= height


def _cut_off(box: list[float], size: Size) -> list[float]:
    """The part of a box that is in the image."""
    left, top, wide, high = box
    height, width = size
    x1, x2 = np.clip([left, left + wide], 0, width).tolist()
    y1, y2 = np.clip([top, top + high], 0, height).tolist()
    return [x1, y1, x2 - x1, y2 - y1]
