"""COCO keypoint files (Lin et al., ECCV 2014), described at https://cocodataset.org/#format-data.

Also what other tools write in that format, for any object, and what `to-coco` writes.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from simplebase.converters.coco_images import split_images
from simplebase.converters.conversion import NO_KEYPOINT, Conversion, draw_held_out
from simplebase.converters.image_files import inside
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.limbs import require_limbs, scale_from_limbs
from simplebase.converters.own_fields import restore_record
from simplebase.converters.placement import around_box, around_keypoints
from simplebase.converters.single_points import UNSIZED, size_single_points
from simplebase.data import expect
from simplebase.data.coco_categories import OWN_KEY, Categories, read_categories
from simplebase.data.fields import stated_size
from simplebase.data.object_sizes import (
    object_area,
    object_side,
    read_box,
    single_point_area,
    usual_side,
)
from simplebase.data.records import make_record
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import read_json, require_file
from simplebase.geometry import Size
from simplebase.skeletons import Skeleton

ScaleFrom = Literal["box", "limbs"]


@dataclass(frozen=True)
class _File:
    """One annotation file; `names` and `sizes` are by image id."""

    path: Path
    validation: bool
    names: dict[int, str]
    sizes: dict[int, Size | None]
    annotations: list[Any]
    categories: Categories
    images: ImageSearch


@dataclass(frozen=True)
class _Labelled:
    """A record and where its image is.

    Args:
        record: one of ours.
        image: its file.
        index: its place in the dataset that `to-coco` read.
        side: of an object that is not ours, see `object_side`.
    """

    record: dict[str, Any]
    image: Path
    index: int | None = None
    side: float = 0.0

    @property
    def is_single_point(self) -> bool:
        """Whether its labels do not tell how large the object is."""
        return self.index is None and not self.side


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
        source: the image folder; images are looked for in it and then in its subfolders, at the
            path that the file states and then by their file name.
        train_annotations: the file of the train split.
        val_annotations: the file of the validation split. If only one file is given, the split is
            drawn from it, unless `to-coco` wrote it.
        category: the category or categories to convert, by name or id; by default all that have
            keypoints, which must be the same.
        skeleton: names the keypoints, in place of the file.
        scale_from: whether an object's size is its box or, for people, a limb's length.
        val_split: fraction of the images that is held out, where it is drawn.
        seed: of the draw.

    Raises:
        ArgumentError: no file is given, or a choice does not fit it.
        MissingFileError: a file or the folder is missing.
        DataError: a file is not COCO's, or an image's name fits several files.
    """
    source = Path(source)
    if scale_from not in get_args(ScaleFrom):
        raise ArgumentError(f"scale_from is box or limbs. Received: {scale_from}.")
    names = [category] if isinstance(category, str) else list(category)
    files = _read_files(source, train_annotations, val_annotations, names, skeleton)
    skeleton = files[0].categories.skeleton
    if scale_from == "limbs":
        require_limbs(skeleton)
    sources = [file.path for file in files]
    conversion = Conversion(skeleton, source, sources, notes=files[0].categories.notes)
    found: list[_Labelled] = []
    for file in files:
        labelled = list(_labelled(file, conversion, scale_from))
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
    """Notes the image ids that stand for one image in train and for another in val."""
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


def _fill_in_areas(found: list[_Labelled], file: _File) -> None:
    """Gives objects with one keypoint and no box the area that `eval --annotations` gives them."""
    usual = usual_side(each.side for each in found)
    for each in found:
        if each.is_single_point and "area" not in each.record:
            area = single_point_area(usual, file.sizes[each.record["image_id"]])
            if area:
                each.record["area"] = area


def _add_own(conversion: Conversion, found: list[_Labelled]) -> None:
    """Puts records that were ours back in their order."""
    for each in sorted(found, key=lambda each: each.index or 0):
        conversion.add(each.record, each.image)


def _add_foreign(conversion: Conversion, found: list[_Labelled]) -> None:
    """Adds records, but not those that would train on an image of the validation split."""
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
        conversion.notes.append(
            f"objects without a box, or with one at most a pixel wide or high: {boxless}; the box "
            "around their labelled keypoints is used, enlarged by a tenth"
        )
    size_single_points(conversion, singles)


def _read_files(
    source: Path,
    train_annotations: str | os.PathLike[str] | None,
    val_annotations: str | os.PathLike[str] | None,
    names: Sequence[str],
    skeleton: Skeleton | None,
) -> list[_File]:
    """The files that are given, which have the same keypoints."""
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
) -> _File:
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
    return _File(path, validation, file_names, sizes, content["annotations"], categories, images)


def _read_images(images: list[Any], path: Path) -> tuple[dict[int, str], dict[int, Size | None]]:
    """The images' file names and stated sizes by their ids.

    Raises:
        DataError: an id stands for two files, or a field is missing or wrong.
    """
    names: dict[int, str] = {}
    sizes: dict[int, Size | None] = {}
    for index, image in enumerate(images):
        where = f"{path}, images[{index}]"
        image = expect.mapping(image, where)
        name = expect.text(image.get("file_name"), f"{where}.file_name")
        image_id = expect.whole(image.get("id"), f"{where}.id")
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


def _labelled(file: _File, conversion: Conversion, scale_from: ScaleFrom) -> Iterator[_Labelled]:
    """The records of a file; those left out are counted in `conversion`."""
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
            conversion.leave_out_missing_image(stated.name, refused=stated.leads_out)
            continue
        path = image.relative_to(conversion.image_folder).as_posix()
        if own:
            # Where `to-coco` wrote it, the file name is the path in the dataset.
            path = path if stated in file.images.by_name else stated.name
            index, record = restore_record(annotation, path, keypoints, file.validation, where)
            labelled: _Labelled | str = _Labelled(record, image, index)
        else:
            labelled = _foreign(annotation, image, path, keypoints, skeleton, scale_from, where)
        if isinstance(labelled, str):
            conversion.leave_out(labelled)
            continue
        labelled.record["isValidation"] = float(file.validation)
        if size := file.sizes[image_id]:
            conversion.stated_sizes.setdefault(path, size)
        yield labelled


def _image_id(annotation: dict[str, Any], file: _File, where: str) -> int:
    """The image's id; refuses ids that the file does not have."""
    image_id = expect.whole(annotation.get("image_id"), f"{where}.image_id")
    if image_id not in file.names:
        raise DataError(f"{where}: no image has the id {image_id}.")
    return image_id


def _keypoints(values: Any, skeleton: Skeleton, where: str) -> np.ndarray:
    """`(K, 3)`; all zeros where an annotation has none."""
    if not values:
        return np.zeros((skeleton.num_keypoints, 3))
    flat = expect.numbers(values, 3 * skeleton.num_keypoints, f"{where}.keypoints")
    keypoints = np.array(flat).reshape(-1, 3)
    for value in keypoints[:, 2]:
        expect.visibility(float(value), f"{where}.keypoints")
    return keypoints


def _foreign(
    annotation: dict[str, Any],
    image: Path,
    path: str,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    scale_from: ScaleFrom,
    where: str,
) -> _Labelled | str:
    """The record of an annotation that is not ours, or the reason why there is none."""
    box = read_box(annotation.get("bbox"), f"{where}.bbox")
    if isinstance(box, str):
        return box
    placement = around_keypoints(keypoints) if box is None else around_box(box)
    by_limb = scale_from_limbs(keypoints, skeleton) if scale_from == "limbs" else None
    if scale_from == "limbs" and by_limb is None:
        return "no labelled limb"
    # A single keypoint is where the object is, not how large.
    center, scale = placement or (keypoints[keypoints[:, 2] > 0, :2].mean(axis=0).tolist(), UNSIZED)
    area, annotation_id = annotation.get("area"), annotation.get("id")
    # With a box that has no area, tools write an area of 0, which OKS would divide by.
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
        image_id=annotation["image_id"],
        annotation_id=None if annotation_id is None else expect.whole(annotation_id, f"{where}.id"),
    )
    return _Labelled(record, image, side=object_side(keypoints, box))
