"""COCO keypoint files (Lin et al., ECCV 2014), described at https://cocodataset.org/#format-data.

Also what other tools write in that format, for any object, and what `to-coco` writes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from simplebase.converters import expect
from simplebase.converters.coco_skeleton import OWN_KEY, Categories, read_categories
from simplebase.converters.conversion import NO_KEYPOINT, REFUSED_PATH, Conversion, draw_held_out
from simplebase.converters.image_files import find_image, inside
from simplebase.converters.limbs import require_limbs, scale_from_limbs
from simplebase.converters.own_fields import restore
from simplebase.converters.placement import around_box
from simplebase.data.records import make_record, read_json
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import require_file
from simplebase.skeletons import Skeleton

ScaleFrom = Literal["box", "limbs"]


@dataclass(frozen=True)
class _File:
    """One annotation file; `folders` are the places to look for its images, in order."""

    path: Path
    validation: bool
    names: dict[int, str]
    annotations: list[Any]
    categories: Categories
    folders: list[Path]


@dataclass(frozen=True)
class _Labelled:
    """A record, where its image is, and its place in the dataset that `to-coco` read."""

    record: dict[str, Any]
    image: Path
    index: int | None


def read_coco(
    source: str | os.PathLike[str],
    *,
    train_annotations: str | os.PathLike[str] | None = None,
    val_annotations: str | os.PathLike[str] | None = None,
    category: str | None = None,
    scale_from: ScaleFrom = "box",
    val_split: float = 0.1,
    seed: int = 0,
) -> Conversion:
    """Reads one annotation file or two.

    Args:
        source: the image folder; images are looked for in it and then in its subfolders.
        train_annotations: the file of the train split.
        val_annotations: the file of the validation split. If only one file is given, the split is
            drawn from it, unless `to-coco` wrote it.
        category: the category to convert, if they have different keypoints.
        scale_from: whether an object's size is its box or, for people, a limb's length.
        val_split: fraction of the images that is held out, where it is drawn.
        seed: of the draw.

    Raises:
        ArgumentError: no file is given, or a choice does not fit it.
        MissingFileError: a file or the folder is missing.
        DataError: a file is not COCO's.
    """
    source = Path(source)
    if scale_from not in get_args(ScaleFrom):
        raise ArgumentError(f"scale_from is box or limbs. Received: {scale_from}.")
    if not source.is_dir():
        raise MissingFileError(f"{source}: the image folder does not exist.")
    given = [(train_annotations, False), (val_annotations, True)]
    files = [
        _read_file(Path(path), source, validation, category)
        for path, validation in given
        if path is not None
    ]
    if not files:
        raise ArgumentError("give --train-annotations, --val-annotations or both.")
    skeleton = files[0].categories.skeleton
    if files[-1].categories.skeleton.keypoints != skeleton.keypoints:
        raise DataError(f"{files[0].path} and {files[1].path} have different keypoints.")
    if scale_from == "limbs":
        require_limbs(skeleton)
    conversion = Conversion(skeleton, source, notes=files[0].categories.notes)
    found = [each for file in files for each in _labelled(file, conversion, scale_from)]
    if all(each.index is not None for each in found):
        _take_own(conversion, found)
    else:
        _take(conversion, found, two_files=len(files) == 2, val_split=val_split, seed=seed)
    return conversion


def _take_own(conversion: Conversion, found: list[_Labelled]) -> None:
    """Puts records that were ours back as they were."""
    for each in sorted(found, key=lambda each: each.index or 0):
        conversion.add(each.record, each.image)


def _take(
    conversion: Conversion, found: list[_Labelled], *, two_files: bool, val_split: float, seed: int
) -> None:
    held_out = {e.record["img_paths"] for e in found if e.record["isValidation"]}
    for each in found:
        leaks = not each.record["isValidation"] and each.record["img_paths"] in held_out
        if two_files and leaks:
            conversion.leave_out("train record whose image is in the val file")
        else:
            conversion.add(each.record, each.image)
    if not two_files:
        held_out = draw_held_out(conversion.images, val_split, seed)
    conversion.hold_out(held_out)


def _read_file(path: Path, source: Path, validation: bool, category: str | None) -> _File:
    content = read_json(require_file(path, "the COCO annotation file"))
    parts = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in parts):
        raise DataError(
            f"{path} is not a COCO file: expected a mapping with the lists {', '.join(parts)}. "
            f"Received: {_shape(content)}."
        )
    names = {}
    for index, image in enumerate(content["images"]):
        where = f"{path}, images[{index}]"
        image = expect.mapping(image, where)
        name = expect.text(image.get("file_name"), f"{where}.file_name")
        names[expect.whole(image.get("id"), f"{where}.id")] = name
    categories = read_categories(content, path, category)
    folders = _folders(source, "val" if validation else "train")
    return _File(path, validation, names, content["annotations"], categories, folders)


def _shape(content: Any) -> str:
    if isinstance(content, dict):
        return "a mapping with " + ", ".join(map(repr, list(content)[:5]))
    return f"a {type(content).__name__}"


def _folders(source: Path, split: str) -> list[Path]:
    """The image folder and those in it, two levels deep, first those named after the split."""
    below = [path for depth in ("*/", "*/*/") for path in source.glob(depth) if path.is_dir()]
    return [source, *sorted(below, key=lambda path: (split not in path.name, str(path)))]


def _labelled(file: _File, conversion: Conversion, scale_from: ScaleFrom) -> Iterator[_Labelled]:
    """The records of a file; those left out are counted in `conversion`."""
    skeleton = conversion.skeleton
    for number, annotation in enumerate(file.annotations):
        where = f"{file.path}, annotations[{number}]"
        annotation = expect.mapping(annotation, where)
        category = expect.whole(annotation.get("category_id"), f"{where}.category_id")
        if category not in file.categories.all_ids:
            raise DataError(f"{where}: no category has the id {category}.")
        image_id = expect.whole(annotation.get("image_id"), f"{where}.image_id")
        if image_id not in file.names:
            raise DataError(f"{where}: no image has the id {image_id}.")
        if category not in file.categories.ids:
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
        name = file.names[image_id]
        image = _find(file.folders, name)
        if isinstance(image, str):
            conversion.leave_out(image)
        elif image is None:
            conversion.miss(name)
        elif own:
            index, record = restore(annotation, name, keypoints, file.validation, where)
            yield _Labelled(record, image, index)
        else:
            path = image.relative_to(conversion.image_folder).as_posix()
            made = _record(annotation, path, keypoints, skeleton, scale_from, where)
            if isinstance(made, str):
                conversion.leave_out(made)
            else:
                made["isValidation"] = float(file.validation)
                yield _Labelled(made, image, None)


def _keypoints(values: Any, skeleton: Skeleton, where: str) -> np.ndarray:
    """`(K, 3)`; all zeros where an annotation has none."""
    if not values:
        return np.zeros((skeleton.num_keypoints, 3))
    flat = expect.numbers(values, 3 * skeleton.num_keypoints, f"{where}.keypoints")
    keypoints = np.array(flat).reshape(-1, 3)
    for value in keypoints[:, 2]:
        expect.visibility(float(value), f"{where}.keypoints")
    return keypoints


def _find(folders: list[Path], name: str) -> Path | str | None:
    """The image file; a reason if its name is refused; `None` if it is nowhere."""
    names = dict.fromkeys((name, name.replace("\\", "/")))
    paths = [path for path in (inside("", each) for each in names) if path]
    if not paths:
        return REFUSED_PATH
    found = (find_image(folder, path) for folder in folders for path in paths)
    return next((image for image in found if image), None)


def _record(
    annotation: dict[str, Any],
    path: str,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    scale_from: ScaleFrom,
    where: str,
) -> dict[str, Any] | str:
    """The record, or the reason why there is none."""
    if "bbox" not in annotation:
        return "no box"
    box = expect.numbers(annotation["bbox"], 4, f"{where}.bbox")
    if min(box[2:]) <= 0:
        return "empty box"
    center, scale = around_box(box)
    if scale_from == "limbs":
        by_limb = scale_from_limbs(keypoints, skeleton)
        if by_limb is None:
            return "no labelled limb"
        scale = by_limb
    area, annotation_id = annotation.get("area"), annotation.get("id")
    return make_record(
        dataset="coco",
        validation=False,
        path=path,
        center=center,
        scale=scale,
        keypoints=keypoints,
        box=box,
        area=None if area is None else expect.number(area, f"{where}.area"),
        image_id=annotation["image_id"],
        annotation_id=None if annotation_id is None else expect.whole(annotation_id, f"{where}.id"),
    )
