"""CVAT's own XML: "CVAT for images 1.1" and "CVAT for video 1.1" (https://www.cvat.ai).

CVAT's canvas is continuous, with the first pixel from 0 to 1, so half a pixel is subtracted to get
coordinates of pixel centres. An `occluded` point is a hidden keypoint, and an `outside` point is
not labelled. An object is one of these:

- a skeleton; its points have names;
- several points in one shape; they are called 1, 2, 3 and so on;
- single points with the keypoints' names as labels: those with the same `group_id`, or all others
  in the image. If all have one label, and every object as many, they are called 1, 2, 3 and so on.

A box belongs to the object with its `group_id`, else to the only one with the same attributes, else
to the only one whose points it contains, if no other box contains them.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simplebase.converters.conversion import Conversion
from simplebase.converters.cvat.files import CvatFiles, CvatImage, read_cvat_files
from simplebase.converters.cvat.numbering import number_points_of_one_label
from simplebase.converters.cvat.shapes import Box, CvatPoint, CvatShape
from simplebase.converters.labelled import (
    TEST_RECORD,
    LabelledImage,
    LabelledObject,
    groups_of_splits,
    pairs_note,
    to_conversion,
)
from simplebase.errors import ArgumentError, DataError, listed, shown
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton, coloured_link, pairs_by_name

_PIXEL_CENTRE = 0.5
_LOOSE = ""
"""The label of objects that consist of single points."""


def read_cvat(
    source: str | os.PathLike[str],
    *,
    image_folder: str | os.PathLike[str] | None = None,
    category: str | Sequence[str] = (),
    skeleton: Skeleton | None = None,
    val_split: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Reads one XML file of CVAT, or all files in a folder and below it.

    Args:
        source: the file or the folder.
        image_folder: where images are searched. By default the folder of their file and below it.
            The frames of a video are images named `frame_000000` and so on, as CVAT exports them.
        category: labels of the skeletons, or of shapes with several points, to convert. By default
            all, which must have the same keypoints. Single points are only converted if there are
            no such shapes.
        skeleton: which keypoints there are, by name; by default those of the file.
        val_split: fraction of the images that are held out if the file names no subsets such as
            `Train` and `Validation`.
        seed: seed of the random split.
        progress: is called with the number of finished files and the total.

    Raises:
        ArgumentError: a category does not exist.
        MissingFileError: the file or folder does not exist.
        DataError: no file can be read, there are no points, or the categories' keypoints differ.
    """
    folder = None if image_folder is None else Path(image_folder)
    files = read_cvat_files(Path(source), folder, progress)
    wanted = [category] if isinstance(category, str) else list(category)
    several = _shapes_of_several_points(files, {name.strip() for name in wanted})
    notes = number_points_of_one_label(files, several)
    objects = [(image, _objects(image, several, files.left_out)) for image in files.images]
    keypoints = _keypoints(files, [each for _, found in objects for each in found])
    chosen = _choose(keypoints, wanted, source)
    if skeleton is None:
        skeleton = _skeleton(files, chosen, keypoints[chosen[0]])
        names = ", ".join(skeleton.keypoints)
        notes += [f"keypoints, in the order of the file: {names}", pairs_note(skeleton)]
    groups, more = groups_of_splits({image.split for image in files.images})
    images = []
    for image, found in objects:
        kept = [each.labelled() for each in found if each.label in chosen]
        files.left_out["object of a label that was not chosen"] += len(found) - len(kept)
        if image.split in groups or not image.split:
            group = groups.get(image.split, "")
            images.append(LabelledImage(image.image, image.size, kept, image.where, group))
        else:
            files.left_out[TEST_RECORD] += len(kept)
    return to_conversion(
        files.root,
        files.paths,
        images,
        skeleton,
        dataset="cvat",
        folder_option="simplebase convert cvat --image-folder",
        val_split=val_split,
        seed=seed,
        left_out=+files.left_out,
        notes=[*notes, *more],
    )


def _skeleton(files: CvatFiles, chosen: Sequence[str], names: tuple[str, ...]) -> Skeleton:
    """Returns the skeleton of the chosen labels, with the lines of the first one."""
    pairs = pairs_by_name(names)
    edges = files.labels.edges.get(chosen[0], [])
    links = [coloured_link(*edge, pairs) for edge in edges if set(edge) <= set(names)]
    title = chosen[0] if len(chosen) == 1 and chosen[0] else files.paths[0].stem
    return Skeleton(title, names, pairs, links=tuple(links))


@dataclass
class _Object:
    """An object of an image: its label, its points by keypoint, and clues to its box."""

    label: str
    where: str
    group: str | None = None
    attributes: frozenset[tuple[str, str]] = frozenset()
    points: dict[str, CvatPoint] = field(default_factory=dict)
    box: Box | None = None

    def labelled(self) -> LabelledObject:
        """Returns the object with x, y, visibility of the points in view, in our pixels."""
        points = {
            name: (each.x - _PIXEL_CENTRE, each.y - _PIXEL_CENTRE, 1.0 if each.occluded else 2.0)
            for name, each in self.points.items()
            if not each.outside
        }
        return LabelledObject(points, self.box)

    def is_within(self, box: Box) -> bool:
        """Returns whether a box contains all points, of which there are some."""
        left, top, width, height = box
        seen = [each for each in self.points.values() if not each.outside]
        return bool(seen) and all(
            left <= p.x <= left + width and top <= p.y <= top + height for p in seen
        )


def _shapes_of_several_points(files: CvatFiles, wanted: Collection[str]) -> set[str]:
    """The labels whose shapes have several points.

    Args:
        files: the content of the files.
        wanted: the labels to convert; empty means all.

    Raises:
        DataError: the shapes of a wanted label have different numbers of points.
    """
    counts: dict[str, dict[int, str]] = defaultdict(dict)
    for image in files.images:
        for shape in image.shapes:
            if shape.kind == "points":
                counts[shape.label].setdefault(len(shape.points), shape.where)
    for label, by_count in counts.items():
        if len(by_count) > 1 and (not wanted or label in wanted):
            (first, one), (second, other), *_ = by_count.items()
            raise DataError(
                f"{other}: {second} points, but {one} has {first}. Shapes of one label have as "
                "many points as there are keypoints; complete the shorter ones, use a skeleton, or "
                "choose other labels by --category."
            )
    return {label for label, by_count in counts.items() if [*by_count] != [1]}


def _objects(image: CvatImage, several: Collection[str], left_out: Counter[str]) -> list[_Object]:
    """Returns the objects of an image with their boxes; boxes without an object are counted."""
    objects: list[_Object] = []
    loose: dict[str | None, _Object] = {}
    boxes = []
    for shape in image.shapes:
        if shape.kind == "box":
            boxes.append(shape)
        elif shape.kind == "skeleton" or shape.label in several:
            objects.append(
                _Object(shape.label, shape.where, shape.group, shape.attributes, shape.points)
            )
        else:
            each = loose.setdefault(shape.group, _Object(_LOOSE, image.where, shape.group))
            if shape.label in each.points:
                group = f"group {shape.group}" if shape.group else "the image"
                raise DataError(
                    f"{shape.where}: a second point of that label in {group}. Group the points of "
                    "each object in CVAT, or remove one of them."
                )
            each.points[shape.label] = shape.points["1"]
    objects += loose.values()
    left_out["shape: box that is no object's"] += len(boxes) - _give_boxes(objects, boxes)
    return objects


def _give_boxes(objects: Sequence[_Object], boxes: Sequence[CvatShape]) -> int:
    """Assigns boxes that clearly belong to an object; returns how many."""
    left = list(boxes)
    for same in (_same_group, _same_attributes, _is_around):
        for box in list(left):
            mine = [each for each in objects if each.box is None and same(each, box)]
            rivals = [each for each in left if mine and same(mine[0], each)]
            if len(mine) == len(rivals) == 1:
                mine[0].box = box.box
                left.remove(box)
    return len(boxes) - len(left)


def _same_group(labelled: _Object, box: CvatShape) -> bool:
    return box.group is not None and labelled.group == box.group


def _is_around(labelled: _Object, box: CvatShape) -> bool:
    in_two_groups = labelled.group is not None and box.group is not None
    return labelled.is_within(box.box) and not in_two_groups


def _same_attributes(labelled: _Object, box: CvatShape) -> bool:
    return bool(box.attributes) and labelled.attributes == box.attributes


def _keypoints(files: CvatFiles, objects: Sequence[_Object]) -> dict[str, tuple[str, ...]]:
    """Returns the keypoints of each label with objects, in the order of the files' labels.

    Raises:
        DataError: there are no objects.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for each in objects:
        found[each.label] |= dict.fromkeys(each.points)
    if not found:
        raise DataError(
            f"{files.paths[0]}: there is no skeleton and no point in it. Expected CVAT's XML with "
            "keypoints; boxes and outlines alone have none."
        )
    keypoints: dict[str, tuple[str, ...]] = {}
    for label, names in found.items():
        known = files.labels.names.get(label, [])
        # For single points, those that occur; for a skeleton, all of its points.
        first = [name for name in known if label or name in names]
        keypoints[label] = tuple(dict.fromkeys([*first, *names]))
    return keypoints


def _choose(
    keypoints: Mapping[str, tuple[str, ...]], wanted: Sequence[str], source: object
) -> list[str]:
    """Returns the labels to convert, which must have the same keypoints."""
    labels = [label for label in keypoints if label != _LOOSE]
    for name in wanted:
        if name.strip() not in labels:
            raise ArgumentError(
                f"{source} has no keypoints of a label {shown(name)}; it has "
                f"{listed(labels) or 'single points only, for which no --category is needed'}."
            )
    chosen = [name.strip() for name in wanted] or labels or [_LOOSE]
    if any(set(keypoints[label]) != set(keypoints[chosen[0]]) for label in chosen):
        texts = (f"{label} ({', '.join(keypoints[label])})" for label in chosen)
        raise DataError(
            f"{source}: the labels {'; '.join(texts)} have different keypoints, but one skeleton "
            "is needed. Choose those with the same keypoints by --category."
        )
    return chosen
