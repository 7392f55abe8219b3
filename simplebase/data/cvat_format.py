"""What a file of "CVAT for images 1.1" (https://www.cvat.ai) holds: a skeleton for each object.

CVAT counts from the edge of the first pixel, half a pixel before its centre. Coordinates have four
decimals. The file has no place for flip pairs.
"""

import html
import math
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from simplebase.geometry import Size
from simplebase.skeletons import Skeleton

_PIXEL_CENTRE = 0.5


def cvat_document(skeleton: Skeleton, typical: np.ndarray, images: Sequence[Element]) -> bytes:
    """The content of `annotations.xml`.

    Args:
        skeleton: of all objects.
        typical: `(K, 3)` x, y, visibility of the pose as which CVAT offers a new object.
        images: see `cvat_image`.
    """
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    root.append(_meta(skeleton, typical, len(images)))
    root.extend(images)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def cvat_image(
    number: int, path: str, size: Size, shapes: Iterable[Element], subset: str | None = None
) -> Element:
    """The element of an image.

    Args:
        number: its number, from 0.
        path: its path below the folder of images.
        size: `(height, width)` of it, upright.
        shapes: see `cvat_shapes`.
        subset: `Train` or `Validation`; None: the file says nothing of splits.
    """
    height, width = size
    split = {} if subset is None else {"subset": subset}
    names = {"id": str(number), "name": path} | split
    image = Element("image", names | {"width": str(width), "height": str(height)})
    image.extend(list(shapes))
    return image


def cvat_shapes(
    skeleton: Skeleton,
    keypoints: np.ndarray,
    box: Sequence[float] | None,
    group: int,
    center: Sequence[float],
) -> list[Element]:
    """The skeleton of an object, and its box.

    Args:
        skeleton: what the keypoints are called.
        keypoints: `(K, 3)` x, y in pixels, visibility. Hidden ones are `occluded`, those that are
            not labelled `outside`.
        box: x, y, width, height from the edge of the first pixel; None: there is none.
        group: of both, another one for each object of the file.
        center: x, y where keypoints are put that are not labelled.
    """
    common = {"source": "manual", "occluded": "0", "z_order": "0", "group_id": str(group)}
    shape = Element("skeleton", {"label": skeleton.name} | common)
    for name, (x, y, visibility) in zip(skeleton.keypoints, keypoints.tolist(), strict=True):
        if visibility == 0:
            x, y = center
        SubElement(
            shape,
            "points",
            label=name,
            source="manual",
            outside=str(int(visibility == 0)),
            occluded=str(int(visibility == 1)),
            points=f"{x + _PIXEL_CENTRE:.4f},{y + _PIXEL_CENTRE:.4f}",
        )
    if box is None:
        return [shape]
    left, top, width, height = box
    sides = {"xtl": left, "ytl": top, "xbr": left + width, "ybr": top + height}
    places = {side: f"{value:.4f}" for side, value in sides.items()}
    return [shape, Element("box", {"label": _box_label(skeleton)} | common | places)]


def _meta(skeleton: Skeleton, typical: np.ndarray, count: int) -> Element:
    """The labels: the skeleton, its keypoints and that of the boxes."""
    meta = Element("meta")
    task = SubElement(meta, "task")
    SubElement(task, "name").text = skeleton.name
    SubElement(task, "size").text = str(count)
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    drawn = _label(labels, skeleton.name, "skeleton")
    SubElement(drawn, "svg").text = _drawing(skeleton, typical)
    for name in skeleton.keypoints:
        SubElement(_label(labels, name, "points"), "parent").text = skeleton.name
    _label(labels, _box_label(skeleton), "rectangle")
    return meta


def _label(labels: Element, name: str, kind: str) -> Element:
    label = SubElement(labels, "label")
    SubElement(label, "name").text = name
    SubElement(label, "type").text = kind
    SubElement(label, "attributes")
    return label


def _box_label(skeleton: Skeleton) -> str:
    return f"{skeleton.name} box"


def _drawing(skeleton: Skeleton, typical: np.ndarray) -> str:
    """The skeleton as CVAT offers it for new objects: SVG in a square of 100."""
    places = dict(zip(skeleton.keypoints, _template(typical), strict=True))
    nodes = {name: node for node, name in enumerate(skeleton.keypoints, start=1)}
    parts = []
    for link in skeleton.links:
        (x1, y1), (x2, y2) = places[link.start], places[link.end]
        parts.append(
            f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="black" '
            f'data-type="edge" data-node-from="{nodes[link.start]}" stroke-width="0.5" '
            f'data-node-to="{nodes[link.end]}"></line>'
        )
    for name, (x, y) in places.items():
        node = nodes[name]
        parts.append(
            f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x:.2f}" cy="{y:.2f}" '
            f'stroke-width="0.1" data-type="element node" data-element-id="{node}" '
            f'data-node-id="{node}" data-label-name="{html.escape(name)}"></circle>'
        )
    return "".join(parts)


def _template(typical: np.ndarray) -> list[tuple[float, float]]:
    """Places from 10 to 90; keypoints that are not labelled are on a circle."""
    labelled = typical[:, 2] > 0
    first, side = np.zeros(2), 1.0
    if labelled.any():
        first = typical[labelled, :2].min(axis=0)
        side = max(float((typical[labelled, :2].max(axis=0) - first).max()), 1.0)
    places = []
    for index, is_labelled in enumerate(labelled.tolist()):
        angle = 2 * math.pi * index / len(typical)
        place = 50 + 40 * np.array([math.sin(angle), -math.cos(angle)])
        if is_labelled:
            place = 10 + 80 * (typical[index, :2] - first) / side
        places.append((float(place[0]), float(place[1])))
    return places
