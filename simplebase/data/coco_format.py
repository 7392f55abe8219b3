"""Records as COCO has them (Lin et al., ECCV 2014), https://cocodataset.org/#format-data.

Coordinates are taken over as they are: records and COCO both count pixels from zero.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simplebase.data.records import Records
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.skeletons import Skeleton, load_skeleton

CATEGORY_ID = 1
"""Of the one category that a dataset of one skeleton has."""


def coco_ground_truth(
    records: Records, skeleton: Skeleton, sizes: Mapping[str, Size] | None = None
) -> dict[str, Any]:
    """What a COCO annotation file of the records holds; no image file is opened.

    Args:
        records: `N` labelled objects.
        skeleton: what they follow.
        sizes: `(height, width)` of the images by their paths; an image has no size without.

    Returns:
        `images`, in the order in which the records name them first; `annotations`, one a record and
        in their order; `categories`, which is one.
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
    """The category of the skeleton's objects: `person` for COCO's own keypoints."""
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
    """An entry of `images`; `size` is `(height, width)` where it is known."""
    image: dict[str, Any] = {"id": image_id, "file_name": path}
    if size is not None:
        height, width = size
        image |= {"width": width, "height": height}
    return image


def coco_annotation(
    records: Records, index: int, *, image_id: int, annotation_id: int
) -> dict[str, Any]:
    """The annotation of record `index`; box and area are made up where the record has none."""
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
    """The records' own image ids where each image has one that no other has; else numbers."""
    pairs = set(zip(records.paths, records.image_ids.tolist(), strict=True))
    own: dict[str, int] = dict(pairs)
    paths = dict.fromkeys(records.paths)
    if len(pairs) == len(own) == len(set(own.values())) and -1 not in own.values():
        return {path: own[path] for path in paths}
    return {path: number for number, path in enumerate(paths, start=1)}


def annotation_ids(records: Records) -> list[int]:
    """The records' own annotation ids where they are unique and above 0; else numbers.

    The official evaluation takes an id of 0 for "no match".
    """
    own = records.annotation_ids.tolist()
    if len(set(own)) == len(own) and min(own) > 0:
        return own
    return list(range(1, len(own) + 1))


def _made_up_box(keypoints: np.ndarray, center: np.ndarray, scale: float) -> np.ndarray:
    """`(4,)` around the labelled keypoints; the square of the scale if they make no box."""
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if len(labelled) and (np.ptp(labelled, axis=0) > 0).all():
        low = labelled.min(axis=0)
        return np.concatenate([low, labelled.max(axis=0) - low + 1])
    side = PERSON_PIXELS * scale
    return np.array([*(center - (side - 1) / 2), side, side])
