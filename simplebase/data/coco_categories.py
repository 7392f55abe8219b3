"""Chooses the keypoint categories of a COCO file and reads the names of their keypoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from simplebase.data import expect
from simplebase.data.coco_format import CATEGORY_ID
from simplebase.data.fields import flat
from simplebase.errors import ArgumentError, DataError, listed, shown
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
"""The key for `to-coco`'s additions to the format, which COCO's tools ignore."""


@dataclass(frozen=True)
class Categories:
    """The chosen keypoint categories of one file. All have the same keypoints.

    Args:
        ids: their ids.
        skeleton: their keypoints.
        all_ids: the ids of every category of the file; `None` if the file lists no categories.
        names: the keypoint names in the file itself; empty if it has none.
        notes: what was inferred about the skeleton.
    """

    ids: frozenset[int]
    skeleton: Skeleton
    all_ids: frozenset[int] | None
    names: tuple[str, ...]
    notes: list[str] = field(default_factory=list)

    def include(self, annotation: Mapping[str, Any], where: str) -> bool:
        """Returns whether an annotation belongs to these categories.

        Raises:
            DataError: the file lists no category with the annotation's `category_id`.
        """
        if self.all_ids is None:
            return _category_id(annotation, where) in self.ids
        category = expect.identifier(annotation.get("category_id"), f"{where}.category_id")
        if category not in self.all_ids:
            raise DataError(f"{where}: no category has the id {category}.")
        return category in self.ids


class _Category(NamedTuple):
    """An entry of `categories`; `named` is False if its keypoints are only numbered."""

    id: int
    title: str
    keypoints: tuple[str, ...]
    named: bool
    links: Any
    own: Any
    where: str


def read_categories(
    content: Mapping[str, Any],
    path: Path,
    *,
    names: Sequence[str] = (),
    skeleton: Skeleton | None = None,
) -> Categories:
    """Finds the keypoint categories of a COCO file.

    These are the categories with a list of keypoint names. If there are none, they are those whose
    annotations have keypoints, which are then called 1, 2, 3 and so on.

    Args:
        content: the file's content.
        path: the file, for messages.
        names: the categories to choose, by name or id. By default all.
        skeleton: names the keypoints, instead of the file.

    Raises:
        ArgumentError: there is no keypoint category with one of `names`.
        DataError: no category has keypoints, several have different keypoints, or `skeleton` does
            not match them.
    """
    own = _listed(content, path)
    known = own or _implied(content, path)
    meant = _by_name(known, names, path) if names else known
    usable = [each for each in meant if each.keypoints] or _numbered(meant, content, path)
    if not usable:
        raise DataError(
            f"{path}: no category has a list of keypoints, and no annotation has keypoints. Files "
            "of instances and captions have none; person_keypoints_*.json does."
        )
    # With the user's own names, only the number of keypoints must agree.
    if len({each.keypoints if skeleton is None else len(each.keypoints) for each in usable}) > 1:
        _refuse_one_name(usable, path)
        raise DataError(
            f"{path}: the categories {_titles(usable)} have different keypoints, but one skeleton "
            "is needed. Choose those with the same keypoints by --category."
        )
    if skeleton is None:
        fitted, notes = _own_skeleton(usable, path)
    else:
        fitted, notes = _renamed(skeleton, usable[0])
    return Categories(
        frozenset(each.id for each in usable),
        fitted,
        frozenset(each.id for each in own) if own else None,
        usable[0].keypoints if usable[0].named else (),
        notes,
    )


def _listed(content: Mapping[str, Any], path: Path) -> list[_Category]:
    found: list[_Category] = []
    entries = expect.items(content.get("categories") or [], f"{path}, categories")
    by_id: dict[int, dict[str, Any]] = {}
    for index, entry in enumerate(entries):
        where = f"{path}, categories[{index}]"
        entry = expect.mapping(entry, where)
        number = expect.identifier(entry.get("id"), f"{where}.id")
        if (earlier := by_id.setdefault(number, entry)) != entry:
            raise DataError(
                f"{where}: the category id {number} is used twice, for "
                f"{shown(earlier.get('name'))} and {shown(entry.get('name'))}. Give each category "
                "its own id."
            )
        title = str(entry.get("name")).strip()
        names = expect.items(entry.get("keypoints") or [], f"{where}.keypoints")
        keypoints = _keypoint_names(names, f"{where}.keypoints")
        links, own = entry.get("skeleton"), entry.get(OWN_KEY)
        found.append(_Category(number, title, keypoints, True, links, own, where))
    return found


def _keypoint_names(names: list[Any], where: str) -> tuple[str, ...]:
    """Keypoint names without the spaces at their ends.

    Raises:
        DataError: two names differ only in these spaces.
    """
    keypoints = tuple(_keypoint(each, f"{where}[{place}]") for place, each in enumerate(names))
    first: dict[str, int] = {}
    for place, keypoint in enumerate(keypoints):
        other = names[first.setdefault(keypoint, place)]
        if other != names[place]:
            raise DataError(
                f"{where}: {shown(other)} and {shown(names[place])} are the same name, because "
                "spaces at the ends of a name are ignored. Rename one."
            )
    return keypoints


def _keypoint(name: Any, where: str) -> str:
    """The name of a keypoint, which some tools write as a number."""
    return str(name) if type(name) is int else expect.name(name, where)


def _refuse_one_name(categories: Sequence[_Category], path: Path) -> None:
    """Raises DataError if categories with the same name have different keypoints."""
    by_title: dict[str, _Category] = {}
    for each in categories:
        other = by_title.setdefault(each.title, each)
        if other.keypoints != each.keypoints:
            raise DataError(
                f"{path}: the categories {other.id} and {each.id} are both called "
                f"{shown(each.title)} but have different keypoints. Choose one by its id, such as "
                f"--category {each.id}."
            )


def _implied(content: Mapping[str, Any], path: Path) -> list[_Category]:
    """Returns the categories of a file that lists none: one for each id in its annotations."""
    ids = {_category_id(annotation, where) for annotation, where in _annotations(content, path)}
    return [_Category(each, path.stem, (), True, None, None, str(path)) for each in sorted(ids)]


def _numbered(
    categories: Sequence[_Category], content: Mapping[str, Any], path: Path
) -> list[_Category]:
    """Returns the categories whose annotations have keypoints, with numbers as names."""
    lengths: dict[int, tuple[int, str]] = {}
    ids = {each.id for each in categories}
    for annotation, where in _annotations(content, path):
        values = flat(expect.items(annotation.get("keypoints") or [], f"{where}.keypoints"))
        category = _category_id(annotation, where)
        if not values or category not in ids:
            continue
        length, first = lengths.setdefault(category, (len(values), where))
        if len(values) % 3 or len(values) != length:
            raise DataError(
                f"{where}.keypoints: expected x, y and visibility for each keypoint, and as many "
                f"numbers as {first} has ({length}). Received: {len(values)} numbers."
            )
    return [
        each._replace(keypoints=_numbers(lengths[each.id][0] // 3), named=False)
        for each in categories
        if each.id in lengths
    ]


def _annotations(content: Mapping[str, Any], path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for index, each in enumerate(expect.items(content.get("annotations"), f"{path}, annotations")):
        where = f"{path}, annotations[{index}]"
        yield expect.mapping(each, where), where


def _category_id(annotation: Mapping[str, Any], where: str) -> int:
    """The category id of an annotation; a file without categories has a single one."""
    category = annotation.get("category_id")
    return CATEGORY_ID if category is None else expect.identifier(category, f"{where}.category_id")


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(number + 1) for number in range(count))


def _by_name(known: Sequence[_Category], names: Sequence[str], path: Path) -> list[_Category]:
    chosen: list[_Category] = []
    for name in names:
        found = [each for each in known if each.title == name.strip()]
        found = found or [each for each in known if str(each.id) == name.strip()]
        if not found:
            titles = _titles([each for each in known if each.keypoints] or known)
            raise ArgumentError(f"{path} has no keypoint category {name!r}; it has {titles}.")
        chosen += [each for each in found if each not in chosen]
    return chosen


def _titles(categories: Sequence[_Category]) -> str:
    return listed(each.title for each in categories)


def _own_skeleton(usable: Sequence[_Category], path: Path) -> tuple[Skeleton, list[str]]:
    """The skeleton that the file itself describes."""
    category = usable[0]
    keypoints = category.keypoints
    if category.own is not None:
        kept = expect.mapping(category.own, f"{category.where}.{OWN_KEY}")
        skeleton = Skeleton.from_config({"name": "coco"} | kept)
        if skeleton.keypoints == keypoints:
            return skeleton, []
    built_in = [load_skeleton(name) for name in skeleton_names()]
    for skeleton in built_in:
        if skeleton.keypoints == keypoints:
            return skeleton, [f"skeleton: {skeleton.name}, which is built in"]
    pairs = pairs_by_name(keypoints)
    links, notes = _links(category, keypoints, pairs)
    title = category.title if len(usable) == 1 else f"{category.title} and {len(usable) - 1} more"
    skeleton = Skeleton(title, keypoints, pairs, links=links)
    if category.named:
        return skeleton, [f"flip pairs, inferred from the names: {pairs_text(pairs)}", *notes]
    alike = [each.name for each in built_in if each.num_keypoints == len(keypoints)]
    hint = f", or with --skeleton if they are those of {' or '.join(alike)}" if alike else ""
    return skeleton, [
        f"{path} does not name its keypoints, so they are called 1 to {len(keypoints)} and no flip "
        "pairs are known. Name them with --classes-path (a text file with a name on each line) and "
        f"--matchpoint-path{hint}.",
        *notes,
    ]


def _renamed(skeleton: Skeleton, category: _Category) -> tuple[Skeleton, list[str]]:
    """The given skeleton, with the links of the file if it has none itself."""
    ours, theirs = skeleton.keypoints, category.keypoints
    if len(ours) != len(theirs):
        raise DataError(
            f"{category.where} has {len(theirs)} keypoints, but skeleton {skeleton.name!r} has "
            f"{len(ours)}. Check --skeleton and --classes-path."
        )
    notes = []
    if category.named and ours != theirs:
        if set(ours) == set(theirs):
            raise DataError(
                f"{category.where} and skeleton {skeleton.name!r} have the same keypoints in "
                f"another order. Received: {', '.join(theirs)}, and {', '.join(ours)}. Name them "
                "in the order of the file."
            )
        notes = [f"keypoints, renamed: {', '.join(ours)}, which the file calls {', '.join(theirs)}"]
    if skeleton.links:
        return skeleton, notes
    links, more = _links(category, ours, skeleton.horizontal_pairs)
    return replace(skeleton, links=links), [*notes, *more]


def _links(
    category: _Category, keypoints: tuple[str, ...], pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[Link, ...], list[str]]:
    """The links of a category's `skeleton`, and notes on those that are left out.

    COCO counts a link's keypoints from 1. Some tools count from 0: their links have a 0, and not
    the last number.
    """
    stated = expect.items(category.links or [], f"{category.where}.skeleton")
    count = len(keypoints)
    ends = [end for link in stated if isinstance(link, list) for end in link]
    first = 0 if 0 in ends and count not in ends else 1
    numbers = range(first, first + count)
    links, wrong = [], []
    for link in stated:
        if (
            isinstance(link, list)
            and len(link) == 2
            and all(type(end) is int and end in numbers for end in link)
        ):
            start, end = (keypoints[number - first] for number in link)
            links.append(coloured_link(start, end, pairs))
        else:
            wrong.append(link)
    notes = []
    if first == 0:
        notes.append(f"{category.where}.skeleton counts keypoints from 0, not from 1 as COCO does")
    if wrong:
        notes.append(
            f"{category.where}.skeleton: {len(wrong)} of {len(stated)} links are not two numbers "
            f"from {numbers[0]} to {numbers[-1]} and are left out, such as {shown(wrong[0])}"
        )
    return tuple(links), notes
