"""Groups the regions of Label Studio into objects.

A region is a keypoint or a rectangle. Coordinates are percentages of the image, from its outer
edge, so half a pixel is subtracted to get coordinates of pixel centres. Regions are grouped in one
of several ways, tried in this order:

- `parentID`, the id of the rectangle, or of a keypoint of the same object; and relations between
  regions (`from_id`, `to_id`);
- `meta.text`, which is the rectangle's id or text, as the YOLO backend writes it;
- the position: a keypoint belongs to the only rectangle that contains it, or to the only rectangle.
  A rectangle to which keypoints are linked takes no others from another control of the labelling
  window, because those are of something else.

Without rectangles, unlinked keypoints are one object, or one per `meta.text` if all have one.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simplebase.converters.labelled import LabelledObject
from simplebase.data import expect
from simplebase.errors import DataError
from simplebase.geometry import Size

_PIXEL_CENTRE = 0.5
_HIDDEN = {"hidden", "occluded"}
OUTSIDE = "keypoint: outside the image"
AMBIGUOUS = "keypoint: in several rectangles, and linked to none"
NAMELESS = "keypoint: without a label"
STRAY_BOX = "shape: rectangle that is no object's box"
OTHER = "shape: neither keypoint nor rectangle"

Box = tuple[float, float, float, float]


@dataclass
class Region:
    """A shape, combined from all results with its id.

    Args:
        id: unique in its annotation.
        where: the file and the place in it, for messages.
        value: coordinates in per cent and labels, with the names in the file.
        parent: the id of the region that it belongs to.
        texts: texts of `meta`.
        control: the control of the labelling window with which it was made.
    """

    id: str
    where: str
    value: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    texts: set[str] = field(default_factory=set)
    control: str = ""

    @property
    def is_keypoint(self) -> bool:
        """Whether it is a named point."""
        value = self.value
        # Some model backends give keypoints a height as well.
        named = bool(value.get("keypointlabels"))
        no_size = not {"height", "radiusX", "points"} & value.keys()
        return "x" in value and "y" in value and (named or no_size)

    @property
    def is_rectangle(self) -> bool:
        """Whether it is a box, which may be rotated."""
        return {"x", "y", "width", "height"} <= self.value.keys() and not self.is_keypoint

    @property
    def name(self) -> str | None:
        """The keypoint's label; `None` if it has none."""
        labels = self.value.get("keypointlabels") or self.value.get("labels")
        if not labels:
            return None
        if not isinstance(labels, list) or len(labels) != 1:
            raise DataError(
                f"{self.where}: a keypoint has one label, its name. Received: {labels!r}."
            )
        return expect.name(labels[0], f"{self.where}.keypointlabels")

    def point(self, size: Size) -> tuple[float, float, float] | None:
        """Returns x, y, visibility in pixels; `None` if it lies outside the image."""
        x, y = (expect.number(self.value[axis], f"{self.where}.{axis}") for axis in "xy")
        if not (0 <= x <= 100 and 0 <= y <= 100):
            return None
        height, width = size
        choices = self.value.get("choices")
        raised = {str(each).lower() for each in choices} if isinstance(choices, list) else set()
        visibility = 1.0 if raised & _HIDDEN else 2.0
        return x * width / 100 - _PIXEL_CENTRE, y * height / 100 - _PIXEL_CENTRE, visibility

    def box(self, size: Size) -> Box:
        """Returns x, y, width, height in pixels of the upright extent of the rectangle."""
        x, y, width, height = (
            expect.number(self.value[key], f"{self.where}.{key}") * side / 100
            for key, side in zip(("x", "y", "width", "height"), (size[1], size[0]) * 2, strict=True)
        )
        angle = math.radians(
            expect.number(self.value.get("rotation") or 0, f"{self.where}.rotation")
        )
        # It is rotated around its first corner.
        across = (0.0, width * math.cos(angle), -height * math.sin(angle))
        down = (0.0, width * math.sin(angle), height * math.cos(angle))
        xs, ys = [*across, across[1] + across[2]], [*down, down[1] + down[2]]
        return x + min(xs), y + min(ys), max(xs) - min(xs), max(ys) - min(ys)


def find_objects(
    regions: Sequence[Region],
    relations: Iterable[tuple[str, str]],
    size: Size,
    left_out: Counter[str],
    where: str,
) -> list[LabelledObject]:
    """Groups the keypoints of an image into objects.

    Args:
        regions: the regions of the image.
        relations: pairs of linked ids.
        size: `(height, width)` of the image.
        left_out: receives the number of unusable shapes.
        where: the file and the place in it, for messages.

    Raises:
        DataError: two keypoints of an object have the same name, or a value is wrong.
    """
    keypoints = [region for region in regions if region.is_keypoint]
    boxes = {region.id: region.box(size) for region in regions if region.is_rectangle}
    if others := len(regions) - len(keypoints) - len(boxes):
        left_out[OTHER] += others
    owners = _owners(keypoints, regions, boxes, relations, size)
    objects: dict[str, LabelledObject] = defaultdict(LabelledObject)
    for region in keypoints:
        point, owner = region.point(size), owners[region.id]
        if point is None:
            left_out[OUTSIDE] += 1
        elif owner is None:
            left_out[AMBIGUOUS] += 1
        elif (name := region.name) is None:
            left_out[NAMELESS] += 1
        elif name in objects[owner].points:
            raise DataError(
                f"{where} has two keypoints {name!r} in one object. Link each keypoint to "
                "its rectangle by a relation, draw a rectangle around each object, or remove one."
            )
        else:
            objects[owner].points[name] = point
    shared = Counter(owners[id] for id in boxes)
    for id, box in boxes.items():
        owner = owners[id]
        if owner in objects and shared[owner] == 1:
            objects[owner].box = box
        else:
            left_out[STRAY_BOX] += 1
    return [each for each in objects.values() if each.points]


def _owners(
    keypoints: Sequence[Region],
    regions: Sequence[Region],
    boxes: dict[str, Box],
    relations: Iterable[tuple[str, str]],
    size: Size,
) -> dict[str, str | None]:
    """Returns the object of each region, by a unique name; `None` if several are possible."""
    links = [(region.id, region.parent) for region in keypoints if region.parent]
    # Two rectangles are two objects, even if a relation links them.
    links += [pair for pair in relations if not {*pair} <= boxes.keys()]
    groups = _joined([region.id for region in regions], links)
    counts = Counter(groups.values())
    owners: dict[str, str | None] = dict(groups)
    loose = [region for region in keypoints if counts[groups[region.id]] == 1]
    named = {text: each.id for each in regions if each.id in boxes for text in each.texts}
    named |= {id: id for id in boxes}
    by_text = not boxes and all(region.texts for region in loose)
    controls: dict[str, set[str]] = defaultdict(set)
    for region in keypoints:
        controls[groups[region.id]].add(region.control)
    for region in loose:
        if texts := sorted(region.texts & named.keys()):
            owners[region.id] = groups[named[texts[0]]]
        elif by_text:
            owners[region.id] = f"text {min(region.texts)}"
        else:
            linked = {id: controls.get(groups[id], {region.control}) for id in boxes}
            free = {id: box for id, box in boxes.items() if region.control in linked[id]}
            found = _around(region.point(size), free)
            owners[region.id] = "" if not found else groups[found[0]] if len(found) == 1 else None
    return owners


def _joined(ids: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the first id of each id's group; links to missing ids are ignored."""
    group = {id: id for id in ids}
    members = {id: [id] for id in group}
    for first, second in links:
        if first in group and second in group and group[first] != group[second]:
            kept, lost = group[first], group[second]
            for id in members[lost]:
                group[id] = kept
            members[kept] += members.pop(lost)
    return group


def _around(point: tuple[float, float, float] | None, boxes: dict[str, Box]) -> list[str]:
    """Returns the rectangles that contain a point, or else the only rectangle."""
    if point is None:
        return []
    # The pixel's centre, measured like boxes from the outer edge of the first pixel.
    x, y = point[0] + _PIXEL_CENTRE, point[1] + _PIXEL_CENTRE
    found = [
        id
        for id, (left, top, width, height) in boxes.items()
        if left <= x <= left + width and top <= y <= top + height
    ]
    return found if found or len(boxes) != 1 else [*boxes]
