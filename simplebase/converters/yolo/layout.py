"""Finds the images and label files of an Ultralytics dataset.

`train`, `val` and `test` in `data.yaml` name folders of images, text files that list images, or
several of either. The path of an image's label file has `labels` instead of the last folder
`images`, and the suffix `.txt`. Without such a folder, the label file is beside the image.
"""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from simplebase.converters.conversion import REFUSED_PATH
from simplebase.converters.image_files import inside
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.yolo.settings import YoloSettings
from simplebase.errors import DataError, MissingFileError
from simplebase.files import read_text
from simplebase.images import IMAGE_SUFFIXES


@dataclass(frozen=True)
class YoloItem:
    """An image of a split, and its label file.

    Args:
        image: the file; `None` if it is absent.
        stated: its stated path.
        label: its label file, which may also be absent.
        split: `train`, `val` or `test`.
    """

    image: Path | None
    stated: StatedImage
    label: Path
    split: str


class YoloLayout:
    """Finds the files of a dataset.

    Args:
        root: the dataset's folder; nothing outside is read.
        settings: its `data.yaml`.
    """

    def __init__(self, root: Path, settings: YoloSettings) -> None:
        self.lists: list[Path] = []
        """The text files with lists of images that were read."""
        self.notes: list[str] = []
        self.left_out: dict[str, int] = {}
        self._root = root
        self._settings = settings
        self._base = settings.root.replace("\\", "/")
        self._shortened: dict[Path, str] = {}

    def items(self) -> list[YoloItem]:
        """Returns the images of all splits in order, each once per split, and labels without image.

        Raises:
            MissingFileError: there are no images.
            DataError: it is unclear which folder is meant.
        """
        items: dict[tuple[Path, str], YoloItem] = {}
        for split, entries in self._settings.splits.items():
            for entry in entries:
                place = self._find(entry)
                if place is None:
                    self.notes.append(f"{split}: {entry} does not exist below {self._root}")
                    continue
                found = self._in_list(place) if place.is_file() else self._in_folder(place)
                for image, stated, label in found:
                    items.setdefault((label, split), YoloItem(image, stated, label, split))
        if not items:
            named = [entry for entries in self._settings.splits.values() for entry in entries]
            what = f"none of {', '.join(named)} has an image" if named else "it names none"
            raise MissingFileError(
                f"{self._settings.path}: expected folders or lists of images under train, val or "
                f"test; {what} below {self._root}. Give the dataset's folder with --image-folder."
            )
        return list(items.values())

    def _find(self, entry: str) -> Path | None:
        """Finds a folder or list in the dataset's folder, by its path or by its last parts."""
        text = entry.replace("\\", "/")
        whole = f"{self._base}/{text}" if self._base else text
        # Roboflow writes ../train/images for the folder train/ beside data.yaml.
        for candidate in (whole, text, text.removeprefix("../")):
            if path := self._existing(candidate):
                return path
        parts = [part for part in PurePosixPath(whole).parts if part not in ("/", "..")]
        for start in range(1, len(parts)):
            if path := self._existing("/".join(parts[start:])):
                other = self._shortened.setdefault(path, entry)
                if other != entry:
                    raise DataError(
                        f"{self._settings.path}: {other} and {entry} do not exist, and {path} "
                        "could be either. Correct the paths to be relative to data.yaml."
                    )
                return path
        return None

    def _existing(self, text: str) -> Path | None:
        # `.` is the dataset's folder itself, with images and labels side by side.
        path = "." if text and posixpath.normpath(text) == "." else inside("", text)
        return self._root / path if path and os.path.exists(self._root / path) else None

    def _in_folder(self, folder: Path) -> Iterator[tuple[Path | None, StatedImage, Path]]:
        """Yields the images below a folder, and label files without an image."""
        labels = set()
        for image in _files(folder):
            if image.suffix.lower() in IMAGE_SUFFIXES:
                label = self._label_of(image)
                labels.add(label)
                yield image, self._stated(image), label
        label_folder = self._label_of(folder / "any").parent
        if label_folder != folder:
            for label in _files(label_folder):
                if label.suffix == ".txt" and label not in labels:
                    name = folder / label.relative_to(label_folder).with_suffix("")
                    yield None, self._stated(name), label

    def _in_list(self, file: Path) -> Iterator[tuple[Path | None, StatedImage, Path]]:
        """Yields the images that a text file names, one per line."""
        self.lists.append(file)
        folder = file.parent.relative_to(self._root).as_posix()
        base = inside("", self._base) or ""
        lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
        stated = [StatedImage(line) for line in dict.fromkeys(lines)]
        search = ImageSearch(self._root, stated)
        for each in stated:
            places = (StatedImage(each.name, folder), StatedImage(each.name, base), each)
            image = next((path for place in places if (path := search.at_path(place))), None)
            image = image or search.find_by_name(each)
            if image is not None:
                yield image, self._stated(image), self._label_of(image)
            elif each.path is not None:
                yield None, each, self._label_of(self._root / each.path)
            else:
                self.left_out[REFUSED_PATH] = self.left_out.get(REFUSED_PATH, 0) + 1
        self.notes += search.notes()

    def _stated(self, image: Path) -> StatedImage:
        return StatedImage(image.relative_to(self._root).as_posix())

    def _label_of(self, image: Path) -> Path:
        return self._root / label_of(image.relative_to(self._root))


def label_of(image: PurePath) -> PurePath:
    """Returns the label file of an image; both are relative to the dataset's folder."""
    parts = list(image.parts)
    for index in reversed(range(len(parts) - 1)):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return type(image)(*parts).with_suffix(".txt")


def _files(folder: Path) -> list[Path]:
    return sorted(Path(where, name) for where, _, names in os.walk(folder) for name in names)
