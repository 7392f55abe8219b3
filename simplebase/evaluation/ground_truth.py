"""A COCO annotation file as the ground truth of an evaluation, whoever wrote it.

COCO's own evaluation wants one kind of object, and fields that many tools leave out. They are
filled in by the same rules by which `simplebase convert coco` reads such a file.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from simplebase.data import expect
from simplebase.data.coco_categories import Categories, read_categories
from simplebase.data.coco_format import keypoint_box
from simplebase.errors import DataError
from simplebase.files import read_json, require_file
from simplebase.metrics import check_ground_truth
from simplebase.skeletons import Skeleton

_ENLARGED = 1.1
"""The side of an object whose keypoints lie in a row, in their extent; as when it is converted."""


def read_ground_truth(
    path: str | os.PathLike[str],
    *,
    categories: Sequence[str] = (),
    skeleton: Skeleton | None = None,
) -> tuple[dict[str, Any], Categories]:
    """Reads a COCO annotation file.

    The objects of several categories become one category, under the lowest of their ids, since
    their keypoints are the same. Objects of other categories are left out. `num_keypoints`,
    `iscrowd`, `bbox` and `area` are filled in where they are missing, and annotations are numbered
    from 1 where an id is missing, 0 or not unique, which the official evaluation cannot do with.

    Args:
        path: the file.
        categories: which, by name or id; by default all with keypoints.
        skeleton: what to call the keypoints.

    Returns:
        The content in COCO's format with one category, and what its categories were.

    Raises:
        ArgumentError: there is no such category.
        MissingFileError: `path` is not a file.
        DataError: it is not COCO's, or has no keypoints.
    """
    path = require_file(path, "the annotation file")
    content = read_json(path)
    lists = ("images", "annotations")
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in lists):
        raise DataError(
            f"{path} is not a COCO annotation file: expected a mapping with the lists "
            f"{' and '.join(lists)}."
        )
    found = read_categories(content, path, names=categories, skeleton=skeleton)
    for index, image in enumerate(content["images"]):
        where = f"{path}, images[{index}]"
        expect.whole(expect.mapping(image, where).get("id"), f"{where}.id")
    category_id = min(found.ids)
    objects = []
    for index, annotation in enumerate(content["annotations"]):
        where = f"{path}, annotations[{index}]"
        annotation = expect.mapping(annotation, where)
        if found.include(annotation, where):
            completed = _completed(annotation, found.skeleton.num_keypoints, where)
            objects.append(completed | {"category_id": category_id})
    if not _ids_serve(objects):
        objects = [each | {"id": number} for number, each in enumerate(objects, start=1)]
    category = {
        "id": category_id,
        "name": found.skeleton.name,
        "keypoints": list(found.skeleton.keypoints),
    }
    truth = {**content, "annotations": objects, "categories": [category]}
    try:
        check_ground_truth(truth, found.skeleton)
    except DataError as error:
        raise DataError(f"{path} cannot be measured against: {error}") from error
    return truth, found


def _completed(annotation: dict[str, Any], num_keypoints: int, where: str) -> dict[str, Any]:
    """The annotation with all that the official evaluation looks at."""
    values = annotation.get("keypoints") or [0] * (3 * num_keypoints)
    expect.numbers(values, 3 * num_keypoints, f"{where}.keypoints")
    keypoints = np.array(values, float).reshape(-1, 3)
    expect.whole(annotation.get("image_id"), f"{where}.image_id")
    completed = annotation | {"keypoints": values}
    if annotation.get("num_keypoints") is None:
        completed["num_keypoints"] = int((keypoints[:, 2] > 0).sum())
    completed["iscrowd"] = annotation.get("iscrowd") or 0
    box = made_up = _box_of(keypoints)
    # An empty list is what some tools write for no box.
    if annotation.get("bbox"):
        box = expect.numbers(annotation["bbox"], 4, f"{where}.bbox")
    completed["bbox"] = box
    if annotation.get("area") is None:
        _, _, width, height = box if min(box[2:]) > 0 else made_up
        completed["area"] = width * height
    else:
        expect.number(annotation["area"], f"{where}.area")
    return completed


def _box_of(keypoints: np.ndarray) -> list[float]:
    """Around the labelled keypoints: a square if they lie in a row, nothing if there are none."""
    box = keypoint_box(keypoints)
    if box is not None:
        return box.tolist()
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if not len(labelled):
        return [0.0] * 4
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    side = _ENLARGED * float((high - low).max())
    return [*((low + high - side) / 2).tolist(), side, side]


def _ids_serve(objects: Sequence[dict[str, Any]]) -> bool:
    """The official evaluation takes the id 0 for no match."""
    ids = [each.get("id") for each in objects]
    return all(type(each) is int and each != 0 for each in ids) and len(set(ids)) == len(ids)
