"""Finds the label files of a source, and the images with the same names."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_files import refuse_archive
from simplebase.errors import DataError, MissingFileError, listed
from simplebase.images import IMAGE_SUFFIXES, UNREAD_SUFFIXES

UNREAD_IMAGE = "image of an unsupported kind (write it as PNG)"


def require_source(source: Path, what: str) -> Path:
    """Returns `source` if it exists and is not an archive.

    Args:
        source: a file or folder.
        what: what it should be, for messages.

    Raises:
        MissingFileError: it does not exist.
        DataError: it is a zip archive.
    """
    if not source.exists():
        raise MissingFileError(f"{source}: {what} does not exist.")
    refuse_archive(source)
    return source


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Returns the files below a folder with one of these suffixes in any case, sorted."""
    chosen = set(suffixes)
    found = [path for path in folder.rglob("*") if path.suffix.lower() in chosen]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.as_posix())


def single_file(
    source: Path, suffixes: Iterable[str], what: str, fits: Callable[[Path], bool]
) -> Path:
    """Returns the label file `source`, or the only label file directly in that folder.

    Args:
        source: a file or a folder.
        suffixes: suffixes of label files.
        what: what is expected, for messages.
        fits: returns whether a file in the folder is a label file.

    Raises:
        MissingFileError: `source` does not exist.
        DataError: it is an archive, or a folder that contains no such file or several.
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
    """Finds the image with the same name as a label file, `a.jpg` for `a.pts`.

    Args:
        root: the folder of the images.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = _by_stem(root, IMAGE_SUFFIXES)
        self._unread = _by_stem(root, UNREAD_SUFFIXES)

    def find(self, folder: str, stem: str) -> StatedImage:
        """Finds the image in the label file's folder, else the only one with that name below root.

        Args:
            folder: folder of the label file, relative to the root.
            stem: the image's file name without suffix, which is returned if there is no image.

        Raises:
            DataError: there are several images.
        """
        known = self._read.get(stem, [])
        found = [path for path in known if path.parent.as_posix() == folder] or known
        if len(found) > 1:
            raise DataError(
                f"{self._root}: the label file {stem} may belong to {found[0].as_posix()} or "
                f"{found[1].as_posix()}. Keep only the image that was labelled."
            )
        return StatedImage(found[0].as_posix() if found else stem)

    def is_unread(self, stem: str) -> bool:
        """Returns whether there is an image, but only of an unsupported kind."""
        return stem in self._unread and stem not in self._read


def _by_stem(root: Path, suffixes: Iterable[str]) -> dict[str, list[Path]]:
    """Returns files by their name without suffix, as paths below `root`."""
    names: dict[str, list[Path]] = defaultdict(list)
    for path in files_below(root, suffixes):
        names[path.stem].append(path.relative_to(root))
    return dict(names)
