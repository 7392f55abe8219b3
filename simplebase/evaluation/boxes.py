"""Boxes that a detector found, in place of those of the labels."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID
from simplebase.data.dataset import KeypointDataset
from simplebase.errors import DataError
from simplebase.files import read_json, require_file
from simplebase.geometry import Crop, Size


@dataclass(frozen=True)
class Boxes:
    """`M` boxes, as COCO's results format for detections has them.

    Args:
        image_ids: `(M,)` int64.
        boxes: `(M, 4)` x, y, width, height in pixels.
        scores: `(M,)` of the detector.
    """

    image_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def read_boxes(path: str | os.PathLike[str]) -> Boxes:
    """Reads a COCO detections file (https://cocodataset.org/#format-results).

    Boxes of other categories than people, or than the only category of a set of ours, are left
    out, as are those without area, which the official detections have a few of.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is something else; the message names the entry.
    """
    path = require_file(path, "the file of boxes")
    content = read_json(path)
    if not isinstance(content, list):
        raise DataError(
            f"{path}: expected COCO detections, a list of image_id, category_id, bbox and score. "
            f"Received: {type(content).__name__}."
        )
    rows = [_parse(path, index, entry) for index, entry in enumerate(content)]
    kept = [row for row in rows if row[1] == CATEGORY_ID and min(row[2][2:]) > 0]
    if not kept:
        raise DataError(f"{path} has no box of category {CATEGORY_ID} with an area.")
    image_ids, _, boxes, scores = zip(*kept, strict=True)
    return Boxes(np.array(image_ids, np.int64), np.array(boxes, float), np.array(scores, float))


_Row = tuple[int, int, list[float], float]


def _parse(path: Path, index: int, entry: object) -> _Row:
    try:
        assert isinstance(entry, dict)
        image, category = int(entry["image_id"]), int(entry["category_id"])
        box, score = [float(value) for value in entry["bbox"]], float(entry["score"])
        if len(box) != 4 or not np.isfinite([*box, score]).all():
            raise ValueError
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
        raise DataError(
            f"{path}, entry {index}: expected image_id, category_id, bbox [x, y, width, height] "
            f"and score. Received: {str(entry)[:120]}."
        ) from None
    return image, category, box, score


def at_boxes(
    dataset: KeypointDataset, boxes: Boxes, crop: Crop, input_size: Size
) -> tuple[KeypointDataset, np.ndarray]:
    """What to look at for boxes in place of the records: the same images, an object a box.

    Args:
        dataset: with image ids; its labels are not taken over.
        boxes: those in images that the dataset does not have are left out.
        crop: of the model.
        input_size: `(H, W)` of the model, whose crop is to show each box whole.

    Returns:
        The `M` objects, and the `(M,)` indices of their boxes.

    Raises:
        DataError: no box is in an image of the dataset.
    """
    image_ids = dataset.records.image_ids.tolist()
    first = dict(zip(reversed(image_ids), reversed(range(len(image_ids))), strict=True))
    inside = np.flatnonzero([image in first for image in boxes.image_ids.tolist()])
    if len(inside) == 0:
        raise DataError(
            f"none of the {len(boxes.image_ids)} boxes is in one of the {len(first)} images of "
            f"{dataset.name}. Do the image ids belong together?"
        )
    chosen = dataset.select(np.array([first[int(image)] for image in boxes.image_ids[inside]]))
    centers, scales = crop.around_box(boxes.boxes[inside], input_size)
    records = replace(
        chosen.records,
        centers=centers,
        scales=scales,
        keypoints=np.zeros_like(chosen.records.keypoints),
        boxes=boxes.boxes[inside],
    )
    return replace(chosen, records=records), inside
