"""Which file a label reader was given, and the images that lie beside label files."""

import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from simplebase.errors import DataError, MissingFileError, listed
from simplebase.images import IMAGE_SUFFIXES, UNREAD_SUFFIXES

UNREAD_IMAGE = "image of a kind that is not read"


def require_source(source: Path, what: str) -> Path:
    """Returns `source` if it exists and is not an archive.

    Args:
        source: a file or folder.
        what: what it should be, for the error.

    Raises:
        MissingFileError: it does not exist.
        DataError: it is a zip.
    """
    if not source.exists():
        raise MissingFileError(f"{source}: {what} does not exist.")
    if source.is_file() and zipfile.is_zipfile(source):
        raise DataError(f"{source} is a zip archive. Unpack it and give {what} in it.")
    return source


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files below a folder with one of these suffixes, in upper or lower case, sorted."""
    chosen = set(suffixes)
    found = [path for path in folder.rglob("*") if path.suffix.lower() in chosen]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.as_posix())


def single_file(
    source: Path, suffixes: Iterable[str], what: str, fits: Callable[[Path], bool]
) -> Path:
    """The label file that `source` is, or the only one that lies directly in it.

    Args:
        source: a file or a folder.
        suffixes: of label files.
        what: what is expected, for errors.
        fits: whether a file in the folder is one.

    Raises:
        MissingFileError: `source` does not exist.
        DataError: it is an archive, or a folder that holds no such file or several.
    """
    require_source(source, what)
    if not source.is_dir():
        return source
    chosen = set(suffixes)
    found = sorted(path for path in source.iterdir() if path.suffix.lower() in chosen)
    found = [path for path in found if path.is_file() and fits(path)]
    if len(found) != 1:
        names = listed([path.name for path in found], 5) or "none"
        raise DataError(
            f"{source}: expected one file that is {what}. Found {names}. Give the file."
        )
    return found[0]


class ImagesByStem:
    """Finds the image that belongs to a label file named like it, `a.jpg` for `a.pts`.

    Args:
        root: the folder of the images.
    """

    def __init__(self, root: Path) -> None:
        self._read = _names_by_stem(root, IMAGE_SUFFIXES)
        self._unread = _names_by_stem(root, UNREAD_SUFFIXES)

    def name(self, folder: str, stem: str) -> str:
        """The image's file name in `folder`; `stem` itself if there is none.

        Raises:
            DataError: there are several.
        """
        found = self._read.get((folder, stem), [])
        if len(found) > 1:
            raise DataError(
                f"{folder}/{stem}: {found[0]} and {found[1]} both belong to this label file. "
                "Keep the one that was labelled."
            )
        return found[0] if found else stem

    def is_unread(self, folder: str, stem: str) -> bool:
        """Whether there is an image, but only of a kind that is not read."""
        return (folder, stem) in self._unread and (folder, stem) not in self._read


def _names_by_stem(root: Path, suffixes: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """File names by their folder, relative to `root`, and their name without the suffix."""
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in files_below(root, suffixes):
        names[path.parent.relative_to(root).as_posix(), path.stem].append(path.name)
    return dict(names)
