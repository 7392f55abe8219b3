"""labelme (https://github.com/wkentaro/labelme): a folder of its JSON files with `point` shapes.

A point's label is the keypoint's name; `group_id` tells objects in one image apart. labelme's
canvas is continuous, with the first pixel from 0 to 1: half a pixel less is the coordinate of pixel
centres. X-AnyLabeling (https://github.com/CVHub520/X-AnyLabeling) writes the same, with `difficult`
beside each shape, which its users set where a keypoint is hidden.
"""

import os
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.conversion import Conversion, draw_held_out
from simplebase.converters.image_files import EmbeddedImage, ImageSource
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.placement import around_box, around_keypoints
from simplebase.converters.single_points import UNSIZED, size_single_points
from simplebase.data import expect
from simplebase.data.fields import stated_size
from simplebase.data.object_sizes import has_size
from simplebase.data.records import make_record
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning
from simplebase.files import read_json
from simplebase.geometry import Size
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, pairs_by_name
from simplebase.skeletons.sides import pairs_text

_PIXEL_CENTRE = 0.5
# How many files that cannot be read are named in full.
_NAMED = 10
_HIDDEN = {"hidden", "occluded", "difficult"}
_MAGIC = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"BM": ".bmp", b"RIFF": ".webp"}


@dataclass
class _Object:
    """The points of one `group_id`, and the rectangles."""

    points: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    boxes: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class _LabelFile:
    """What is kept of one JSON file: not the image that it may hold.

    Args:
        path: the file.
        name: the same, relative to the source.
        image: what the file says of its image.
        size: `(height, width)` of the image as the file states it.
        embedded: whether there is an image in the file.
        objects: theirs are the points.
    """

    path: Path
    name: Path
    image: StatedImage
    size: Size | None
    embedded: bool
    objects: list[_Object]


def read_labelme(
    source: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads all labelme files in a folder and its subfolders.

    Args:
        source: the folder; images are looked for where the files say and then by their file name,
            but not outside it.
        skeleton: which keypoints there are; by default the labels in order of appearance, in files
            sorted by name, with flip pairs inferred from left and right in the names.
        val_split: fraction of the images that is held out.
        seed: of the draw.
        progress: called with files done and in all.

    Raises:
        MissingFileError: the folder does not exist.
        DataError: no file can be read, there are no points, or a label is not in the skeleton.

    Files that cannot be read are left out, counted in `left_out` and named in a warning.
    """
    source = Path(source)
    if not source.is_dir():
        raise MissingFileError(f"{source}: the folder of labelme files does not exist.")
    left_out: Counter[str] = Counter()
    files = _read_files(source, left_out, progress)
    notes = []
    if skeleton is None:
        skeleton = _infer(files, source)
        notes = [
            "keypoints, in order of appearance: " + ", ".join(skeleton.keypoints),
            f"flip pairs, inferred from the names: {pairs_text(skeleton.horizontal_pairs)}",
        ]
    sources = [file.path for file in files]
    conversion = Conversion(skeleton, source, sources, left_out=left_out, notes=notes)
    images = ImageSearch(source, [file.image for file in files])
    singles: list[dict[str, Any]] = []
    for file in files:
        _add_objects(conversion, file, images, singles)
    size_single_points(conversion, singles)
    conversion.notes += images.notes()
    conversion.hold_out(draw_held_out(conversion.images, val_split, seed))
    return conversion


def _read_files(
    source: Path, left_out: Counter[str], progress: Progress | None
) -> list[_LabelFile]:
    """All labelme files below `source`, sorted by name; what else is there goes to `left_out`."""
    paths = sorted(source.rglob("*.json"), key=lambda path: path.as_posix())
    files, unreadable = [], []
    for done, path in enumerate(paths, start=1):
        try:
            content = read_json(path)
        except DataError as error:
            unreadable.append(str(error))
        else:
            file = _parse_file(content, path, source, left_out)
            files += [file] if file else []
        if progress:
            progress(done, len(paths))
    if unreadable and not files:
        more = f" {len(unreadable) - 1} more files cannot be read." if len(unreadable) > 1 else ""
        raise DataError(unreadable[0] + more)
    if unreadable:
        left_out["file: cannot be read"] += len(unreadable)
        more = f"\n... and {len(unreadable) - _NAMED} more" if len(unreadable) > _NAMED else ""
        warnings.warn(
            f"{len(unreadable)} of {len(paths)} .json files in {source} cannot be read and are "
            "left out:\n" + "\n".join(unreadable[:_NAMED]) + more,
            SimplebaseWarning,
            stacklevel=3,
        )
    if not any(each.points for file in files for each in file.objects):
        raise DataError(
            f"{source}: no labelme file in it has a point. Expected .json files with shapes of "
            f"type point. Found {len(files)} labelme files among {len(paths)} .json files."
        )
    return files


def _parse_file(
    content: Any, path: Path, source: Path, left_out: Counter[str]
) -> _LabelFile | None:
    if not isinstance(content, dict) or "shapes" not in content:
        left_out["file: JSON that is not labelme's"] += 1
        return None
    objects: dict[Any, _Object] = defaultdict(_Object)
    for index, shape in enumerate(expect.items(content["shapes"], f"{path}, shapes")):
        where = f"{path}, shapes[{index}]"
        shape = expect.mapping(shape, where)
        kind, group = shape.get("shape_type"), shape.get("group_id")
        if group is not None:
            group = expect.integer(group, f"{where}.group_id")
        if kind == "point":
            label = expect.name(shape.get("label"), f"{where}.label")
            if label in objects[group].points:
                raise DataError(
                    f"{where}: a second point {label!r} in group {group}. Give each object of an "
                    "image its own group_id, or remove one of the points."
                )
            objects[group].points[label] = _point(shape, where)
        elif kind == "rectangle":
            objects[group].boxes.append(_box(shape, where))
        else:
            left_out["shape: neither point nor rectangle"] += 1
    said = expect.text(content.get("imagePath"), f"{path}, imagePath")
    name = path.relative_to(source)
    return _LabelFile(
        path=path,
        name=name,
        image=StatedImage(said, name.parent.as_posix()),
        size=stated_size(content.get("imageWidth"), content.get("imageHeight")),
        embedded=bool(content.get("imageData")),
        objects=list(objects.values()),
    )


def _point(shape: dict[str, Any], where: str) -> tuple[float, float, float]:
    """x, y, visibility."""
    points = expect.items(shape.get("points"), f"{where}.points")
    if len(points) != 1:
        raise DataError(f"{where}: a point has one place. Received: {len(points)}.")
    x, y = expect.numbers(points[0], 2, f"{where}.points[0]")
    flags = expect.mapping(shape.get("flags") or {}, f"{where}.flags")
    raised = {name.lower() for name, value in flags.items() if value}
    hidden = shape.get("difficult") or raised & _HIDDEN
    return x - _PIXEL_CENTRE, y - _PIXEL_CENTRE, 1.0 if hidden else 2.0


def _box(shape: dict[str, Any], where: str) -> list[float]:
    """x, y, width, height; a box's corner is a pixel's, so it needs no half pixel."""
    points = expect.items(shape.get("points"), f"{where}.points")
    if len(points) < 2:
        raise DataError(f"{where}: a rectangle has two corners. Received: {len(points)}.")
    corners = np.array([expect.numbers(point, 2, f"{where}.points") for point in points])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _infer(files: list[_LabelFile], source: Path) -> Skeleton:
    names = tuple(dict.fromkeys(n for file in files for each in file.objects for n in each.points))
    return Skeleton(source.resolve().name, names, pairs_by_name(names))


def _add_objects(
    conversion: Conversion, file: _LabelFile, images: ImageSearch, singles: list[dict[str, Any]]
) -> None:
    """Adds the objects of a file; those whose labels tell no size to `singles` as well."""
    names = conversion.skeleton.keypoints
    for each in file.objects:
        unknown = [label for label in each.points if label not in names]
        if unknown:
            raise DataError(
                f"{file.path}: the label {unknown[0]!r} is not one of the keypoints "
                f"({', '.join(names)}). Correct it, or add it to --classes-path."
            )
        # Several rectangles in one group: none of them is known to be the object's.
        box = each.boxes[0] if len(each.boxes) == 1 and has_size(each.boxes[0]) else None
        if each.boxes and (box is None or not each.points):
            conversion.leave_out("shape: rectangle that is no object's box", len(each.boxes))
        if not each.points:
            continue
        keypoints = np.array([each.points.get(name, (0.0, 0.0, 0.0)) for name in names])
        found = _image(file, images)
        if isinstance(found, str):
            conversion.leave_out(found)
            continue
        if found is None:
            stated = file.image
            conversion.leave_out_missing_image(
                stated.path or stated.name, refused=stated.is_outside
            )
            continue
        placement = around_keypoints(keypoints) if box is None else around_box(box)
        name, image = found
        record = make_record(
            dataset="labelme",
            validation=False,
            path=name,
            center=placement[0] if placement else keypoints[keypoints[:, 2] > 0][0, :2],
            scale=placement[1] if placement else UNSIZED,
            keypoints=keypoints,
            box=box,
        )
        conversion.add(record, image)
        if file.size:
            conversion.stated_sizes.setdefault(name, file.size)
        if placement is None:
            singles.append(record)


def _image(file: _LabelFile, images: ImageSearch) -> tuple[str, ImageSource] | str | None:
    """An image and its path; why the image in the label file cannot be used; `None` for neither."""
    embedded = None
    image = images.at_path(file.image)
    if image is None and file.embedded:
        embedded = _embedded(file)
        if not isinstance(embedded, str):
            return embedded
    image = image or images.find_by_name(file.image)
    return (image.relative_to(images.root).as_posix(), image) if image else embedded


def _embedded(file: _LabelFile) -> tuple[str, EmbeddedImage] | str:
    image = EmbeddedImage(file.path)
    content = image.content()
    for magic, suffix in _MAGIC.items():
        if content.startswith(magic):
            return file.name.with_suffix(suffix).as_posix(), image
    return "embedded image that cannot be read"
