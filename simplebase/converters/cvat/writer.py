"""Our dataset folder as "CVAT for images 1.1", see `simplebase.converters.cvat.reader`.

```
OUT/
├── annotations.xml    a skeleton for each object, and a box of the same group_id
├── images/            copies, links, or one link to the dataset's folder
└── simplebase.txt     says who wrote the folder, and that it may be replaced
```

Coordinates have four decimals. The splits are the subsets `Train` and `Validation`.
"""

import html
import math
import os
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from simplebase.converters.conversion import ConversionReport
from simplebase.converters.image_files import ImageMode, place_images
from simplebase.converters.outgoing import Outgoing, open_outgoing, replacing_own
from simplebase.data.dataset import IMAGES
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

CONTENT = ("annotations.xml", IMAGES)
_PIXEL_CENTRE = 0.5


def to_cvat(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    images: ImageMode = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Writes a dataset folder as CVAT's XML for images.

    An image is in one subset: one that has records of both splits is in `Validation`.

    Args:
        dataset: the folder.
        output: the folder to write, which appears only when it is complete.
        skeleton: the skeleton of the records. The default comes from the folder's text files.
        images: `copy`, `link` or `none`, as in `write_dataset`.
        overwrite: replace `output` if this function wrote it.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `output` holds the dataset.
        MissingFileError: the folder or a file in it is missing.
        DataError: a record is wrong, no image was found, or the format cannot hold a name.
        OutputExistsError: `output` exists, and `overwrite` is off or another program wrote it.
    """
    outgoing = open_outgoing(dataset, output, skeleton, CONTENT, overwrite=overwrite)
    outgoing.note_lost_pairs()
    _join_splits(outgoing)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    root.append(_meta(outgoing))
    root.extend(list(_images(outgoing)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    with replacing_own(output, "to-cvat", CONTENT, overwrite=overwrite) as partial:
        partial.mkdir()
        place_images(
            outgoing.files, partial / IMAGES, images, outgoing.image_folder, progress=progress
        )
        (partial / "annotations.xml").write_bytes(text + b"\n")
    return outgoing.report()


def _join_splits(outgoing: Outgoing) -> None:
    """Holds out all records of an image of which one is held out."""
    validation = outgoing.records.validation
    both = 0
    for indices in outgoing.objects.values():
        held_out = validation[indices]
        if held_out.any() and not held_out.all():
            both += 1
            validation[indices] = True
    if both:
        outgoing.notes.append(f"images of both splits, written as Validation: {both}")


def _meta(outgoing: Outgoing) -> Element:
    """The labels: the skeleton, its keypoints and that of the boxes."""
    meta = Element("meta")
    task = SubElement(meta, "task")
    skeleton = outgoing.skeleton
    SubElement(task, "name").text = skeleton.name
    SubElement(task, "size").text = str(len(outgoing.files))
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    drawn = _label(labels, skeleton.name, "skeleton")
    SubElement(drawn, "svg").text = _drawing(outgoing)
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


def _drawing(outgoing: Outgoing) -> str:
    """The skeleton as CVAT offers it for new objects: SVG in a square of 100."""
    skeleton = outgoing.skeleton
    places = dict(zip(skeleton.keypoints, _template(outgoing.records.keypoints), strict=True))
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


def _template(keypoints: np.ndarray) -> list[tuple[float, float]]:
    """Places from 10 to 90: the object with most keypoints; those it lacks are on a circle."""
    best = keypoints[int((keypoints[:, :, 2] > 0).sum(axis=1).argmax())]
    labelled = best[:, 2] > 0
    first = best[labelled, :2].min(axis=0)
    side = max(float((best[labelled, :2].max(axis=0) - first).max()), 1.0)
    places = []
    for index, is_labelled in enumerate(labelled.tolist()):
        angle = 2 * math.pi * index / len(best)
        place = 50 + 40 * np.array([math.sin(angle), -math.cos(angle)])
        if is_labelled:
            place = 10 + 80 * (best[index, :2] - first) / side
        places.append((float(place[0]), float(place[1])))
    return places


def _images(outgoing: Outgoing) -> Iterator[Element]:
    group = 0
    for number, (path, indices) in enumerate(outgoing.objects.items()):
        height, width = outgoing.sizes[path]
        held_out = outgoing.records.validation[indices[0]]
        image = Element(
            "image",
            id=str(number),
            name=path,
            subset="Validation" if held_out else "Train",
            width=str(width),
            height=str(height),
        )
        for index in indices:
            group += 1
            image.extend(list(_shapes(outgoing, index, str(group))))
        yield image


def _shapes(outgoing: Outgoing, index: int, group: str) -> Iterator[Element]:
    """The skeleton of an object, and its box."""
    skeleton, records = outgoing.skeleton, outgoing.records
    common = {"source": "manual", "occluded": "0", "z_order": "0", "group_id": group}
    shape = Element("skeleton", {"label": skeleton.name} | common)
    keypoints = records.keypoints[index].tolist()
    for name, (x, y, visibility) in zip(skeleton.keypoints, keypoints, strict=True):
        if visibility == 0:
            x, y = records.centers[index].tolist()
        SubElement(
            shape,
            "points",
            label=name,
            source="manual",
            outside=str(int(visibility == 0)),
            occluded=str(int(visibility == 1)),
            points=f"{x + _PIXEL_CENTRE:.4f},{y + _PIXEL_CENTRE:.4f}",
        )
    yield shape
    if box := outgoing.box(index):
        left, top, width, height = box
        sides = {"xtl": left, "ytl": top, "xbr": left + width, "ybr": top + height}
        places = {side: f"{value:.4f}" for side, value in sides.items()}
        yield Element("box", {"label": _box_label(skeleton)} | common | places)
