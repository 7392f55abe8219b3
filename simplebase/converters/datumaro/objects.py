"""Converts the annotations of Datumaro's items to objects with named points."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simplebase.converters.datumaro.labels import Labels, PointNames, skeleton_of
from simplebase.converters.labelled import LabelledObject
from simplebase.data import expect
from simplebase.errors import DataError, listed, shown
from simplebase.skeletons import Skeleton

Box = tuple[float, float, float, float]
_Objects = dict[tuple[int, int | None], LabelledObject]
"""Objects by group and position; by group alone if single points are joined."""
_PIXEL_CENTRE = 0.5


class ObjectReader:
    """Collects objects, and the keypoints of their labels."""

    def __init__(self, chosen: Sequence[str]) -> None:
        self.left_out: Counter[str] = Counter()
        self._chosen = chosen
        self._keypoints: dict[str, None] = {}
        """Names of single points, in order of appearance."""
        self._shapes: dict[tuple[str, ...], tuple[str, PointNames | None]] = {}
        """The label and its properties, by the keypoints of an object."""

    def skeleton(self, source: Path) -> Skeleton:
        """Returns the skeleton of all objects that were read.

        Raises:
            DataError: there are none, or the labels' keypoints differ.
        """
        if len(self._shapes) > 1:
            labels = dict.fromkeys(label for label, _ in self._shapes.values())
            raise DataError(
                f"{source}: objects with the labels {listed(labels)} have different keypoints, but "
                "one skeleton is needed. Choose those with the same keypoints by --category."
            )
        names, label, points = dict(self._keypoints), source.stem, None
        if self._shapes:
            ((shape, (label, points)),) = self._shapes.items()
            names = dict.fromkeys([*shape, *names])
        if not names:
            raise DataError(f"{source}: there are no annotations of type points or skeleton.")
        return skeleton_of(names, label, points)

    def objects(self, item: dict[str, Any], labels: Labels, where: str) -> list[LabelledObject]:
        """Returns the objects of an item.

        Raises:
            DataError: a value is not as Datumaro writes it, or a keypoint occurs twice.
        """
        objects: _Objects = {}
        boxes: dict[int, list[Box]] = defaultdict(list)
        annotations = expect.items(item.get("annotations"), f"{where}.annotations")
        for index, annotation in enumerate(annotations):
            place = f"{where}.annotations[{index}]"
            annotation = expect.mapping(annotation, place)
            group = expect.integer(annotation.get("group", 0), f"{place}.group")
            if annotation.get("type") == "bbox":
                x, y, width, height = expect.numbers(annotation.get("bbox"), 4, f"{place}.bbox")
                boxes[group].append((x, y, width, height))
            elif annotation.get("type") in ("points", "skeleton"):
                self._add(objects, annotation, (group, index), labels, place)
            else:
                self.left_out["annotation: neither points, skeleton nor box"] += 1
        given = _give_boxes(objects, boxes)
        if unused := sum(map(len, boxes.values())) - given:
            self.left_out["annotation: box that is no object's"] += unused
        return list(objects.values())

    def _add(
        self,
        objects: _Objects,
        annotation: dict[str, Any],
        key: tuple[int, int],
        labels: Labels,
        where: str,
    ) -> None:
        """Adds the points of an annotation, as a separate object or to that of their group."""
        label = labels.name(annotation, where)
        if self._chosen and label not in self._chosen:
            self.left_out["of another label"] += 1
            return
        points = self._points(annotation, label, labels, where)
        if len(points) > 1 or annotation["type"] == "skeleton":
            objects[key] = LabelledObject(points)
            return
        # Single points without a group belong together.
        group = key[0], None
        known = objects.setdefault(group, LabelledObject())
        if not known.points.keys() & points.keys():
            known.points |= points
        elif len(labels.names) == 1:
            objects[key] = LabelledObject(points)
        else:
            raise DataError(
                f"{where}: a second point {shown(label)} in group {group[0]}. Group the points of "
                "each object, or remove one of them."
            )

    def _points(
        self, annotation: dict[str, Any], label: str, labels: Labels, where: str
    ) -> dict[str, tuple[float, float, float]]:
        """Returns the points of an annotation by their names."""
        if annotation["type"] == "skeleton":
            points: dict[str, tuple[float, float, float]] = {}
            elements = expect.items(annotation.get("elements"), f"{where}.elements")
            for index, element in enumerate(elements):
                place = f"{where}.elements[{index}]"
                element = expect.mapping(element, place)
                name = labels.name(element, place)
                if name in points:
                    raise DataError(f"{place}: a second point {shown(name)} in one skeleton.")
                (points[name],) = _coordinates(element, place, count=1)
            known = labels.points.get(annotation["label_id"])
            names = known.names if known and set(known.names) >= points.keys() else (*points,)
        else:
            found = _coordinates(annotation, where)
            if len(found) == 1:
                self._keypoints[label] = None
                return {label: found[0]}
            names = labels.keypoints(annotation, len(found))
            points = dict(zip(names, found, strict=True))
        if names:
            meant = labels.points.get(annotation["label_id"])
            self._shapes.setdefault(names, (label, meant))
        return points


def _give_boxes(objects: _Objects, boxes: Mapping[int, list[Box]]) -> int:
    """Assigns boxes that clearly belong to an object; returns how many.

    These are the only box of an object's group, or the only box around the only object. Group 0
    means no group.
    """
    given = 0
    for group, found in boxes.items():
        members = [each for key, each in objects.items() if group and key[0] == group]
        if len(members) == len(found) == 1:
            members[0].box = found[0]
            given += 1
    every = [box for found in boxes.values() for box in found]
    if len(objects) == len(every) == 1 and not given:
        (only,) = objects.values()
        if _holds(every[0], only):
            only.box = every[0]
            given = 1
    return given


def _holds(box: Box, labelled: LabelledObject) -> bool:
    """Returns whether all labelled points lie in a box, which is given by its outer edges."""
    left, top, width, height = box
    return all(
        left <= x + _PIXEL_CENTRE <= left + width and top <= y + _PIXEL_CENTRE <= top + height
        for x, y, visibility in labelled.points.values()
        if visibility
    )


def _coordinates(
    annotation: dict[str, Any], where: str, count: int | None = None
) -> list[tuple[float, float, float]]:
    """Returns x, y, visibility of each point.

    Raises:
        DataError: their number is not `count`, or coordinates are missing.
    """
    values = expect.items(annotation.get("points"), f"{where}.points")
    expected = len(values) // 2 if count is None else count
    flat = expect.numbers(values, 2 * max(expected, 1), f"{where}.points")
    marks = expect.items(annotation.get("visibility") or [2] * expected, f"{where}.visibility")
    if len(marks) != len(flat) // 2:
        raise DataError(
            f"{where}: {len(flat) // 2} points, but visibility has {len(marks)} values."
        )
    attributes = expect.mapping(annotation.get("attributes") or {}, f"{where}.attributes")
    most = 1.0 if attributes.get("occluded") is True else 2.0
    return [
        (x - _PIXEL_CENTRE, y - _PIXEL_CENTRE, min(expect.visibility(mark, where), most))
        for x, y, mark in zip(flat[::2], flat[1::2], marks, strict=True)
    ]
