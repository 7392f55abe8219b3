"""Finds the image of a result by its id, its file name, or that name without its suffix.

COCO's results have an `image_id`. Ultralytics writes the name without suffix there, as a number if
possible, and adds `file_name`. AlphaPose writes the whole name there.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from simplebase.data.fields import is_id
from simplebase.errors import shown

MatchedBy = Literal["file_name", "image_id", "file stem"]

_Parts = tuple[str, ...]


class ImageNames:
    """Finds images by their names.

    Two names mean the same image if one is the end of the other: `a.jpg`, `val/a.jpg` and
    `images/val/a.jpg`, but not `train/a.jpg` and `val/a.jpg`. The folders of an absolute path or of
    an address belong to another machine and are ignored.

    Args:
        names: file names by id; `None` for an image without a name.
    """

    def __init__(self, names: Mapping[int, str | None]) -> None:
        self.ids = frozenset(names)
        self._names: dict[str, list[tuple[_Parts, bool, int]]] = defaultdict(list)
        self._stems: dict[str, list[tuple[_Parts, bool, int]]] = defaultdict(list)
        self._numbers: dict[int, list[int]] = defaultdict(list)
        for image, name in names.items():
            if name and (parts := _parts(name)):
                away = _is_elsewhere(name)
                stem = _stem(parts[-1])
                self._names[parts[-1]].append((parts, away, image))
                self._stems[stem].append(((*parts[:-1], stem), away, image))
                if stem.isascii() and stem.isdigit():
                    self._numbers[int(stem)].append(image)

    def by_name(self, name: str, prefer: int | None = None) -> int | None:
        """Returns the id of the image with that file name; `None` if no image or several have it.

        Args:
            name: file name with or without folders.
            prefer: the id to choose if several images have the name.
        """
        return _most_alike(self._names, name, prefer)

    def has_name(self, name: str) -> bool:
        """Returns whether an image has that file name, in any folder."""
        parts = _parts(name)
        return bool(parts) and parts[-1] in self._names

    def in_any_format(self, name: Any) -> int | None:
        """Like `by_name`, but falls back to an image with another suffix."""
        if not isinstance(name, str):
            return None
        if self.has_name(name):
            return self.by_name(name)
        parts = _parts(name)
        return (
            _most_alike(self._stems, "/".join([*parts[:-1], _stem(parts[-1])])) if parts else None
        )

    def by_stem(self, stem: Any) -> int | None:
        """Returns the id of the image with that name, with or without suffix or leading zeros."""
        if isinstance(stem, str):
            found = _most_alike(self._names, stem)
            return _most_alike(self._stems, stem) if found is None else found
        numbers = self._numbers.get(int(stem), []) if is_id(stem) else []
        return numbers[0] if len(numbers) == 1 else None

    def by_id(self, image: Any) -> int | None:
        """Returns the id itself, even if it is a string; `None` if no image has it."""
        if isinstance(image, str) and re.fullmatch("[0-9]{1,18}", image):
            image = int(image)
        return int(image) if is_id(image) and image in self.ids else None


class Mention(NamedTuple):
    """How an entry of a file refers to its image; either may be `None`."""

    image_id: Any
    file_name: Any

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Mention":
        """Reads the fields of a result or a box.

        Raises:
            KeyError: it has neither `image_id` nor `file_name`.
            ValueError: its `image_id` is neither a whole number nor a string.
        """
        name, image = entry.get("file_name"), entry.get("image_id")
        if image is None and not isinstance(name, str):
            raise KeyError("image_id")
        if not (image is None or is_id(image) or isinstance(image, str)):
            raise ValueError("the image_id is neither a whole number nor a file name")
        return cls(image, name)


@dataclass(frozen=True)
class MatchedImages:
    """The images that the entries of a file belong to.

    Args:
        ids: one for each entry; `None` where no image matches.
        by: how they were matched.
        remark: a remark for the user; empty if nothing is unusual.
    """

    ids: list[int | None]
    by: MatchedBy
    remark: str = ""


def match_images(
    mentions: Sequence[Mention], images: ImageNames, *, believe_ids: bool = True
) -> MatchedImages:
    """Finds the images of all entries of a file, all in the same way.

    They are matched by `file_name` if that finds every image, else by `image_id`, else by the stem
    of a file name in `image_id`. If an `image_id` is a string, stems come before ids. If no method
    finds every image, the one that finds most is used.

    Args:
        mentions: one for each entry.
        images: the known images.
        believe_ids: whether `image_id` may be an id.
    """
    found: dict[MatchedBy, list[int | None]] = {
        "file_name": [images.in_any_format(each.file_name) for each in mentions]
    }
    ids = [images.by_id(each.image_id) for each in mentions]
    stems = [images.by_stem(each.image_id) for each in mentions]
    if any(isinstance(each.image_id, str) for each in mentions):
        found["file stem"] = stems
    # If one file name contradicts its id, no id of the file is used.
    named = zip(found["file_name"], ids, strict=True)
    if believe_ids and all(image in (None, own) for image, own in named):
        found["image_id"] = ids
    found.setdefault("file stem", stems)
    # The first of the best methods is used.
    by = max(found, key=lambda each: len(mentions) - found[each].count(None))
    remark = _describe_mismatch(by, mentions, found[by], ids, stems)
    if by == "image_id":
        remark = _unknown_names(mentions, images) or remark
    return MatchedImages(found[by], by, remark)


def _unknown_names(mentions: Sequence[Mention], images: ImageNames) -> str:
    """Returns the remark for file names that no image has, although the ids are known."""
    names = [each.file_name for each in mentions if isinstance(each.file_name, str)]
    unknown = [name for name in names if not images.has_name(name)]
    if not unknown:
        return ""
    return (
        f"no image is called {shown(unknown[0])}, as file_name says ({len(unknown)} of "
        f"{len(mentions)} entries have such names). The images are matched by image_id. Check that "
        "the file is of the same split."
    )


def _describe_mismatch(
    by: MatchedBy,
    mentions: Sequence[Mention],
    found: Sequence[int | None],
    ids: Sequence[int | None],
    stems: Sequence[int | None],
) -> str:
    """Describes the first entry for which the methods of matching differ."""
    for mention, image, own, stem in zip(mentions, found, ids, stems, strict=True):
        if image is None:
            continue
        if by == "file_name" and own != image and mention.image_id is not None:
            return (
                f"image_id {mention.image_id!r} is not the id of {mention.file_name}, which is "
                f"{image}. The images are matched by file_name instead."
            )
        if by == "file stem" and own != image:
            return (
                f"image_id {mention.image_id!r} is read as the name of an image file. The images "
                "are matched by these names."
            )
        if by == "image_id" and None not in stems and stem != image:
            return (
                f"image_id {mention.image_id!r} is an id, but also the file name of another image. "
                "All are read as ids. If they are file names, add file_name to each entry."
            )
    return ""


def _parts(name: str) -> _Parts:
    """Splits a name into folders and file, also Label Studio's `/data/local-files/?d=a/b.jpg`."""
    if "://" in name:
        name = unquote(urlsplit(name).path)
    name = unicodedata.normalize("NFC", name)
    return tuple(part for part in re.split(r"[/\\]|\?d=", name) if part not in ("", "."))


def _is_elsewhere(name: str) -> bool:
    return "://" in name or re.match(r"[/\\]|[A-Za-z]:[/\\]", name) is not None


def _stem(file_name: str) -> str:
    return PurePosixPath(file_name).stem


def _most_alike(
    table: Mapping[str, list[tuple[_Parts, bool, int]]], name: str, prefer: int | None = None
) -> int | None:
    """Returns the image with the most similar name; `None` if there is none or a tie."""
    parts, away = _parts(name), _is_elsewhere(name)
    candidates = table.get(parts[-1], []) if parts else []
    for alike in (
        [image for other, _, image in candidates if other == parts],
        [image for other, _, image in candidates if _share_ending(other, parts)],
        [image for _, elsewhere, image in candidates if away or elsewhere],
    ):
        if len(alike) == 1:
            return alike[0]
        if alike:
            return prefer if prefer in alike else None
    return None


def _share_ending(first: _Parts, second: _Parts) -> bool:
    length = min(len(first), len(second))
    return first[-length:] == second[-length:]
