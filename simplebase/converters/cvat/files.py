"""Reads CVAT's XML files, for images and for videos, and the shapes in their images."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from simplebase.converters.cvat.labels import CvatLabels
from simplebase.converters.cvat.shapes import CvatShape, parse_shape
from simplebase.converters.cvat.tracks import track_shapes
from simplebase.converters.cvat.videos import CvatVideo, videos_of
from simplebase.converters.image_files import find_image, inside
from simplebase.converters.image_search import StatedImage
from simplebase.converters.label_files import refuse_archive, report_unreadable
from simplebase.data import expect
from simplebase.data.fields import stated_size
from simplebase.errors import DataError, MissingFileError, shown
from simplebase.files import read_text
from simplebase.files.xml import parse_xml
from simplebase.geometry import Size
from simplebase.progress import Progress

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
        videos: the videos, for messages, by the folder of their frames.
    """

    root: Path
    paths: list[Path] = field(default_factory=list)
    images: list[CvatImage] = field(default_factory=list)
    labels: CvatLabels = field(default_factory=CvatLabels)
    left_out: Counter[str] = field(default_factory=Counter)
    videos: dict[Path, str] = field(default_factory=dict)


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
        for video in videos_of(self._root, self._path):
            self._files.images += self._frames(video)

    def _image(self, element: Element) -> CvatImage:
        name = expect.text(element.get("name"), f"{self._path}, image, name")
        subset = (element.get("subset") or "").strip()
        return CvatImage(
            image=StatedImage(self._place(name, subset), self._folder),
            size=stated_size(element.get("width"), element.get("height")),
            split=_split(subset),
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

    def _frames(self, video: CvatVideo) -> Iterator[CvatImage]:
        """Yields the frames of a video that have shapes."""
        folder = video.folder(self._files.root / self._folder)
        other = self._files.videos.setdefault(folder, video.where)
        if other != video.where:
            raise DataError(
                f"{other} and {video.where} are of two videos whose frames are looked for in one "
                "folder. Give each video a folder of its own, with its file and its frames."
            )
        found = video.images(folder)
        numbers = sorted(found)
        frames: dict[int, list[CvatShape]] = defaultdict(list)
        for track in video.tracks:
            where = f"{video.where}, track {shown(track.get('id'))}"
            shapes = track_shapes(
                track, where, numbers, video.last, video.step, self._files.left_out
            )
            for number, shape in shapes:
                frames[number].append(shape)
        for number, shapes_of_frame in sorted(frames.items()):
            name = f"frame_{number:06d}"
            image = StatedImage(name, self._folder)
            if number in found:
                image = StatedImage(found[number].relative_to(self._files.root).as_posix())
            where = f"{video.where}, frame {number}"
            yield CvatImage(image, video.size, _split(video.subset), where, shapes_of_frame)


def _split(subset: str) -> str:
    """Returns the split of a subset: `train`, `val`, `test` or empty."""
    name = subset.casefold()
    return _SPLITS.get(name, name if name == "test" else "")
