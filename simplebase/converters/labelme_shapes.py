"""The shapes of a labelme file, and which of them are one object.

Points of the same `group_id` are an object. All points without one are an object too, unless labels
repeat: then those inside one polygon or rectangle without a `group_id` are an object. Files of
labelme before 4 have polygons with a single point instead of points.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simplebase.converters.labelled import LabelledObject
from simplebase.data import expect
from simplebase.data.object_sizes import has_size
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError

_PIXEL_CENTRE = 0.5
_HIDDEN = {"hidden", "occluded", "difficult"}
_OTHER = "shape: neither point nor rectangle"

_Box = tuple[float, float, float, float]


@dataclass
class _Group:
    """The points of one object, and the rectangles."""

    points: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    boxes: list[_Box] = field(default_factory=list)


@dataclass(frozen=True)
class _Point:
    """A point: its label, x, y, visibility in our pixels, and its place in the file."""

    label: str
    values: tuple[float, float, float]
    where: str


@dataclass(frozen=True, eq=False)
class _Outline(ArrayEquality):
    """`(N, 2)` corners of a polygon or rectangle."""

    is_rectangle: bool
    corners: np.ndarray

    @property
    def box(self) -> _Box:
        """x, y, width, height; a box's corner is a pixel's, so it needs no half pixel."""
        (left, top), (right, bottom) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(left), float(top), float(right - left), float(bottom - top)

    def holds(self, point: _Point) -> bool:
        """Whether a ray from the point to the right leaves it an odd number of times."""
        x, y = (value + _PIXEL_CENTRE for value in point.values[:2])
        first = self.corners
        if self.is_rectangle:
            left, top, width, height = self.box
            return left <= x <= left + width and top <= y <= top + height
        second = np.roll(first, -1, axis=0)
        crossed = (first[:, 1] > y) != (second[:, 1] > y)
        first, second = first[crossed], second[crossed]
        with np.errstate(all="ignore"):  # numbers that are beyond any image are refused later
            slope = (second[:, 0] - first[:, 0]) / (second[:, 1] - first[:, 1])
            crossings = first[:, 0] + (y - first[:, 1]) * slope
        return bool((crossings > x).sum() % 2)


def labelled_objects(
    shapes: Sequence[Any], where: str, left_out: Counter[str]
) -> list[LabelledObject]:
    """The objects of an image.

    Args:
        shapes: what the file has under `shapes`.
        where: the file, for errors.
        left_out: counts shapes that are no points and no object's box, by reason.

    Raises:
        DataError: a shape is damaged, or an object has two points of one label.
    """
    groups: dict[int | str, _Group] = defaultdict(_Group)
    loose: list[_Point] = []
    outlines: list[_Outline] = []
    for index, each in enumerate(shapes):
        place = f"{where}, shapes[{index}]"
        shape = expect.mapping(each, place)
        kind, group = _kind(shape), shape.get("group_id")
        if isinstance(group, str):  # as some converters write it
            group = group.strip() or None
        elif group is not None:
            group = expect.integer(group, f"{place}.group_id")
        if kind == "point":
            point = _Point(
                expect.name(shape.get("label"), f"{place}.label"), _values(shape, place), place
            )
            if group is None:
                loose.append(point)
            else:
                _add(groups[group], point, f"with group_id {group}")
        elif kind == "rectangle":
            outline = _Outline(True, _corners(shape, place))
            if group is None:
                outlines.append(outline)
            else:
                groups[group].boxes.append(outline.box)
        elif kind == "polygon" and group is None and _has_area(shape, place):
            outlines.append(_Outline(False, _corners(shape, place)))
        else:
            left_out[_OTHER] += 1
    repeats = len({point.label for point in loose}) < len(loose)
    ungrouped = _inside(loose, outlines) if repeats else None
    if ungrouped is None:
        ungrouped = [_together(loose, outlines)]
        left_out[_OTHER] += sum(not outline.is_rectangle for outline in outlines)
    return _objects([*ungrouped, *groups.values()], left_out)


def _kind(shape: dict[str, Any]) -> Any:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    is_single = isinstance(points, list) and len(points) == 1
    return "point" if kind == "polygon" and is_single else kind


def _add(group: _Group, point: _Point, which: str) -> None:
    if point.label in group.points:
        raise DataError(
            f"{point.where}: a second point {point.label!r} {which}. Give each object of an image "
            "its own group_id, the same for all its points, draw a polygon around each, or remove "
            "one of the points."
        )
    group.points[point.label] = point.values


def _together(points: Iterable[_Point], outlines: Iterable[_Outline]) -> _Group:
    """All of them as one object."""
    group = _Group(boxes=[outline.box for outline in outlines if outline.is_rectangle])
    for point in points:
        _add(group, point, "without a group_id")
    return group


def _inside(points: Iterable[_Point], outlines: Sequence[_Outline]) -> list[_Group] | None:
    """An object for each outline; None where a point is not in exactly one of them."""
    groups = [_Group(boxes=[outline.box]) for outline in outlines]
    for point in points:
        mine = [
            group for group, outline in zip(groups, outlines, strict=True) if outline.holds(point)
        ]
        if len(mine) != 1:
            return None
        _add(mine[0], point, "inside one polygon or rectangle")
    return groups


def _objects(groups: Iterable[_Group], left_out: Counter[str]) -> list[LabelledObject]:
    """The groups that have points; boxes that are no object's go to `left_out`."""
    objects = []
    for group in groups:
        # Several rectangles in one group: none of them is known to be the object's.
        box = group.boxes[0] if len(group.boxes) == 1 and has_size(group.boxes[0]) else None
        if group.boxes and (box is None or not group.points):
            left_out["shape: rectangle that is no object's box"] += len(group.boxes)
        if group.points:
            objects.append(LabelledObject(group.points, box))
    return objects


def _values(shape: dict[str, Any], where: str) -> tuple[float, float, float]:
    """x, y, visibility."""
    points = expect.items(shape.get("points"), f"{where}.points")
    if len(points) != 1:
        raise DataError(f"{where}: a point has one place. Received: {len(points)}.")
    x, y = expect.numbers(points[0], 2, f"{where}.points[0]")
    flags = expect.mapping(shape.get("flags") or {}, f"{where}.flags")
    raised = {name.lower() for name, value in flags.items() if value}
    hidden = shape.get("difficult") or raised & _HIDDEN
    return x - _PIXEL_CENTRE, y - _PIXEL_CENTRE, 1.0 if hidden else 2.0


def _has_area(shape: dict[str, Any], where: str) -> bool:
    """Returns whether a polygon has three corners or more."""
    return len(expect.items(shape.get("points") or [], f"{where}.points")) > 2


def _corners(shape: dict[str, Any], where: str) -> np.ndarray:
    points = expect.items(shape.get("points"), f"{where}.points")
    if len(points) < 2:
        raise DataError(f"{where}: a rectangle has two corners. Received: {len(points)}.")
    return np.array([expect.numbers(point, 2, f"{where}.points") for point in points])
