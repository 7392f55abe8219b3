"""The shapes in CVAT's XML, and how CVAT moves them from one keyframe of a track to the next.

https://docs.cvat.ai/docs/manual/advanced/xml_format/ describes the format.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from xml.etree.ElementTree import Element

from simplebase.data import expect
from simplebase.data.fields import LARGEST
from simplebase.errors import DataError, shown

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CvatPoint:
    """A point in CVAT's pixels, of which the first one reaches from 0 to 1."""

    x: float
    y: float
    occluded: bool = False
    outside: bool = False


@dataclass(frozen=True)
class CvatShape:
    """A skeleton, points or a box.

    Args:
        kind: which of them.
        label: its label.
        points: by name in a skeleton, else by number from 1 on; of a box two opposite corners.
        group: its `group_id`.
        attributes: names and values.
        rotation: of a box around its centre, in degrees.
        outside: whether it is out of view, as a whole.
        where: the file and the place in it, for messages.
    """

    kind: Literal["skeleton", "points", "box"]
    label: str
    points: dict[str, CvatPoint]
    group: str | None
    attributes: frozenset[tuple[str, str]]
    rotation: float
    outside: bool
    where: str

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is in view: CVAT ends a skeleton's track by its points."""
        return self.outside or all(point.outside for point in self.points.values())

    @property
    def box(self) -> Box:
        """x, y, width, height of the upright rectangle around a box."""
        first, second = self.points.values()
        center_x, center_y = (first.x + second.x) / 2, (first.y + second.y) / 2
        half_x, half_y = abs(second.x - first.x) / 2, abs(second.y - first.y) / 2
        angle = math.radians(self.rotation)
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        wide, high = half_x * cos + half_y * sin, half_x * sin + half_y * cos
        return center_x - wide, center_y - high, 2 * wide, 2 * high


def parse_shape(
    element: Element, where: str, *, label: str | None = None, group: str | None = None
) -> CvatShape | None:
    """The shape that an element is; `None` if it is of another kind.

    Args:
        element: of an image or a track.
        where: the file and the image or track, for messages.
        label: of the track that it belongs to.
        group: `group_id` of that track.

    Raises:
        DataError: a label or a coordinate is missing or wrong, or a label occurs twice in a
            skeleton.
    """
    kind = element.tag
    if kind not in ("skeleton", "points", "box"):
        return None
    title = label if label is not None else expect.name(element.get("label"), f"{where}, {kind}")
    where = f"{where}, {kind} {shown(title)}"
    flags = _flag(element, "occluded", where), _flag(element, "outside", where)
    points: dict[str, CvatPoint] = {}
    if kind == "skeleton":
        for each in element.findall("points"):
            name = expect.name(each.get("label"), f"{where}, points")
            if name in points:
                raise DataError(
                    f"{where}: the point {shown(name)} occurs twice in one skeleton. Remove one."
                )
            (points[name],) = _points(each, f"{where}, points {shown(name)}", one=True)
    elif kind == "points":
        found = _points(element, where)
        points = {str(number): point for number, point in enumerate(found, start=1)}
    else:
        sides = ("xtl", "ytl", "xbr", "ybr")
        left, top, right, bottom = (_number(element.get(side), where) for side in sides)
        points = {"1": CvatPoint(left, top, *flags), "2": CvatPoint(right, bottom, *flags)}
    rotation = element.get("rotation")
    return CvatShape(
        kind=kind,  # type: ignore[arg-type]  # one of the three, as tested above
        label=title,
        points=points,
        group=group or group_of(element),
        attributes=_attributes(element),
        rotation=0.0 if rotation is None else _number(rotation, where),
        outside=flags[1],
        where=where,
    )


def interpolate(first: CvatShape, second: CvatShape, fraction: float) -> CvatShape:
    """The shape between two keyframes of a track, as CVAT draws it.

    Boxes, skeletons and single points move in straight lines. Several points in one shape stay
    where they are. What is occluded or outside in the first keyframe is so until the second one.

    Args:
        first: at the earlier keyframe.
        second: at the later one.
        fraction: of the time between them, 0 to 1.
    """
    if first.kind != second.kind or (first.kind == "points" and len(first.points) != 1):
        return first
    points = {
        name: _between(point, second.points.get(name, point), fraction)
        for name, point in first.points.items()
    }
    # The shorter way round.
    turn = (second.rotation - first.rotation + 180) % 360 - 180
    return replace(first, points=points, rotation=first.rotation + turn * fraction)


def with_points_of(earlier: CvatShape, later: CvatShape) -> CvatShape:
    """A skeleton's keyframe, with the points that only the one before it has."""
    if later.kind != "skeleton":
        return later
    return replace(later, points=earlier.points | later.points)


def group_of(element: Element) -> str | None:
    """The `group_id` of a shape or a track; CVAT writes 0 for none."""
    group = element.get("group_id")
    return None if group in (None, "", "0") else group


def _between(first: CvatPoint, second: CvatPoint, fraction: float) -> CvatPoint:
    x = first.x + (second.x - first.x) * fraction
    return replace(first, x=x, y=first.y + (second.y - first.y) * fraction)


def _points(element: Element, where: str, *, one: bool = False) -> Sequence[CvatPoint]:
    """The points in `x,y;x,y;...`."""
    flags = _flag(element, "occluded", where), _flag(element, "outside", where)
    text = expect.text(element.get("points"), f"{where}: points")
    found = [CvatPoint(*pair, *flags) for pair in _pairs(text, where)]
    if one and len(found) != 1:
        raise DataError(f"{where}: a keypoint has one place. Received: {len(found)}.")
    return found


def _pairs(text: str, where: str) -> Iterator[tuple[float, float]]:
    for pair in text.split(";"):
        values = pair.split(",")
        if len(values) != 2:
            raise DataError(f"{where}: expected points as x,y;x,y. Received: {shown(pair)}.")
        yield _number(values[0], where), _number(values[1], where)


def _number(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    # Of NaN, no comparison is true.
    if not abs(value) < LARGEST:
        raise DataError(f"{where}: expected a coordinate in pixels. Received: {shown(text)}.")
    return value


def _flag(element: Element, name: str, where: str) -> bool:
    value = element.get(name, "0")
    if value not in ("0", "1"):
        raise DataError(f"{where}: {name} must be 0 or 1. Received: {shown(value)}.")
    return value == "1"


def _attributes(element: Element) -> frozenset[tuple[str, str]]:
    found = element.findall("attribute")
    return frozenset((each.get("name", ""), (each.text or "").strip()) for each in found)
