"""Converts the objects of a COCO annotation file to records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from simplebase.converters.conversion import NO_KEYPOINT, Conversion
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.limbs import scale_from_limbs
from simplebase.converters.own_fields import restore_record
from simplebase.converters.placement import around_box, around_keypoints
from simplebase.converters.single_points import UNSIZED
from simplebase.data import expect
from simplebase.data.coco_categories import OWN_KEY, Categories
from simplebase.data.fields import flat
from simplebase.data.object_sizes import object_area, object_side, read_box
from simplebase.data.records import make_record
from simplebase.errors import DataError
from simplebase.geometry import Size
from simplebase.skeletons import Skeleton

ScaleFrom = Literal["box", "limbs"]


@dataclass(frozen=True)
class CocoFile:
    """An annotation file; `names` and `sizes` are by image id."""

    path: Path
    validation: bool
    names: dict[int, str]
    sizes: dict[int, Size | None]
    annotations: list[Any]
    categories: Categories
    images: ImageSearch


@dataclass(frozen=True)
class Labelled:
    """A record and its image.

    Args:
        record: the record.
        image: its image file.
        index: its position in the dataset that `to-coco` read.
        side: size of a foreign object, see `object_side`.
    """

    record: dict[str, Any]
    image: Path
    index: int | None = None
    side: float = 0.0

    @property
    def is_single_point(self) -> bool:
        """Whether its labels do not determine the size of the object."""
        return self.index is None and not self.side


def read_objects(
    file: CocoFile, conversion: Conversion, scale_from: ScaleFrom
) -> Iterator[Labelled]:
    """Reads the records of a file; those left out are counted in `conversion`."""
    skeleton = conversion.skeleton
    for number, annotation in enumerate(file.annotations):
        where = f"{file.path}, annotations[{number}]"
        annotation = expect.mapping(annotation, where)
        image_id = _image_id(annotation, file, where)
        if not file.categories.include(annotation, where):
            conversion.leave_out("of another category")
            continue
        if annotation.get("iscrowd"):
            conversion.leave_out("crowd")
            continue
        keypoints = _keypoints(annotation.get("keypoints") or [], skeleton, where)
        own = OWN_KEY in annotation
        if not own and not keypoints[:, 2].any():
            conversion.leave_out(NO_KEYPOINT)
            continue
        stated = StatedImage(file.names[image_id])
        image = file.images.find(stated)
        if image is None:
            conversion.leave_out_missing_image(stated.name, refused=stated.is_outside)
            continue
        path = image.relative_to(conversion.image_folder).as_posix()
        if own:
            # In files of `to-coco`, the file name is the path in the dataset.
            path = path if stated in file.images.by_name else stated.name
            index, record = restore_record(annotation, path, keypoints, file.validation, where)
            labelled: Labelled | str = Labelled(record, image, index)
        else:
            labelled = _foreign(
                annotation, image, path, image_id, keypoints, skeleton, scale_from, where
            )
        if isinstance(labelled, str):
            conversion.leave_out(labelled)
            continue
        labelled.record["isValidation"] = float(file.validation)
        if size := file.sizes[image_id]:
            conversion.stated_sizes.setdefault(path, size)
        yield labelled


def _image_id(annotation: dict[str, Any], file: CocoFile, where: str) -> int:
    """Returns the image's id; raises DataError if the file does not have it."""
    image_id = expect.identifier(annotation.get("image_id"), f"{where}.image_id")
    if image_id not in file.names:
        raise DataError(f"{where}: no image has the id {image_id}.")
    return image_id


def _keypoints(values: Any, skeleton: Skeleton, where: str) -> np.ndarray:
    """`(K, 3)`; all zeros where an annotation has none."""
    if not values:
        return np.zeros((skeleton.num_keypoints, 3))
    # Some tools write a list for each keypoint.
    numbers = expect.numbers(flat(values), 3 * skeleton.num_keypoints, f"{where}.keypoints")
    keypoints = np.array(numbers).reshape(-1, 3)
    for value in keypoints[:, 2]:
        expect.visibility(float(value), f"{where}.keypoints")
    return keypoints


def _foreign(
    annotation: dict[str, Any],
    image: Path,
    path: str,
    image_id: int,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    scale_from: ScaleFrom,
    where: str,
) -> Labelled | str:
    """Returns the record of a foreign annotation, or the reason why there is none."""
    box = read_box(annotation.get("bbox"), f"{where}.bbox")
    if isinstance(box, str):
        return box
    placement = around_keypoints(keypoints) if box is None else around_box(box)
    by_limb = scale_from_limbs(keypoints, skeleton) if scale_from == "limbs" else None
    if scale_from == "limbs" and by_limb is None:
        return "no labelled limb"
    # A single keypoint shows where the object is, but not its size.
    center, scale = placement or (keypoints[keypoints[:, 2] > 0, :2].mean(axis=0).tolist(), UNSIZED)
    area, annotation_id = annotation.get("area"), annotation.get("id")
    # With an empty box, tools write an area of 0, by which OKS would divide.
    area = 0 if area is None else max(expect.number(area, f"{where}.area"), 0)
    if not area and box is None:
        area = object_area(keypoints, None)
    record = make_record(
        dataset="coco",
        validation=False,
        path=path,
        center=center,
        scale=by_limb or scale,
        keypoints=keypoints,
        box=box,
        area=area or None,
        image_id=image_id,
        annotation_id=None
        if annotation_id is None
        else expect.identifier(annotation_id, f"{where}.id"),
    )
    return Labelled(record, image, side=object_side(keypoints, box))
