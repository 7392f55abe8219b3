"""Converts records to COCO's format (Lin et al., ECCV 2014), https://cocodataset.org/#format-data.

Coordinates are not changed, because records and COCO both count pixels from zero.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from simplebase.data.records import Records
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.skeletons import Skeleton, load_skeleton

CATEGORY_ID = 1
"""The id of the only category of a dataset."""


def coco_ground_truth(
    records: Records, skeleton: Skeleton, sizes: Mapping[str, Size] | None = None
) -> dict[str, Any]:
    """Returns the content of a COCO annotation file for the records, without opening images.

    Args:
        records: `N` labelled objects.
        skeleton: the skeleton of the records.
        sizes: `(height, width)` of the images by their paths. Without it, images have no size.

    Returns:
        `images`, in the order of their first records; `annotations`, one per record and in the same
        order; `categories`, with one category.
    """
    ids, numbers = image_ids(records), annotation_ids(records)
    sizes = sizes or {}
    return {
        "categories": [coco_category(skeleton)],
        "images": [coco_image(ids[path], path, sizes.get(path)) for path in ids],
        "annotations": [
            coco_annotation(
                records, index, image_id=ids[records.paths[index]], annotation_id=numbers[index]
            )
            for index in range(len(records))
        ],
    }


def coco_category(skeleton: Skeleton) -> dict[str, Any]:
    """Returns the category of the skeleton's objects: `person` for COCO's own keypoints."""
    numbers = {name: number for number, name in enumerate(skeleton.keypoints, start=1)}
    is_coco = skeleton.keypoints == load_skeleton("coco").keypoints
    name = "person" if is_coco else skeleton.name
    return {
        "id": CATEGORY_ID,
        "name": name,
        "supercategory": name,
        "keypoints": list(skeleton.keypoints),
        "skeleton": [[numbers[link.start], numbers[link.end]] for link in skeleton.links],
    }


def coco_image(image_id: int, path: str, size: Size | None = None) -> dict[str, Any]:
    """Returns an entry of `images`; `size` is `(height, width)` if known."""
    image: dict[str, Any] = {"id": image_id, "file_name": path}
    if size is not None:
        height, width = size
        image |= {"width": width, "height": height}
    return image


def coco_annotation(
    records: Records, index: int, *, image_id: int, annotation_id: int
) -> dict[str, Any]:
    """Returns the annotation of record `index`; a missing box or area is estimated."""
    keypoints = records.keypoints[index]
    box = records.boxes[index]
    if np.isnan(box).any():
        box = _made_up_box(keypoints, records.centers[index], records.scales[index])
    area = records.areas[index]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": CATEGORY_ID,
        "iscrowd": 0,
        "keypoints": [part for x, y, v in keypoints.tolist() for part in (x, y, int(v))],
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": box.tolist(),
        "area": float(box[2] * box[3] if np.isnan(area) else area),
    }


def image_ids(records: Records) -> dict[str, int]:
    """Returns the records' own image ids if each image has a unique id; else numbers."""
    return _own_image_ids(records) or _numbers(records)


def annotation_ids(records: Records) -> list[int]:
    """Returns the records' own annotation ids if they are unique and above 0; else numbers.

    The official evaluation reads an id of 0 as "no match".
    """
    if _annotation_ids_are_usable(records, lowest=1):
        return records.annotation_ids.tolist()
    return list(range(1, len(records) + 1))


def with_ids(records: Records, *, by_split: bool, lowest: int = 1) -> Records:
    """Gives records ids of images and annotations.

    Existing ids are kept if they are complete and unique. Otherwise they become numbers from 1 in
    the order of the records, with the same number for the same image in both splits.

    Args:
        records: all records of a dataset.
        by_split: whether ids only need to be unique within a split, because the COCO files of two
            splits usually both count from 1.
        lowest: the smallest annotation id that is kept; official COCO files have none below 1.
    """
    images, annotations = records.image_ids.copy(), records.annotation_ids.copy()
    numbers = _numbers(records)
    splits = (records.validation, ~records.validation)
    for rows in splits if by_split else (np.ones(len(records), bool),):
        part = records.select(rows)
        if not len(part):
            continue
        own = _own_image_ids(part) or numbers
        images[rows] = [own[path] for path in part.paths]
        if not _annotation_ids_are_usable(part, lowest):
            annotations[rows] = np.flatnonzero(rows) + 1
    return replace(records, image_ids=images, annotation_ids=annotations)


def _own_image_ids(records: Records) -> dict[str, int] | None:
    """Returns own ids by path; `None` if an image has none, several, or a shared id."""
    pairs = dict.fromkeys(zip(records.paths, records.image_ids.tolist(), strict=True))
    own: dict[str, int] = dict(list(pairs))
    usable = len(pairs) == len(own) == len(set(own.values())) and -1 not in own.values()
    return own if usable else None


def _numbers(records: Records) -> dict[str, int]:
    return {path: number for number, path in enumerate(dict.fromkeys(records.paths), start=1)}


def _annotation_ids_are_usable(records: Records, lowest: int) -> bool:
    own = records.annotation_ids.tolist()
    return len(set(own)) == len(own) and min(own) >= lowest


def keypoint_box(keypoints: np.ndarray) -> np.ndarray | None:
    """Returns the box `(4,)` around labelled keypoints `(K, 3)`: x, y, width, height.

    It includes whole pixels, and is `None` if they lie in one row or column of pixels.
    """
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if len(labelled) and (np.ptp(labelled, axis=0) > 0).all():
        low = labelled.min(axis=0)
        return np.concatenate([low, labelled.max(axis=0) - low + 1])
    return None


def _made_up_box(keypoints: np.ndarray, center: np.ndarray, scale: float) -> np.ndarray:
    """Returns a box `(4,)` around the labelled keypoints, else the square of the object's scale."""
    box = keypoint_box(keypoints)
    if box is not None:
        return box
    side = PERSON_PIXELS * scale
    return np.array([*(center - (side - 1) / 2), side, side])
