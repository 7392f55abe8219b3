"""Reads the labels of a Datumaro JSON file, and the keypoints of its annotations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simplebase.data import expect
from simplebase.errors import ArgumentError, DataError, listed, shown
from simplebase.skeletons import Skeleton, coloured_link, pairs_by_name


@dataclass(frozen=True)
class PointNames:
    """The keypoints of a label: their names in order, and its lines as numbered in the file."""

    names: tuple[str, ...]
    joints: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Labels:
    """The labels of one file.

    Args:
        names: names of the labels; the index is the id.
        points: the keypoints of labels that have some, by id.
    """

    names: tuple[str, ...]
    points: dict[int, PointNames]

    def name(self, annotation: dict[str, Any], where: str) -> str:
        """Returns the label of an annotation.

        Raises:
            DataError: the file does not have the label.
        """
        number = expect.integer(annotation.get("label_id"), f"{where}.label_id")
        if not 0 <= number < len(self.names):
            raise DataError(f"{where}: no label has the id {number}; there are {len(self.names)}.")
        return self.names[number]

    def keypoints(self, annotation: dict[str, Any], count: int) -> tuple[str, ...]:
        """Returns the names of an annotation's `count` points; numbers from 1 if it has none."""
        known = self.points.get(annotation["label_id"])
        if known is not None and len(known.names) == count:
            return known.names
        return tuple(str(number + 1) for number in range(count))


def read_labels(content: dict[str, Any], path: Path) -> Labels:
    """Reads the labels of a file's `categories`.

    Raises:
        DataError: a value is not as Datumaro writes it.
    """
    where = f"{path}, categories"
    categories = expect.mapping(content.get("categories"), where)
    label = expect.mapping(categories.get("label") or {}, f"{where}.label")
    names = []
    for index, each in enumerate(_list(label.get("labels"), f"{where}.label.labels")):
        place = f"{where}.label.labels[{index}]"
        names.append(expect.name(expect.mapping(each, place).get("name"), f"{place}.name"))
    points = {}
    items = expect.mapping(categories.get("points") or {}, f"{where}.points").get("items")
    for index, each in enumerate(_list(items, f"{where}.points.items")):
        place = f"{where}.points.items[{index}]"
        each = expect.mapping(each, place)
        number = expect.integer(each.get("label_id"), f"{place}.label_id")
        points[number] = PointNames(
            tuple(expect.name(n, f"{place}.labels") for n in _list(each.get("labels"), place)),
            [
                [expect.integer(end, f"{place}.joints") for end in expect.items(joint, place)]
                for joint in _list(each.get("joints"), place)
            ],
        )
    return Labels(tuple(names), points)


def require_labels(files: Iterable[Labels], chosen: Iterable[str], source: Path) -> None:
    """Checks that the files have the labels that the user chose.

    Raises:
        ArgumentError: a label does not exist.
    """
    known = list(dict.fromkeys(name for labels in files for name in labels.names))
    for name in chosen:
        if name not in known:
            raise ArgumentError(f"{source} has no label {shown(name)}; it has {listed(known)}.")


def skeleton_of(names: Iterable[str], label: str, points: PointNames | None) -> Skeleton:
    """Returns a skeleton of these keypoints, with the lines of the label.

    Like COCO, Datumaro numbers the points of lines from 1. Some files start from 0, which is
    recognised by a 0.
    """
    names = tuple(names)
    pairs = pairs_by_name(names)
    links = []
    joints = points.joints if points else []
    first = 0 if any(0 in joint for joint in joints) else 1
    for joint in joints:
        ends = [number - first for number in joint]
        if points and len(ends) == 2 and all(0 <= end < len(points.names) for end in ends):
            links.append(coloured_link(points.names[ends[0]], points.names[ends[1]], pairs))
    return Skeleton(label, names, pairs, links=tuple(link for link in links if _fits(link, names)))


def _fits(link: Any, names: tuple[str, ...]) -> bool:
    return link.start in names and link.end in names


def _list(value: Any, where: str) -> list[Any]:
    return expect.items(value or [], where)
