"""Reads VGG Image Annotator (https://www.robots.ox.ac.uk/~vgg/software/via/).

The source is a project (`.json`), or annotations of VIA 1 or 2 exported as `.json` or `.csv`. A
keypoint is a region of shape `point`, named by a region attribute. If regions have no attributes,
keypoints are numbered by their order in the image. VIA 2 rounds a click to a whole pixel, counted
from 0, so an integer is a pixel's centre; see `version3` for VIA 3. A `rect` is an object's box.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from simplebase.converters.conversion import Conversion
from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_sources import single_file
from simplebase.converters.labelled import (
    LabelledImage,
    LabelledObject,
    infer_skeleton,
    to_conversion,
)
from simplebase.converters.via.files import Entry, Region, read_entries
from simplebase.data import expect
from simplebase.errors import ArgumentError, DataError, MissingFileError, listed, shown
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

WHAT = "the VIA file (.json or .csv)"
# VIA has no convention for these; they are common choices.
_KEYPOINT_NAMES = {"keypoint", "keypoints", "keypoint_name", "landmark", "part", "bodypart"}
_KEYPOINT_NAMES |= {"joint", "name", "label", "point"}
_OBJECT_NAMES = {"object", "object_id", "instance", "instance_id", "group", "group_id", "id"}
_OBJECT_NAMES |= {"person", "animal", "individual", "track", "track_id"}
_SCORE_NAMES = {"score", "confidence"}
_HIDDEN_NAMES = {"hidden", "occluded", "difficult"}
_NO = {"", "0", "false", "no"}


def read_via(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    keypoint_attribute: str | None = None,
    object_attribute: str | None = None,
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads a project or an export of VIA.

    Args:
        source: the file, or a folder that contains one.
        image_folder: the images' folder. By default that of the file.
        keypoint_attribute: the region attribute that names keypoints. By default the only one, or
            the one called `keypoint`, `name`, `label` or similar.
        object_attribute: the region attribute that identifies the object in an image. By default
            the one called `object`, `instance`, `id` or similar.
        skeleton: the keypoints; by default the names in order of appearance, or numbers
            from 1 where regions have no attributes.
        val_split: fraction of the images that are held out.
        seed: seed of the random split.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: an attribute does not exist, or has to be chosen.
        MissingFileError: the file or the image folder does not exist.
        DataError: it is not a file of VIA, or it contradicts itself.
    """
    path = single_file(Path(source), (".json", ".csv"), WHAT, _is_via)
    root = path.parent if image_folder is None else Path(image_folder)
    if not root.is_dir():
        raise MissingFileError(f"{root}: the image folder does not exist.")
    entries = read_entries(path)
    points = [each for entry in entries for each in entry.regions if each.kind == "point"]
    if not points:
        raise DataError(f"{path}: none of its {len(entries)} images has a region of shape point.")
    by_object, by_name = _choose_attributes(path, points, object_attribute, keypoint_attribute)
    why = "regions have no attributes"
    if by_name and keypoint_attribute is None and _is_class(by_name, by_object, entries):
        why = f"the attribute {by_name!r} has one value at all points"
        by_name = None
    left_out: Counter[str] = Counter()
    images = []
    for done, entry in enumerate(entries, start=1):
        objects = _objects(entry, by_object, by_name, left_out)
        images.append(LabelledImage(StatedImage(entry.name), None, objects, entry.where))
        if progress:
            progress(done, len(entries))
    notes = [f"objects are told apart by the attribute {by_object!r}"] if by_object else []
    if by_name is None:
        _require_same_count(images, skeleton, left_out)
        notes.append(f"{why}, so a keypoint is its place among the points")
        _rename(images, skeleton)
    else:
        notes.append(f"keypoints are named by the attribute {by_name!r}")
    if skeleton is None:
        skeleton, more = infer_skeleton(path.parent.resolve().name or path.stem, images)
        notes += more
    return to_conversion(
        root,
        [path],
        images,
        skeleton,
        dataset="via",
        folder_option="simplebase convert via --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=left_out,
        notes=notes,
    )


def _is_via(path: Path) -> bool:
    try:
        return bool(read_entries(path))
    except DataError:
        return False


def _choose_attributes(
    path: Path, points: Sequence[Region], by_object: str | None, by_name: str | None
) -> tuple[str | None, str | None]:
    """Returns the attribute that identifies objects, if any, and the one that names keypoints.

    Raises:
        ArgumentError: a given attribute does not occur, or it is unclear which names keypoints.
    """
    found = list(dict.fromkeys(name for each in points for name in each.attributes))
    for option, given in (("--object-attribute", by_object), ("--keypoint-attribute", by_name)):
        if given is not None and given not in found:
            raise ArgumentError(
                f"{path}: no point has the region attribute {given!r} of {option}. "
                f"There are: {listed(found) or 'none'}."
            )
    no_names = _HIDDEN_NAMES | _SCORE_NAMES
    rest = [n for n in found if n not in (by_object, by_name) and n.lower() not in no_names]
    if by_name is None and len(rest) > 1:
        named = [name for name in rest if name.lower() in _KEYPOINT_NAMES]
        others = [name for name in rest if name.lower() not in _OBJECT_NAMES]
        candidates = named or others
        if len(candidates) != 1:
            raise ArgumentError(
                f"{path}: which of the region attributes {listed(rest)} names the keypoints? "
                "Give it as --keypoint-attribute."
            )
        by_name = candidates[0]
    elif by_name is None and rest:
        by_name = rest[0]
    if by_object is None:
        likely = [name for name in rest if name.lower() in _OBJECT_NAMES and name != by_name]
        by_object = likely[0] if likely else None
    return by_object, by_name


def _is_class(name: str, by_object: str | None, entries: Sequence[Entry]) -> bool:
    """Returns whether an attribute has one value at all points, though objects have several."""
    if name.lower() in _KEYPOINT_NAMES:
        return False
    values: set[str | None] = set()
    points: Counter[tuple[int, str]] = Counter()
    for index, entry in enumerate(entries):
        for region in entry.regions:
            if region.kind == "point":
                values.add(region.attributes.get(name))
                points[index, region.attributes.get(by_object, "") if by_object else ""] += 1
    return len(values) == 1 and max(points.values()) > 1


def _objects(
    entry: Entry, by_object: str | None, by_name: str | None, left_out: Counter[str]
) -> list[LabelledObject]:
    """Returns the objects of an image; without names, keypoints are called 1, 2 and so on."""
    objects: dict[str, LabelledObject] = defaultdict(LabelledObject)
    boxes: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for region in entry.regions:
        key = region.attributes.get(by_object, "") if by_object else ""
        if region.kind == "point":
            points = objects[key].points
            name = str(len(points) + 1) if by_name is None else region.attributes.get(by_name)
            if name is None:
                left_out["shape: point without a keypoint's name"] += 1
            elif name in points:
                raise DataError(
                    f"{region.where}: a second point {shown(name)} in one object. Remove it, or "
                    "tell objects apart by a region attribute and give it as --object-attribute."
                )
            else:
                points[name] = _point(region)
        elif region.kind == "rect":
            x, y, width, height = (
                expect.number(region.shape.get(side), f"{region.where}, {side}")
                for side in ("x", "y", "width", "height")
            )
            boxes[key].append((x, y, width, height))
        else:
            left_out["shape: neither point nor rectangle"] += 1
    for key, found in boxes.items():
        # With several rectangles of one object, it is unclear which is its box.
        if key in objects and len(found) == 1:
            objects[key].box = found[0]
        else:
            left_out["shape: rectangle that is no object's box"] += len(found)
    return [each for each in objects.values() if each.points]


def _point(region: Region) -> tuple[float, float, float]:
    """x, y, visibility."""
    x, y = (expect.number(region.shape.get(c), f"{region.where}, {c}") for c in ("cx", "cy"))
    marks = {name.lower(): text.lower() for name, text in region.attributes.items()}
    hidden = any(marks.get(name, "") not in _NO for name in _HIDDEN_NAMES)
    return x, y, 1.0 if hidden else 2.0


def _require_same_count(
    images: list[LabelledImage], skeleton: Skeleton | None, left_out: Counter[str]
) -> None:
    """Checks that objects whose keypoints are identified by order have the same number of them.

    With a skeleton, objects with another number are left out.

    Raises:
        DataError: the numbers differ, and no skeleton says which one is right.
    """
    if skeleton is not None:
        for image in images:
            kept = [each for each in image.objects if len(each.points) == skeleton.num_keypoints]
            if len(kept) < len(image.objects):
                reason = f"not the {skeleton.num_keypoints} points of the keypoints"
                left_out[reason] += len(image.objects) - len(kept)
                image.objects[:] = kept
        return
    counts = Counter(len(each.points) for image in images for each in image.objects)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        where, count = next(
            (image.where, len(each.points))
            for image in images
            for each in image.objects
            if len(each.points) != usual
        )
        raise DataError(
            f"{where}: {count} points, but other images have {usual}. "
            "Without region attributes a keypoint is its place among the points. Correct the "
            "image, or name the keypoints by --classes-path: images with another number are then "
            "left out."
        )


def _rename(images: Iterable[LabelledImage], skeleton: Skeleton | None) -> None:
    if skeleton is not None:
        for image in images:
            for each in image.objects:
                each.points = dict(zip(skeleton.keypoints, each.points.values(), strict=True))
