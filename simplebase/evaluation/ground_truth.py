"""Reads the COCO annotation file of any tool as ground truth for an evaluation.

COCO's own evaluation needs fields that many tools leave out. They are filled in by the rules of
`simplebase convert coco`.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simplebase.data import expect
from simplebase.data.coco_categories import Categories, read_categories
from simplebase.data.coco_format import keypoint_box
from simplebase.data.fields import stated_size
from simplebase.data.object_sizes import (
    object_area,
    object_side,
    read_box,
    single_point_area,
    usual_side,
)
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation.target import counts
from simplebase.files import read_json, require_file
from simplebase.geometry import Size
from simplebase.metrics import check_ground_truth
from simplebase.skeletons import Skeleton


def read_ground_truth(
    path: str | os.PathLike[str],
    *,
    categories: Sequence[str] = (),
    skeleton: Skeleton | None = None,
) -> tuple[dict[str, Any], Categories]:
    """Reads a COCO annotation file.

    The objects of several categories become one category, with the lowest of their ids, because
    their keypoints are the same. Objects of other categories are left out. Missing `num_keypoints`,
    `iscrowd`, `bbox` and `area` are filled in, and an area of 0 is replaced with a warning.
    Annotations are numbered from 1 if an id is missing, 0 or repeated, because pycocotools needs
    unique ids above 0.

    Args:
        path: the file.
        categories: names or ids of the categories to read. By default all with keypoints.
        skeleton: names the keypoints, instead of the file.

    Returns:
        The content in COCO's format with one category, and the categories of the file.

    Raises:
        ArgumentError: a category does not exist.
        MissingFileError: `path` is not a file.
        DataError: it is not a COCO file, or has no keypoints.
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
    sizes = {}
    for index, image in enumerate(content["images"]):
        where = f"{path}, images[{index}]"
        number = expect.integer(expect.mapping(image, where).get("id"), f"{where}.id")
        sizes[number] = stated_size(image.get("width"), image.get("height"))
    category_id = min(found.ids)
    objects, places = [], []
    for index, annotation in enumerate(content["annotations"]):
        where = f"{path}, annotations[{index}]"
        annotation = expect.mapping(annotation, where)
        if found.include(annotation, where):
            completed, place = _completed(annotation, found.skeleton.num_keypoints, where)
            objects.append(completed | {"category_id": category_id})
            places.append(place)
    _fill_in_areas(objects, places, sizes, path)
    if not _ids_are_usable(objects):
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
        raise DataError(f"{path} cannot be used as ground truth: {error}") from error
    return truth, found


class _Place(NamedTuple):
    """An object's keypoints `(K, 3)`, and the file's box if it is usable."""

    keypoints: np.ndarray
    box: list[float] | None


def _completed(
    annotation: dict[str, Any], num_keypoints: int, where: str
) -> tuple[dict[str, Any], _Place]:
    """Returns the annotation with all fields that the official evaluation reads, except area."""
    values = annotation.get("keypoints") or [0] * (3 * num_keypoints)
    expect.numbers(values, 3 * num_keypoints, f"{where}.keypoints")
    keypoints = np.array(values, float).reshape(-1, 3)
    expect.integer(annotation.get("image_id"), f"{where}.image_id")
    completed = annotation | {"keypoints": values}
    if annotation.get("num_keypoints") is None:
        completed["num_keypoints"] = int((keypoints[:, 2] > 0).sum())
    completed["iscrowd"] = annotation.get("iscrowd") or 0
    usable = read_box(annotation.get("bbox"), f"{where}.bbox")
    # A box without an area is kept: the official evaluation uses it if nothing is labelled.
    if not annotation.get("bbox") or isinstance(usable, str):
        around = keypoint_box(keypoints)
        completed["bbox"] = [0.0] * 4 if around is None else around.tolist()
    if annotation.get("area") is not None:
        expect.number(annotation["area"], f"{where}.area")
    return completed, _Place(keypoints, usable if isinstance(usable, list) else None)


def _fill_in_areas(
    objects: Sequence[dict[str, Any]],
    places: Sequence[_Place],
    sizes: Mapping[int, Size | None],
    path: Path,
) -> None:
    """Sets the area of each object that has none, and of each that counts and has an area of 0.

    Some tools write an area of 0 together with an empty box.

    Args:
        objects: the objects, which are changed.
        places: keypoints and boxes of the objects.
        sizes: sizes of the images, by id.
        path: the file, for messages.
    """
    sides = (
        object_side(*place)
        for each, place in zip(objects, places, strict=True)
        if not each["iscrowd"]
    )
    usual: float | None = None
    replaced = unsized = 0
    for each, place in zip(objects, places, strict=True):
        stated = each.get("area")
        if stated is not None and (stated > 0 or not counts(each)):
            continue
        area = object_area(*place)
        if not area and counts(each):
            usual = usual_side(sides) if usual is None else usual
            area = single_point_area(usual, sizes.get(each["image_id"]))
        each["area"] = area
        replaced += stated is not None and area > 0
        unsized += counts(each) and not area
    if replaced:
        _warn(
            f"{path}: labelled objects with an area of 0: {replaced}. OKS divides by the area, so "
            "they get the area that `simplebase convert coco` would give them."
        )
    if unsized:
        _warn(
            f"{path}: objects with one labelled keypoint and an unknown size: {unsized}. Only "
            "exact results count as right for them. Write their area, or the width and height of "
            "the images, into the file."
        )


def _warn(text: str) -> None:
    warnings.warn(text, SimplebaseWarning, stacklevel=5)


def _ids_are_usable(objects: Sequence[dict[str, Any]]) -> bool:
    """Returns whether ids are whole, unique and not 0, which pycocotools reads as "no match"."""
    ids = [each.get("id") for each in objects]
    return all(type(each) is int and each != 0 for each in ids) and len(set(ids)) == len(ids)
