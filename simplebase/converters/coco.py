"""COCO keypoint files (Lin et al., ECCV 2014), described at https://cocodataset.org/#format-data.

Also reads files of other tools in that format, for any kind of object, and the files of `to-coco`.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from simplebase.converters.coco_images import split_images
from simplebase.converters.coco_objects import CocoFile, Labelled, ScaleFrom, read_objects
from simplebase.converters.conversion import Conversion, draw_held_out
from simplebase.converters.image_files import inside
from simplebase.converters.limbs import require_limbs
from simplebase.converters.placement import boxless_note
from simplebase.converters.single_points import size_single_points
from simplebase.data import expect
from simplebase.data.coco_categories import read_categories
from simplebase.data.fields import stated_size
from simplebase.data.object_sizes import (
    single_point_area,
    usual_side,
)
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import read_json, require_file
from simplebase.geometry import Size
from simplebase.skeletons import Skeleton


def read_coco(
    source: str | os.PathLike[str],
    *,
    train_annotations: str | os.PathLike[str] | None = None,
    val_annotations: str | os.PathLike[str] | None = None,
    category: str | Sequence[str] = (),
    skeleton: Skeleton | None = None,
    scale_from: ScaleFrom = "box",
    val_split: float = 0.1,
    seed: int = 0,
) -> Conversion:
    """Reads one annotation file or two.

    Args:
        source: the image folder. Images are searched in it and then in its subfolders, first at the
            stated path and then by their file name.
        train_annotations: the file of the train split.
        val_annotations: the file of the validation split. If only one file is given, the split is
            drawn from it, unless `to-coco` wrote it.
        category: the categories to convert, by name or id. By default all with keypoints, which
            must be the same.
        skeleton: names the keypoints, instead of the file.
        scale_from: whether an object's size is that of its box or, for people, a limb's length.
        val_split: fraction of the images that are held out, where it is drawn.
        seed: seed of the random split.

    Raises:
        ArgumentError: no file is given, or a choice does not fit it.
        MissingFileError: a file or the folder is missing.
        DataError: a file is not a COCO file, or an image's name matches several files.
    """
    source = Path(source)
    if scale_from not in get_args(ScaleFrom):
        raise ArgumentError(f"scale_from must be box or limbs. Received: {scale_from}.")
    names = [category] if isinstance(category, str) else list(category)
    files = _read_files(source, train_annotations, val_annotations, names, skeleton)
    skeleton = files[0].categories.skeleton
    if scale_from == "limbs":
        require_limbs(skeleton)
    sources = [file.path for file in files]
    conversion = Conversion(skeleton, source, sources, notes=files[0].categories.notes)
    found: list[Labelled] = []
    for file in files:
        labelled = list(read_objects(file, conversion, scale_from))
        _fill_in_areas(labelled, file)
        found += labelled
    if all(each.index is not None for each in found):
        _add_own(conversion, found)
    else:
        _add_foreign(conversion, found)
        if len(files) == 1:
            conversion.hold_out(draw_held_out(conversion.images, val_split, seed))
    for file in files:
        conversion.notes += file.images.notes()
    conversion.notes += _shared_ids(conversion.records)
    return conversion


def _shared_ids(records: list[dict[str, Any]]) -> list[str]:
    """Notes image ids that mean different images in train and val."""
    paths: list[dict[int, set[str]]] = [defaultdict(set), defaultdict(set)]
    for record in records:
        if "image_id" in record:
            paths[bool(record["isValidation"])][record["image_id"]].add(record["img_paths"])
    train, val = paths
    shared = [number for number in train.keys() & val.keys() if train[number] != val[number]]
    if not shared:
        return []
    return [
        "image ids that stand for one image in train and for another in val: "
        f"{len(shared)}, such as {min(shared)}. Each split keeps its ids. `eval` uses those of the "
        "split that it measures; with --image-set all it numbers the images from 1"
    ]


def _fill_in_areas(found: list[Labelled], file: CocoFile) -> None:
    """Sets the area of objects with one keypoint and no box, as `eval --annotations` does."""
    usual = usual_side(each.side for each in found)
    for each in found:
        if each.is_single_point and "area" not in each.record:
            area = single_point_area(usual, file.sizes[each.record["image_id"]])
            if area:
                each.record["area"] = area


def _add_own(conversion: Conversion, found: list[Labelled]) -> None:
    """Restores the order of records that `to-coco` wrote."""
    for each in sorted(found, key=lambda each: each.index or 0):
        conversion.add(each.record, each.image)


def _add_foreign(conversion: Conversion, found: list[Labelled]) -> None:
    """Adds records, except train records whose image is in the validation split."""
    held_out = {e.record["img_paths"] for e in found if e.record["isValidation"]}
    singles, boxless = [], 0
    for each in found:
        if each.record["isValidation"] or each.record["img_paths"] not in held_out:
            conversion.add(each.record, each.image)
            if each.is_single_point:
                singles.append(each.record)
            elif each.index is None and "bbox" not in each.record:
                boxless += 1
        else:
            conversion.leave_out("train record whose image is in the val file")
    if boxless:
        conversion.notes.append(boxless_note(boxless))
    size_single_points(conversion, singles)


def _read_files(
    source: Path,
    train_annotations: str | os.PathLike[str] | None,
    val_annotations: str | os.PathLike[str] | None,
    names: Sequence[str],
    skeleton: Skeleton | None,
) -> list[CocoFile]:
    """Reads the given files, which must have the same keypoints."""
    if not source.is_dir():
        raise MissingFileError(f"{source}: the image folder does not exist.")
    given = [(train_annotations, False), (val_annotations, True)]
    files = [
        _read_file(Path(path), source, validation, names, skeleton)
        for path, validation in given
        if path is not None
    ]
    if not files:
        raise ArgumentError("give --train-annotations, --val-annotations or both.")
    if files[0].categories.skeleton.keypoints != files[-1].categories.skeleton.keypoints:
        raise DataError(f"{files[0].path} and {files[1].path} have different keypoints.")
    if len(files) == 2:
        files[0].images.share_with(files[1].images)
    return files


def _read_file(
    path: Path, source: Path, validation: bool, names: Sequence[str], skeleton: Skeleton | None
) -> CocoFile:
    content = read_json(require_file(path, "the COCO annotation file"))
    parts = ("images", "annotations")
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in parts):
        raise DataError(
            f"{path} is not a COCO file: expected a mapping with the lists {', '.join(parts)}. "
            f"Received: {_shape(content)}."
        )
    file_names, sizes = _read_images(content["images"], path)
    categories = read_categories(content, path, names=names, skeleton=skeleton)
    images = split_images(source, "val" if validation else "train", file_names.values())
    return CocoFile(path, validation, file_names, sizes, content["annotations"], categories, images)


def _read_images(images: list[Any], path: Path) -> tuple[dict[int, str], dict[int, Size | None]]:
    """Returns the images' file names and stated sizes by their ids.

    Raises:
        DataError: an id is used for two files, or a field is missing or wrong.
    """
    names: dict[int, str] = {}
    sizes: dict[int, Size | None] = {}
    for index, image in enumerate(images):
        where = f"{path}, images[{index}]"
        image = expect.mapping(image, where)
        name = expect.text(image.get("file_name"), f"{where}.file_name")
        image_id = expect.identifier(image.get("id"), f"{where}.id")
        earlier = names.setdefault(image_id, name)
        if (inside("", earlier) or earlier) != (inside("", name) or name):
            raise DataError(
                f"{where}: the image id {image_id} is used twice, for {earlier!r} and {name!r}, so "
                "it is unclear which image its annotations belong to. Give each image its own "
                "id. If two files were joined, renumber the images and annotations of one first."
            )
        stated = stated_size(image.get("width"), image.get("height"))
        sizes[image_id] = sizes.get(image_id) or stated
    return names, sizes


def _shape(content: Any) -> str:
    if isinstance(content, dict):
        return "a mapping with " + ", ".join(map(repr, list(content)[:5]))
    return f"a {type(content).__name__}"
