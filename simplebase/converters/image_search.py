r"""Finds an image by its file name if its stated path does not exist.

Labelling tools write the path that they used for an image: an absolute path, a path with Windows'
`\`, an address, `/data/upload/1/...`, `/data/local-files/?d=...`, percent-encoded or with other
upper and lower case. The image is then searched by its file name, only below the image folder.
"""

import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from simplebase.converters.image_files import find_image, inside
from simplebase.errors import DataError

# Label Studio puts eight hexadecimal digits before the name of a file that is uploaded to it. Its
# COCO export calls the folder `images`, where eight decimal digits are rather a date.
_UPLOADED = re.compile(
    r"(.*/)?(upload/(.*/)?|images/(.*/)?(?=\d*[a-f]))[0-9a-f]{8}-(?P<name>[^/]+)"
)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class StatedImage:
    """The image path in a label file.

    Args:
        name: the path or address.
        folder: the folder of the label file below the image folder, if `name` is relative to it.
    """

    name: str
    folder: str | None = None

    @property
    def path(self) -> str | None:
        """The path below the image folder; `None` if it leads out of the folder."""
        return inside(self.folder or "", self.name)

    @property
    def is_outside(self) -> bool:
        """Whether it names a file outside the image folder; an address does not."""
        return self.path is None and not _ADDRESS.match(self.name)


class ImageSearch:
    """The images of a label file.

    Args:
        root: the image folder.
        stated: all images of the label file. A file that one of them names exactly is not assigned
            to another one with a wrong path.
        look_up: returns the file for a path below `root`, or `None`. By default the file at that
            path.
        rank: ranks folders below `root`, from 0 (most likely) on; `None` excludes a folder. By
            default all are equally likely.
    """

    def __init__(
        self,
        root: Path,
        stated: Iterable[StatedImage],
        look_up: Callable[[str], Path | None] | None = None,
        rank: Callable[[Path], int | None] = lambda folder: 0,
    ) -> None:
        self.by_name: dict[StatedImage, Path] = {}
        """The images that were found by file name, in order."""
        self.root = root
        self._stated = list(stated)
        self._stated_of: dict[Path, StatedImage] = {}
        self._look_up = cache(look_up or (lambda path: find_image(root, path)))
        self._rank = rank

    def share_with(self, other: "ImageSearch") -> None:
        """Treats the label files of two splits as one file that states all images."""
        self._stated = other._stated = self._stated + other._stated
        self._stated_of = other._stated_of

    def find(self, stated: StatedImage) -> Path | None:
        """Finds the image at its stated path, else by its name.

        Raises:
            DataError: several images are equally likely, or another stated image has that name.
        """
        return self.at_path(stated) or self.find_by_name(stated)

    def at_path(self, stated: StatedImage) -> Path | None:
        """Returns the image at its stated path."""
        path = stated.path
        return None if path is None else self._look_up(path)

    def find_by_name(self, stated: StatedImage) -> Path | None:
        """Finds the image with the file name of the stated one, and adds it to `by_name`.

        Raises:
            DataError: several images are equally likely, or another stated image has that name.
        """
        if stated in self.by_name:
            return self.by_name[stated]
        found = self._beside(stated)
        if found is None:
            found = self._below(stated)
            if found is None or found in self._taken:
                return None
        other = self._stated_of.setdefault(found, stated)
        if other.name != stated.name:
            raise DataError(
                f"{other.name!r} and {stated.name!r} have names that fit the same image: only one "
                f"such image was found, {found}. Give an image folder that holds both, or correct "
                "the paths in the label file."
            )
        self.by_name[stated] = found
        return found

    def notes(self) -> list[str]:
        """Returns a note on how many images were found by name; empty if none was."""
        if not self.by_name:
            return []
        stated, found = next(iter(self.by_name.items()))
        return [
            f"images found by file name, because the path in the label file does not exist: "
            f"{len(self.by_name)}, such as {found.relative_to(self.root)} for {stated.name!r}"
        ]

    def _beside(self, stated: StatedImage) -> Path | None:
        """Returns the image beside its label file, if each image has its own label file."""
        if stated.folder is None:
            return None
        for *_, name in _readings(stated.name):
            path = inside(stated.folder, name)
            if path and find_image(self.root, path) and self._is_inside(path):
                return self.root / path
        return None

    def _below(self, stated: StatedImage) -> Path | None:
        folder = Path(stated.folder or "").parts
        for parts in _readings(stated.name):
            if candidates := self._agreeing([*folder, *parts]):
                return self._likeliest(candidates, parts[-1], stated)
        return None

    def _agreeing(self, parts: list[str]) -> list[Path]:
        """Returns the images with that name that share the most folders, from the last one on."""
        folded = [_folded(part) for part in parts]
        ends = (tuple(folded[start:]) for start in range(len(folded)))
        return next((self._index[end] for end in ends if end in self._index), [])

    def _likeliest(self, candidates: list[Path], name: str, stated: StatedImage) -> Path:
        """Returns the candidate beside the label file, with the exact name, or of lowest rank.

        Raises:
            DataError: several remain.
        """
        order = {
            path: (
                path.parent.as_posix() != stated.folder,
                path.name != name,
                self._rank(path.parent) or 0,
            )
            for path in candidates
        }
        first, *others = sorted(candidates, key=lambda path: (order[path], path))
        if others and order[others[0]] == order[first]:
            raise several_images(stated.name, self.root / first, self.root / others[0])
        return self.root / first

    @cached_property
    def _index(self) -> dict[tuple[str, ...], list[Path]]:
        """Indexes the files below the image folder by every ending of their paths.

        `x/y/A.jpg` is under `("x", "y", "a.jpg")`, `("y", "a.jpg")` and `("a.jpg",)`. A scan of all
        images of a name would be quadratic: each video's folder may have an image `000001.jpg`.
        """
        index: dict[tuple[str, ...], list[Path]] = defaultdict(list)
        for folder, _, names in os.walk(self.root):
            relative = Path(folder).relative_to(self.root)
            if self._rank(relative) is None:
                continue
            folders = tuple(_folded(part) for part in relative.parts)
            for name in names:
                path = relative / name
                if os.path.islink(self.root / path) and not self._is_inside(path):
                    continue
                end = (*folders, _folded(name))
                for start in range(len(end)):
                    index[end[start:]].append(path)
        return dict(index)

    def _is_inside(self, path: Path | str) -> bool:
        """Returns whether a file is inside the image folder after resolving links."""
        return os.path.realpath(self.root / path).startswith(self._real_root)

    @cached_property
    def _real_root(self) -> str:
        return os.path.join(os.path.realpath(self.root), "")

    @cached_property
    def _taken(self) -> set[Path]:
        """The images that are at their stated paths, or beside their label files."""
        return {file for stated in self._stated if (file := self._certain(stated))}

    def _certain(self, stated: StatedImage) -> Path | None:
        try:
            return self.at_path(stated) or self._beside(stated)
        except DataError:
            return None


def several_images(name: str, first: Path, second: Path) -> DataError:
    """Returns the error for a label file that is ambiguous between two images."""
    return DataError(
        f"several images are called {name}: {first} and {second}. Write the folder into the path "
        "in the label file, or give it as the image folder."
    )


def _readings(name: str) -> list[list[str]]:
    """Returns the possible meanings of a stated path as lists of parts, most likely first."""
    texts = [each for text in _without_query(name) for each in (text, unquote(text))]
    texts = [text.replace("\\", "/") for text in texts]
    uploads = [match["name"] for text in texts if (match := _UPLOADED.fullmatch(text))]
    parts = [
        [part for part in text.split("/") if part not in ("", ".")]
        for text in dict.fromkeys(texts + uploads)
    ]
    return [each for each in parts if each and each[-1] != ".."]


def _without_query(name: str) -> Iterator[str]:
    """Yields the path in an address' query (`?d=a.jpg`), the one before it, and the whole."""
    before, mark, query = name.partition("?")
    if mark:
        for _, value in parse_qsl(query):
            if posixpath.splitext(value)[1]:
                yield value
        yield before
    yield name


def _folded(name: str) -> str:
    """Normalises upper and lower case, and composed or decomposed accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
