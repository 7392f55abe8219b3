"""Reads the labels at the top of CVAT's XML: names of keypoints, and lines between them."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import unescape
from xml.etree.ElementTree import Element

from simplebase.data import expect

_TAG = re.compile(r"<(circle|line)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'data-([a-z-]+)="([^"]*)"')


@dataclass
class CvatLabels:
    """The labels of all files.

    Args:
        names: names in order: those of a skeleton by its label, others under an empty label.
        edges: lines between keypoints, by the skeleton's label.
    """

    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    edges: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, root: Element, where: str) -> None:
        """Adds the labels of one file.

        Raises:
            DataError: a label has no name.
        """
        for label in root.iterfind("meta//labels/label"):
            name = expect.name(label.findtext("name"), f"{where}, labels")
            names = self.names[(label.findtext("parent") or "").strip()]
            if name not in names:
                names.append(name)
            for edge in _edges(label.findtext("svg") or ""):
                if edge not in self.edges[name]:
                    self.edges[name].append(edge)


def _edges(drawing: str) -> list[tuple[str, str]]:
    """Returns the lines of a skeleton's drawing, by the names of the keypoints at their ends."""
    nodes: dict[str, str] = {}
    lines: list[tuple[str, str]] = []
    for tag, text in _TAG.findall(drawing):
        values = dict(_ATTRIBUTE.findall(text))
        if tag == "circle":
            nodes[values.get("node-id", "")] = unescape(values.get("label-name", "")).strip()
        else:
            lines.append((values.get("node-from", ""), values.get("node-to", "")))
    return [(nodes[start], nodes[end]) for start, end in lines if start in nodes and end in nodes]
