"""Boxes of a detector, used instead of those of the labels."""

import os
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.fields import is_id, stays_inside
from simplebase.data.image_store import FolderImages
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning, listed
from simplebase.evaluation.image_names import Mention, match_images
from simplebase.evaluation.target import Target
from simplebase.files import read_json, require_file
from simplebase.geometry import Crop, Size


@dataclass(frozen=True, eq=False)
class DetectedBoxes(ArrayEquality):
    """`M` boxes of a detector, with the content of COCO's results format for detections.

    Args:
        image_ids: `(M,)` int64.
        boxes: `(M, 4)` x, y, width, height in pixels.
        scores: `(M,)` scores of the detector.
    """

    image_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def read_detected_boxes(
    path: str | os.PathLike[str],
    category_ids: Collection[int] = (),
    target: Target | None = None,
) -> DetectedBoxes:
    """Reads a COCO detections file (https://cocodataset.org/#format-results).

    Boxes without an area are left out; the official detections have a few.

    Args:
        path: the file. In addition to COCO's fields, `file_name` may name the image.
        category_ids: categories of the wanted boxes. By default the file must have one category. If
            the file has a single category with another id, its boxes are used, with a warning.
        target: the known images. Boxes of other images get the id -1 if images are matched by name,
            see `match_images`. A warning is given unless they were matched by plain `image_id`.
            Without a target, `image_id` is used as it is.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: the file is not in this format (the message names the entry), has several
            categories, or has no wanted box.
    """
    path = require_file(path, "the file of boxes")
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise DataError(
            f"{path}: expected COCO detections, a list of image_id, category_id, bbox and score. "
            f"Received: {'an empty list' if content == [] else type(content).__name__}."
        )
    rows = [_parse(path, index, entry) for index, entry in enumerate(content)]
    wanted = _wanted(path, rows, category_ids)
    kept = [row for row in rows if row.category_id in wanted and min(row.box[2:]) > 0]
    if not kept:
        names = listed(sorted(wanted), most=5)
        raise DataError(f"{path} has no box of category {names} with an area.")
    return DetectedBoxes(
        _images(path, kept, target),
        np.array([row.box for row in kept], float),
        np.array([row.score for row in kept], float),
    )


def _wanted(path: Path, rows: list["_Row"], category_ids: Collection[int]) -> Collection[int]:
    """Returns the categories whose boxes are used."""
    categories = {row.category_id for row in rows}
    if not category_ids and len(categories) > 1:
        raise DataError(
            f"{path} has boxes of the categories {', '.join(map(str, sorted(categories)))}. Keep "
            "those of one category in it, or choose one with --annotations."
        )
    if category_ids and len(categories) == 1 and not categories & set(category_ids):
        warnings.warn(
            f"{path}: the category id of the boxes ({min(categories)}) is not that of the labels "
            f"({listed(sorted(category_ids), most=5)}). All boxes are used.",
            SimplebaseWarning,
            stacklevel=3,
        )
        return categories
    return category_ids or categories


def _images(path: Path, rows: list["_Row"], target: Target | None) -> np.ndarray:
    """Returns `(M,)` image ids."""
    if target is None:
        numbers = [row.mention.image_id for row in rows]
        if not all(is_id(number) for number in numbers):
            raise DataError(f"{path}: without labels, each image_id must be a whole number.")
        return np.array(numbers, np.int64)
    matched = match_images(
        [row.mention for row in rows],
        target.image_names,
        believe_ids=target.id_source != "renumbered",
    )
    if matched.remark:
        warnings.warn(f"{path}: {matched.remark}", SimplebaseWarning, stacklevel=3)
    return np.array([-1 if image is None else image for image in matched.ids], np.int64)


class _Row(NamedTuple):
    mention: Mention
    category_id: int
    box: list[float]
    score: float


def _parse(path: Path, index: int, entry: Any) -> _Row:
    try:
        row = _Row(
            Mention.of(entry),
            entry["category_id"],
            [float(value) for value in entry["bbox"]],
            float(entry["score"]),
        )
        if not is_id(row.category_id) or len(row.box) != 4:
            raise ValueError
        if not np.isfinite([*row.box, row.score]).all():
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise DataError(
            f"{path}, entry {index}: expected image_id, category_id, bbox [x, y, width, height] "
            f"and score. Received: {str(entry)[:120]}."
        ) from None
    return row


def at_boxes(
    dataset: KeypointDataset,
    boxes: DetectedBoxes,
    crop: Crop,
    input_size: Size,
    more_images: Mapping[int, str] | None = None,
) -> tuple[KeypointDataset, np.ndarray]:
    """Replaces the records of a dataset by one object per box, in the same images.

    Args:
        dataset: a dataset folder with image ids; its labels are not used.
        boxes: the boxes. Those in missing images are left out, with a warning.
        crop: the model's crop.
        input_size: `(H, W)` of the model, whose crop has to show each whole box.
        more_images: file names by id of images that may have no record. They are looked for in the
            dataset's image folder and in its subfolders with labelled images of the same file,
            because COCO's files name images without the folder of their split.

    Returns:
        The `M` objects, and the `(M,)` indices of their boxes.

    Raises:
        ArgumentError: the dataset is packed, so it has no whole images.
        DataError: no box is in an existing image.
    """
    store = dataset.images
    if not isinstance(store, FolderImages):
        raise ArgumentError(
            "boxes need whole images, but a packed dataset has only the crops of its "
            "records. Give the dataset folder."
        )
    records = dataset.records
    labelled = dict(zip(records.image_ids.tolist(), records.paths.tolist(), strict=True))
    paths = _existing(store.folder, labelled, more_images or {}) | labelled
    inside = np.flatnonzero([image in paths for image in boxes.image_ids.tolist()])
    if len(inside) == 0:
        raise DataError(
            f"none of the {len(boxes.image_ids)} boxes is in one of the {len(paths)} images of "
            f"{dataset.name}. Check that the image ids are those of this dataset."
        )
    if left_out := len(boxes.image_ids) - len(inside):
        warnings.warn(
            f"{left_out} of {len(boxes.image_ids)} boxes are left out, because {dataset.name} does "
            "not have their images, or has them in several folders. Wrong detections in these "
            "images do not lower COCO's AP.",
            SimplebaseWarning,
            stacklevel=2,
        )
    chosen = np.array([paths[int(image)] for image in boxes.image_ids[inside]], object)
    centers, scales = crop.around_box(boxes.boxes[inside], input_size)
    objects = replace(
        records.select(np.zeros(len(inside), int)),
        paths=chosen,
        image_ids=boxes.image_ids[inside],
        annotation_ids=np.full(len(inside), -1),
        centers=centers,
        scales=scales,
        keypoints=np.zeros((len(inside), *records.keypoints.shape[1:])),
        boxes=boxes.boxes[inside],
    )
    return replace(
        dataset, records=objects, images=FolderImages(store.folder, chosen, store.depth_range)
    ), inside


def _existing(
    folder: Path, labelled: Mapping[int, str], names: Mapping[int, str]
) -> dict[int, str]:
    """Returns the paths in `folder`, by id, of the images in `names` that exist exactly once.

    A labelled image shows in which subfolder the others of its file are, such as `val2017/`.
    """
    places = {""} | {
        path.removesuffix(names[image])
        for image, path in labelled.items()
        if image in names and path.endswith(f"/{names[image]}")
    }
    taken = set(labelled.values())
    found = {}
    for image, name in names.items():
        paths = [f"{place}{name}" for place in places if stays_inside(name)]
        there = [path for path in paths if path not in taken and (folder / path).is_file()]
        if len(there) == 1:
            found[image] = there[0]
    return found
