"""The skeleton of a COCO file, from its `categories`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simplebase.converters import expect
from simplebase.errors import ArgumentError, DataError, shown
from simplebase.skeletons import (
    Link,
    Skeleton,
    coloured_link,
    load_skeleton,
    pairs_by_name,
    skeleton_names,
)
from simplebase.skeletons.sides import pairs_text

OWN_KEY = "simplebase"
"""Where `to-coco` keeps what COCO has no place for; COCO's tools pass over it."""


@dataclass(frozen=True)
class Categories:
    """The categories of one file that are converted.

    Args:
        ids: theirs.
        skeleton: which all of them share.
        all_ids: also those of categories that are passed over.
        notes: what was inferred about the skeleton.
    """

    ids: frozenset[int]
    skeleton: Skeleton
    all_ids: frozenset[int]
    notes: list[str] = field(default_factory=list)


def read_categories(content: Mapping[str, Any], path: Path, name: str | None) -> Categories:
    """Chooses the categories with keypoints, or the one called `name`.

    Raises:
        ArgumentError: there is no keypoint category called `name`.
        DataError: no category has keypoints, or several have different ones.
    """
    all_ids: dict[int, Any] = {}
    found = []
    for index, entry in enumerate(expect.items(content.get("categories"), f"{path}, categories")):
        where = f"{path}, categories[{index}]"
        entry = expect.mapping(entry, where)
        category_id = expect.whole(entry.get("id"), f"{where}.id")
        if all_ids.setdefault(category_id, entry) != entry:
            raise DataError(
                f"{where}: the category id {category_id} is used twice, for "
                f"{all_ids[category_id].get('name')!r} and {entry.get('name')!r}. Give each "
                "category its own id."
            )
        if entry.get("keypoints"):
            names = expect.items(entry["keypoints"], f"{where}.keypoints")
            keypoints = _keypoint_names(names, f"{where}.keypoints")
            found.append((str(entry.get("name")).strip(), keypoints, entry, where))
    if not found:
        raise DataError(
            f"{path}: no category has a list of keypoints. Instances and captions files have none; "
            "person_keypoints_*.json does."
        )
    known = ", ".join(title for title, *_ in found)
    if name is not None:
        found = [each for each in found if each[0] == name.strip()]
        if not found:
            raise ArgumentError(f"{path} has no keypoint category {name!r}; it has {known}.")
    if len({keypoints for _, keypoints, *_ in found}) > 1:
        _refuse_one_name(found, path)
        raise DataError(
            f"{path}: the categories {known} have different keypoints, and a dataset has one "
            "skeleton. Choose one with --category."
        )
    _, keypoints, entry, where = found[0]
    skeleton, notes = _skeleton(entry, keypoints, where)
    ids = frozenset(each["id"] for *_, each, _ in found)
    return Categories(ids, skeleton, frozenset(all_ids), notes)


def _keypoint_names(names: list[Any], where: str) -> tuple[str, ...]:
    """Keypoint names without the spaces at their ends.

    Raises:
        DataError: two of them are the same but for those.
    """
    keypoints = tuple(expect.name(each, where) for each in names)
    for index, keypoint in enumerate(keypoints):
        first = keypoints.index(keypoint)
        if first != index and names[first] != names[index]:
            raise DataError(
                f"{where}: {names[first]!r} and {names[index]!r} are the same name, because spaces "
                "at the ends of a name are ignored. Rename one."
            )
    return keypoints


def _refuse_one_name(found: list[Any], path: Path) -> None:
    """Refuses categories of one name with different keypoints: nothing could choose one of them."""
    by_name: dict[str, tuple[tuple[str, ...], int]] = {}
    for title, keypoints, entry, _ in found:
        other, other_id = by_name.setdefault(title, (keypoints, entry["id"]))
        if other != keypoints:
            raise DataError(
                f"{path}: the categories {other_id} and {entry['id']} are both called {title!r} "
                "but have different keypoints. Rename one of them in the file."
            )


def _skeleton(
    entry: dict[str, Any], keypoints: tuple[str, ...], where: str
) -> tuple[Skeleton, list[str]]:
    if OWN_KEY in entry:
        kept = expect.mapping(entry[OWN_KEY], f"{where}.{OWN_KEY}")
        skeleton = Skeleton.from_config({"name": "coco"} | kept)
        if skeleton.keypoints == keypoints:
            return skeleton, []
    for name in skeleton_names():
        skeleton = load_skeleton(name)
        if skeleton.keypoints == keypoints:
            return skeleton, [f"skeleton: {name}, which is built in"]
    pairs = pairs_by_name(keypoints)
    skeleton = Skeleton(
        str(entry.get("name")).strip(),
        keypoints,
        pairs,
        links=_links(entry, keypoints, pairs, where),
    )
    return skeleton, [f"flip pairs, inferred from the names: {pairs_text(pairs)}"]


def _links(
    entry: dict[str, Any],
    keypoints: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    where: str,
) -> tuple[Link, ...]:
    """COCO counts a link's keypoints from 1; a file with a 0 in it counts from 0."""
    links = []
    for index, link in enumerate(expect.items(entry.get("skeleton") or [], f"{where}.skeleton")):
        ends = expect.items(link, f"{where}.skeleton[{index}]")
        links.append([expect.whole(end, f"{where}.skeleton[{index}]") for end in ends])
    first = 0 if any(0 in ends for ends in links) else 1
    numbers = range(first, first + len(keypoints))
    for ends in links:
        if len(ends) != 2 or not all(end in numbers for end in ends):
            raise DataError(
                f"{where}.skeleton: a link is two numbers from {first} to {numbers[-1]}. "
                f"Received: {shown(ends)}."
            )
    return tuple(
        coloured_link(keypoints[start - first], keypoints[end - first], pairs)
        for start, end in links
    )
