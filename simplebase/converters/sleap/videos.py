"""Finds the images of a SLEAP file: in the file itself, in videos, or in image files.

`videos_json` has for each video a `backend`:

```
{"filename": ".", "dataset": "video0/video"}      images in this file, see `SleapImage`
{"filename": "C:/data/clip.mp4"}                  a video
{"filename": "a.png", "filenames": ["a.png", ..]} images
```
"""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simplebase.converters.image_files import EmbeddedImage
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.converters.sleap.video_frames import read_frames
from simplebase.data import expect
from simplebase.errors import DataError
from simplebase.files import parse_json
from simplebase.images import VIDEO_SUFFIXES, decode_image, encode_image
from simplebase.progress import Progress

# Since this version, the file states the channel order of its images.
_STATES_ORDER = 1.4


@dataclass(frozen=True)
class SleapImage(EmbeddedImage):
    """An image inside a `.pkg.slp` file.

    `videoN/video` contains encoded images as bytes, each as a row padded with zeros or as a
    separate array, or else pixels. `videoN/frame_numbers` are the original frame numbers.

    Args:
        label_file: the file.
        dataset: dataset of the images.
        row: row of the image.
        swapped: whether red and blue are swapped, because OpenCV encoded RGB as if it were BGR.
    """

    dataset: str
    row: int
    swapped: bool

    def content(self) -> bytes:
        """Returns the image file's bytes; empty if it cannot be read."""
        try:
            with h5py.File(self.label_file, "r") as file:
                stored = np.asarray(file[self.dataset][self.row])
            if stored.ndim > 1:
                return encode_image(_rgb(stored), ".png")
            content = stored.astype(np.uint8).tobytes().rstrip(b"\0")
            return _exchanged(content, str(self.label_file)) if self.swapped else content
        except (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError):
            return b""


@dataclass
class SleapVideo:
    """A video.

    Args:
        name: name on which the names of its frames are based.
        filename: the stated file name.
        filenames: names of its images, if it is a list of images.
        embedded: its images in the label file, by frame.
    """

    name: str
    filename: str
    filenames: list[str] = field(default_factory=list)
    embedded: dict[int, EmbeddedImage] = field(default_factory=dict)

    def stated(self, frame: int) -> StatedImage:
        """Returns the stated image of a frame; for a frame of a video, a name that no file has."""
        if 0 <= frame < len(self.filenames):
            return StatedImage(self.filenames[frame])
        return StatedImage(f"{_base_name(self.filename)}, frame {frame}")

    def frame_name(self, frame: int) -> str:
        """Returns the path of a frame in the dataset, without its suffix."""
        return f"{self.name}/{frame:06d}"


def read_videos(file: h5py.File, path: Path, version: float) -> dict[int, SleapVideo]:
    """Returns the videos by the number that frames use for them.

    Args:
        file: the opened file.
        path: path of the file.
        version: its `format_id`.
    """
    texts = [_text(each) for each in file["videos_json"][()].tolist()]
    videos: dict[int, SleapVideo] = {}
    for index, text in enumerate(texts):
        where = f"{path}, videos_json[{index}]"
        content = expect.mapping(parse_json(text, where), where)
        backend = expect.mapping(content.get("backend"), f"{where}.backend")
        number, video = _video(file, path, version, backend, where)
        videos[index if number is None else number] = video
    names = [video.name for video in videos.values()]
    for number, video in videos.items():
        if names.count(video.name) > 1:
            video.name = f"{video.name}_{number}"
    return videos


def extract_frames(
    videos: Iterable[tuple[SleapVideo, set[int]]], root: Path, progress: Progress | None = None
) -> tuple[list[Path], list[str]]:
    """Decodes frames of the videos below `root`, found at the stated path or by their name.

    Args:
        videos: videos with the wanted frames. Decoded frames are added to `embedded`.
        root: the folder in which videos are searched.
        progress: is called with the number of finished frames of a video and the total.

    Returns:
        The videos that were read, and the names of missing videos.

    Raises:
        DataError: a video cannot be read, or several have the same name.
    """
    read, absent = [], []
    wanted = [
        (video, frames) for video, frames in videos if not video.embedded and not video.filenames
    ]
    search = ImageSearch(root, [StatedImage(video.filename) for video, _ in wanted])
    for video, frames in wanted:
        if posixpath.splitext(video.filename)[1].lower() not in VIDEO_SUFFIXES:
            absent.append(video.filename)
        elif found := search.find(StatedImage(video.filename)):
            video.embedded.update(read_frames(found, frames, progress))
            read.append(found)
        else:
            absent.append(video.filename)
    return read, absent


def _video(
    file: h5py.File, path: Path, version: float, backend: dict[str, Any], where: str
) -> tuple[int | None, SleapVideo]:
    """Returns a video and, if its images are in the file, the number in its dataset's name."""
    filename = expect.text(backend.get("filename"), f"{where}.backend.filename")
    filenames = backend.get("filenames")
    if filenames is not None:
        names = [
            expect.text(name, f"{where}.backend.filenames")
            for name in expect.items(filenames, f"{where}.backend.filenames")
        ]
        return None, SleapVideo(_stem(filename), filename, names)
    if filename != ".":
        return None, SleapVideo(_stem(filename), filename)
    dataset = expect.text(backend.get("dataset"), f"{where}.backend.dataset")
    group = dataset.partition("/")[0]
    number = group.removeprefix("video")
    video = SleapVideo(_source_stem(file[group]) or group, dataset)
    rows, numbers = file[dataset], file[group].get("frame_numbers")
    frames = range(len(rows)) if numbers is None else numbers[()].astype(int).tolist()
    swapped = _is_swapped(rows.attrs, version)
    for row, frame in enumerate(frames):
        video.embedded[frame] = SleapImage(path, dataset, row, swapped)
    return (int(number) if number.isdecimal() else None), video


def _is_swapped(attributes: Any, version: float) -> bool:
    """Returns whether images in the file have red and blue swapped."""
    if "channel_order" in attributes:
        return _text(attributes["channel_order"]) == "BGR"
    return version < _STATES_ORDER and attributes.get("channels", 3) != 1


def _exchanged(content: bytes, name: str) -> bytes:
    try:
        image = decode_image(content, name)
    except DataError:
        return content
    grey = (image == image[..., :1]).all()
    return content if grey else encode_image(np.ascontiguousarray(image[..., ::-1]), ".png")


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Converts pixels, which may be grey, to `(height, width, 3)` uint8."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"no image: {pixels.dtype} {pixels.shape}")
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _source_stem(group: h5py.Group) -> str:
    """Returns the name of the images' original video, if the file states it."""
    source = group.get("source_video")
    text = source.attrs.get("json") if source is not None else None
    try:
        backend = parse_json(_text(text), "")["backend"] if text is not None else {}
        return _stem(backend.get("filename", ""))
    except (DataError, KeyError, TypeError, AttributeError):
        return ""


def _stem(filename: str) -> str:
    """Returns the file name without folders and suffix, as a name for a folder."""
    name = posixpath.splitext(_base_name(filename))[0]
    return name.strip(". ") or ("video" if filename else "")


def _base_name(filename: str) -> str:
    return filename.replace("\\", "/").rpartition("/")[2]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
