"""What `--input` means: a file, a folder, a pattern, a camera or a stream."""

import glob
import os
import re
from pathlib import Path

from simplebase.demo.camera import LiveSource, open_camera
from simplebase.demo.frames import Frame, Source
from simplebase.demo.video import VideoFile
from simplebase.errors import DataError, MissingFileError
from simplebase.files import require_file
from simplebase.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, read_image

_STREAM = re.compile(r"(rtsps?|rtmps?|https?|udp|tcp|rtp|srt)://", re.IGNORECASE)
_CAMERA = re.compile(r"\d+|/dev/video\d+")
_PATTERN = re.compile(r"[*?\[]")


class ImageFiles:
    """Images, one after another, that have nothing to do with each other.

    Args:
        paths: of the files.
        name: of them together.
    """

    is_sequence = False
    is_live = False
    fps = None
    dropped = 0

    def __init__(self, paths: list[Path], name: str) -> None:
        self.name = name
        self.count = len(paths)
        self._paths = paths
        folders = [str(path.parent) for path in paths]
        self._root = os.path.commonpath(folders)
        self._next = 0

    def read(self) -> Frame | None:
        """The next image, upright.

        Raises:
            DataError: it cannot be read.
        """
        if self._next == len(self._paths):
            return None
        index, path = self._next, self._paths[self._next]
        self._next += 1
        name = Path(os.path.relpath(path, self._root)).as_posix()
        return Frame(read_image(path), index, float(index), name, path)

    def close(self) -> None:
        """Leaves the rest unread."""
        self._next = len(self._paths)


def open_source(given: str | os.PathLike[str]) -> Source:
    """Opens what a user named.

    Args:
        given: an image, a video, a folder of images, a pattern such as `photos/*.jpg`, the number
            of a camera, or the address of a stream.

    Raises:
        MissingFileError: there is nothing of that name, or no such camera.
        DataError: it cannot be read, or holds neither image nor video.
    """
    text = os.fspath(given)
    path = Path(text)
    if _CAMERA.fullmatch(text) and not path.is_file():
        return open_camera(int(text) if text.isdecimal() else text)
    if _STREAM.match(text):
        return LiveSource.open(text, text)
    if path.is_dir():
        return ImageFiles(_images_in(path), text)
    if not path.exists() and _PATTERN.search(text):
        return ImageFiles(_matching(text), text)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(require_file(path, "the video"))
    if path.suffix.lower() in IMAGE_SUFFIXES or not path.exists():
        return ImageFiles([require_file(path, "the image").absolute()], text)
    raise DataError(
        f"{path} is neither an image ({', '.join(IMAGE_SUFFIXES)}) nor a video "
        f"({', '.join(VIDEO_SUFFIXES)})."
    )


def _images_in(folder: Path) -> list[Path]:
    found = sorted(
        path.absolute() for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not found:
        raise DataError(
            f"{folder}: there is no image ({', '.join(IMAGE_SUFFIXES)}) in this folder. For images "
            f"in its subfolders give a pattern: '{folder}/*/*.jpg'."
        )
    return found


def _matching(pattern: str) -> list[Path]:
    found = sorted(
        Path(name).absolute()
        for name in glob.glob(pattern, recursive=True)
        if Path(name).suffix.lower() in IMAGE_SUFFIXES
    )
    if not found:
        raise MissingFileError(f"{pattern}: no image file matches this pattern.")
    return found
