"""Reads CVAT's XML files, for images and for videos, and the shapes in their images."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from simplebase.converters.cvat.labels import CvatLabels
from simplebase.converters.cvat.shapes import CvatShape, parse_shape
from simplebase.converters.cvat.tracks import frame_number, track_shapes
from simplebase.converters.image_files import find_image, inside
from simplebase.converters.image_search import StatedImage, several_images
from simplebase.converters.label_files import refuse_archive, report_unreadable
from simplebase.data import expect
from simplebase.data.fields import stated_size
from simplebase.errors import DataError, MissingFileError, shown
from simplebase.files import read_text
from simplebase.files.xml import parse_xml
from simplebase.geometry import Size
from simplebase.images import IMAGE_SUFFIXES
from simplebase.progress import Progress

_FRAME = re.compile(r"frame_(\d{1,9})", re.IGNORECASE)
"""CVAT's names for the images of a video."""

_SPLITS = {"train": "train", "training": "train"} | dict.fromkeys(
    ("val", "valid", "validation"), "val"
)


@dataclass
class CvatImage:
    """The shapes of one image.

    Args:
        image: its stated path.
        size: the stated `(height, width)`.
        split: `train`, `val`, `test` or empty.
        where: the file and the image, for messages.
        shapes: the shapes in the image.
    """

    image: StatedImage
    size: Size | None
    split: str
    where: str
    shapes: list[CvatShape] = field(default_factory=list)


@dataclass
class CvatFiles:
    """The content of all files of a source.

    Args:
        root: the folder below which images are.
        paths: paths of the files.
        images: images with at least one shape.
        labels: the labels of the files.
        left_out: counts by reason.
        videos: the files of videos by the folder of their frames.
    """

    root: Path
    paths: list[Path] = field(default_factory=list)
    images: list[CvatImage] = field(default_factory=list)
    labels: CvatLabels = field(default_factory=CvatLabels)
    left_out: Counter[str] = field(default_factory=Counter)
    videos: dict[str, Path] = field(default_factory=dict)


def read_cvat_files(
    source: Path, image_folder: Path | None = None, progress: Progress | None = None
) -> CvatFiles:
    """Reads one file, or all files in a folder and below it.

    Args:
        source: the file or the folder.
        image_folder: the images' folder. By default the folder of their file and below it.
        progress: is called with the number of finished files and the total.

    Raises:
        MissingFileError: the file or folder does not exist, or contains no XML.
        DataError: no file can be read, or one contradicts itself.
    """
    refuse_archive(source)
    if image_folder is not None and not image_folder.is_dir():
        raise MissingFileError(f"{image_folder}: the image folder does not exist.")
    if source.is_file():
        paths, folder = [source], source.parent
    elif source.is_dir():
        paths, folder = sorted(source.rglob("*.xml")), source
    else:
        raise MissingFileError(f"{source}: CVAT's XML file does not exist.")
    if not paths:
        raise MissingFileError(f"{source}: there is no .xml file in it. Give CVAT's XML file.")
    files = CvatFiles(image_folder or folder)
    problems = []
    for done, path in enumerate(paths, start=1):
        try:
            root = _parse(path)
        except DataError as error:
            problems.append(str(error))
        else:
            files.paths.append(path)
            _Reader(files, path, root, image_folder).read()
        if progress:
            progress(done, len(paths))
    what = f".xml files in {source}"
    report_unreadable(problems, len(files.paths), len(paths), what, files.left_out)
    return files


def _parse(path: Path) -> Element:
    root = parse_xml(read_text(path), str(path))
    if root.tag != "annotations":
        raise DataError(
            f"{path} is not CVAT's XML: expected the element annotations. Received: "
            f"{shown(root.tag)}. Export as CVAT for images 1.1 or CVAT for video 1.1."
        )
    return root


class _Reader:
    """Adds the images of one file."""

    def __init__(
        self, files: CvatFiles, path: Path, root: Element, image_folder: Path | None
    ) -> None:
        self._files = files
        self._path = path
        self._root = root
        # Where paths in the file start, below the root.
        self._folder = "" if image_folder else path.parent.relative_to(files.root).as_posix()

    def read(self) -> None:
        """Adds labels, images and the frames of tracks."""
        self._files.labels.add(self._root, str(self._path))
        for element in self._root.iterfind("image"):
            image = self._image(element)
            shapes = [parse_shape(each, image.where) for each in element if each.tag != "tag"]
            image.shapes = [each for each in shapes if each is not None and not each.outside]
            self._files.left_out["shape: no point, skeleton or box"] += shapes.count(None)
            if image.shapes:
                self._files.images.append(image)
        if tracks := self._root.findall("track"):
            self._files.images += self._frames(tracks)

    def _image(self, element: Element) -> CvatImage:
        name = expect.text(element.get("name"), f"{self._path}, image, name")
        subset = (element.get("subset") or "").strip()
        split = subset.casefold()
        return CvatImage(
            image=StatedImage(self._place(name, subset), self._folder),
            size=stated_size(element.get("width"), element.get("height")),
            split=_SPLITS.get(split, split if split == "test" else ""),
            where=f"{self._path}, image {shown(name)}",
        )

    def _place(self, name: str, subset: str) -> str:
        """Returns where the image is: exports have `images/`, and projects a folder per subset.

        For frames of a video, CVAT for images writes names without a suffix.
        """
        suffixes = ("", ".PNG", ".png", ".jpg", ".jpeg") if not Path(name).suffix else ("",)
        for folder in ("", "images/", f"{subset}/", f"images/{subset}/"):
            for suffix in suffixes:
                path = inside(self._folder, folder + name + suffix)
                if path and find_image(self._files.root, path):
                    return folder + name + suffix
        return name

    def _frames(self, tracks: list[Element]) -> Iterator[CvatImage]:
        """Yields the frames of a video that have shapes."""
        other = self._files.videos.setdefault(self._folder, self._path)
        if other != self._path:
            raise DataError(
                f"{other} and {self._path} are of two videos whose frames are looked for in one "
                "folder. Give each video a folder of its own, with its file and its frames."
            )
        found = self._frame_images()
        numbers = sorted(found)
        stop = self._root.findtext("meta//stop_frame")
        last = frame_number(stop, f"{self._path}, stop_frame") if stop is not None else None
        size = self._root.find("meta//original_size")
        stated = None if size is None else (size.findtext("width"), size.findtext("height"))
        frames: dict[int, list[CvatShape]] = defaultdict(list)
        for track in tracks:
            where = f"{self._path}, track {shown(track.get('id'))}"
            for number, shape in track_shapes(track, where, numbers, last, self._files.left_out):
                frames[number].append(shape)
        for number, shapes in sorted(frames.items()):
            name = f"frame_{number:06d}"
            image = StatedImage(name, self._folder)
            if number in found:
                image = StatedImage(found[number].relative_to(self._files.root).as_posix())
            where = f"{self._path}, frame {number}"
            yield CvatImage(image, stated_size(*stated) if stated else None, "", where, shapes)

    def _frame_images(self) -> dict[int, Path]:
        """Returns the images of the video by their frame.

        Raises:
            DataError: a frame has two images.
        """
        found: dict[int, Path] = {}
        for where, _, names in os.walk(self._files.root / self._folder):
            for name in sorted(names):
                path = Path(where, name)
                match = _FRAME.fullmatch(path.stem)
                if match and path.suffix.lower() in IMAGE_SUFFIXES:
                    other = found.setdefault(int(match[1]), path)
                    if other != path:
                        raise several_images(path.stem, other, path)
        return found
