"""Opens the source of `--input`: a file, a folder, a pattern, a camera or a stream."""

import glob
import os
import re
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from simplebase.demo.frames import Source
from simplebase.demo.sources.camera import LiveSource, open_camera, open_capture
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning, counted
from simplebase.files import require_file
from simplebase.images import (
    DEPTH_ADVICE,
    IMAGE_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    DepthRange,
    decode_image,
    deep_range,
    depth_note,
    kind_of,
    read_bytes,
    require_read,
)
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import VideoFile, plausible_fps

_STREAM = re.compile(r"(rtsps?|rtmps?|https?|udp|tcp|rtp|srt)://", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_LOGIN = re.compile(r"^(\w+://)[^/?#]*@")
_CAMERA = re.compile(r"\d+|/dev/video\d+")
_START = 64  # bytes that identify the kind of a file
_PATTERN = re.compile(r"[*?\[]")


class ImageFiles:
    """A list of unrelated images.

    Args:
        paths: absolute paths of the files.
        name: name of the list.

    `depth_range` says which values of images of more than 8 bits become black and white. Set it
    before the first image is read.
    """

    is_sequence = False
    is_live = False
    fps = None
    dropped = 0

    def __init__(self, paths: list[Path], name: str) -> None:
        self.name = name
        self.count = len(paths)
        self.paths = paths
        self.depth_range: DepthRange | None = None
        self._has_warned_of_depth = False
        root = os.path.commonpath([str(path.parent) for path in paths])
        self.names = [Path(os.path.relpath(path, root)).as_posix() for path in paths]
        self._next = 0

    def read(self) -> Frame | None:
        """Returns the next image, upright. Unreadable images are left out, with a warning.

        Raises:
            DataError, MissingFileError: the only image cannot be read.
        """
        while self._next < self.count:
            index, self._next = self._next, self._next + 1
            path = self.paths[index]
            try:
                image = self._decoded(path)
            except (DataError, MissingFileError) as error:
                if self.count == 1:
                    raise
                warnings.warn(f"left out: {error}", SimplebaseWarning, stacklevel=2)
                continue
            return Frame(image, index, float(index), self.names[index], path)
        return None

    def _decoded(self, path: Path) -> np.ndarray:
        data, name = read_bytes(path), str(path)
        image = decode_image(data, name, depth_range=self.depth_range)
        if not self._has_warned_of_depth and (found := deep_range(data, name)):
            note = depth_note(*found, self.depth_range)
            if note:  # for one image only, because all images of a camera are alike
                self._has_warned_of_depth = True
                warnings.warn(f"{name}: {note}. {DEPTH_ADVICE}", SimplebaseWarning, stacklevel=3)
        return image

    def close(self) -> None:
        """Skips the remaining images."""
        self._next = self.count


def open_source(given: str | os.PathLike[str]) -> Source:
    """Opens the source that a user named.

    Args:
        given: an image, a video, a folder of images, a pattern such as `photos/*.jpg`, the number
            of a camera, or the address of a stream.

    Raises:
        MissingFileError: the file or camera does not exist.
        DataError: it cannot be read, or is neither image nor video.
    """
    text = os.fspath(given)
    path = Path(text)
    if _CAMERA.fullmatch(text) and not path.is_file():
        return open_camera(int(text) if text.isdecimal() else text)
    if _STREAM.match(text):
        return _open_address(text)
    if path.is_dir():
        return ImageFiles(_images_in(path), text)
    if not path.exists() and _PATTERN.search(text):
        return ImageFiles(_matching(text), text)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile.open(path)
    if path.suffix.lower() in IMAGE_SUFFIXES or not path.exists() or _is_image(path):
        return ImageFiles([require_file(path, "the image").absolute()], text)
    raise DataError(
        f"{path} is neither an image ({', '.join(IMAGE_SUFFIXES)}) nor a video "
        f"({', '.join(VIDEO_SUFFIXES)})."
    )


def _open_address(address: str) -> Source:
    """Opens a stream, or a video file on a server, which must not lose frames."""
    # Outputs are passed on to others, so the name must not contain the password.
    name = _LOGIN.sub(r"\1", address)
    capture = open_capture(address, name)
    if _WEB.match(address) and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return VideoFile(capture, name, Path(urlsplit(address).path).stem or "video")
    return LiveSource(capture, name, plausible_fps(capture))


def _is_image(path: Path) -> bool:
    """Returns whether the content is that of an image, whatever the name.

    Raises:
        DataError: it is an image of an unsupported kind.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    if kind_of(start) is None and path.suffix.lower() not in UNREAD_SUFFIXES:
        return False
    return bool(require_read(start, str(path)))


def _images_in(folder: Path) -> list[Path]:
    files = sorted(path.absolute() for path in folder.iterdir())
    found = _only_read(files, str(folder))
    if not found:
        raise DataError(
            f"{folder}: there is no image ({', '.join(IMAGE_SUFFIXES)}) in this folder. For images "
            f"in its subfolders give a pattern: '{folder}/*/*.jpg'."
        )
    return found


def _matching(pattern: str) -> list[Path]:
    files = sorted(Path(name).absolute() for name in glob.glob(pattern, recursive=True))
    found = _only_read(files, pattern)
    if not found:
        raise MissingFileError(f"{pattern}: no image file matches this pattern.")
    return found


def _only_read(files: list[Path], name: str) -> list[Path]:
    """Returns the files with suffixes of supported images; warns of other images."""
    unread = [path.name for path in files if path.suffix.lower() in UNREAD_SUFFIXES]
    if unread:
        warnings.warn(
            f"{name}: {counted(len(unread), 'image')} left out, such as {unread[0]}. Only "
            f"{', '.join(IMAGE_SUFFIXES)} are supported. Convert the others first.",
            SimplebaseWarning,
            stacklevel=3,
        )
    return [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
