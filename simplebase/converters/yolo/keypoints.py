"""Reads the keypoints in `data.yaml`: their names, the pairs that swap in a flip, and lines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from simplebase.converters.labelled import pairs_note
from simplebase.data import expect
from simplebase.errors import DataError, shown
from simplebase.skeletons import (
    Skeleton,
    coloured_link,
    load_skeleton,
    pairs_by_name,
    skeleton_names,
)
from simplebase.skeletons.sides import pairs_text
from simplebase.skeletons.skeleton import Pair


def keypoints_of(
    content: Mapping[str, Any], path: Path, count: int, titles: Sequence[str], chosen: list[int]
) -> tuple[Skeleton, list[str]]:
    """Returns the keypoints of the chosen classes, and notes on them."""
    name = titles[0] if len(titles) == 1 else path.resolve().parent.name or path.stem
    names = _keypoint_names(content.get("kpt_names"), path, count, chosen)
    names = names or _names_of_others(content, count)
    # Some tools write an empty list, which Ultralytics treats like a missing one.
    flips = content.get("flip_idx") or None
    pairs = None if flips is None else _pairs(flips, names or _numbers(count), path)
    if names is None:
        skeleton = Skeleton(name, _numbers(count), pairs or ())
        alike = [each for each in skeleton_names() if load_skeleton(each).num_keypoints == count]
        hint = f", or with --skeleton if they are those of {' or '.join(alike)}" if alike else ""
        flip = f"flip pairs, from flip_idx: {pairs_text(pairs)}" if pairs else _NO_PAIRS
        return skeleton, [
            f"{path} does not name its keypoints, so they are called 1 to {count}. Name them with "
            f"--classes-path (a text file with a name on each line) and --matchpoint-path{hint}.",
            flip,
        ]
    if pairs:
        skeleton = Skeleton(name, names, pairs)
        return skeleton, [f"flip pairs, from flip_idx: {pairs_text(pairs)}"]
    # Roboflow always writes a flip_idx that swaps nothing.
    skeleton = Skeleton(name, names, pairs_by_name(names))
    return skeleton, [pairs_note(skeleton)]


_NO_PAIRS = (
    "flip pairs: none, because flip_idx is absent or swaps no keypoints. If the object has left "
    "and right keypoints, give --classes-path and --matchpoint-path"
)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, count + 1))


def _keypoint_names(
    value: Any, path: Path, count: int, chosen: Sequence[int]
) -> tuple[str, ...] | None:
    """Returns the names in `kpt_names`: a list, or a list for each class, by number or in order."""
    if value is None:
        return None
    lists = [value]
    if isinstance(value, list) and value and all(isinstance(each, list) for each in value):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        lists = [value[each] for each in chosen if each in value]
    if not lists:
        return None
    if any(each != lists[0] for each in lists):
        raise DataError(
            f"{path}: the classes have different kpt_names, but one skeleton is needed. Choose "
            "those with the same keypoints by --category."
        )
    where = f"{path}, kpt_names"
    names = tuple(
        str(each) if type(each) is int else expect.name(each, where)
        for each in expect.items(lists[0], where)
    )
    if len(names) != count:
        raise DataError(f"{where}: kpt_shape says {count} keypoints. Received: {len(names)} names.")
    return names


def _names_of_others(content: Mapping[str, Any], count: int) -> tuple[str, ...] | None:
    """Returns the names that SLEAP and others add, which Ultralytics ignores."""
    for key in ("node_names", "keypoint_names"):
        names = content.get(key)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            stripped = tuple(name.strip() for name in names)
            if len(set(stripped)) == count == len(names) and all(stripped):
                return stripped
    return None


def with_lines(content: Mapping[str, Any], skeleton: Skeleton) -> Skeleton:
    """Adds the lines of `skeleton`, which SLEAP adds: pairs of keypoints, counted from 0."""
    pairs = content.get("skeleton")
    numbers = range(skeleton.num_keypoints)
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(end) is int and end in numbers for end in pair)
        for pair in pairs
    ):
        return skeleton
    names, flips = skeleton.keypoints, skeleton.horizontal_pairs
    links = {
        tuple(sorted(pair)): coloured_link(names[pair[0]], names[pair[1]], flips) for pair in pairs
    }
    return replace(skeleton, links=tuple(links.values()))


def _pairs(flips: Any, names: Sequence[str], path: Path) -> tuple[Pair, ...]:
    """Returns the pairs that `flip_idx` swaps, the left one first if names show it."""
    where = f"{path}, flip_idx"
    flips = [expect.integer(each, where) for each in expect.items(flips, where)]
    if sorted(flips) != list(range(len(names))):
        raise DataError(
            f"{where}: expected the numbers 0 to {len(names) - 1}, each once, one for each "
            f"keypoint. Received: {shown(flips)}."
        )
    for index, other in enumerate(flips):
        if flips[other] != index:
            raise DataError(
                f"{where}: keypoint {index} becomes {other}, but {other} becomes {flips[other]}. "
                "Two keypoints that swap name each other; correct it."
            )
    known = set(pairs_by_name(names))
    pairs = [(names[index], names[other]) for index, other in enumerate(flips) if index < other]
    return tuple(pair if pair[::-1] not in known else pair[::-1] for pair in pairs)
