"""Sources of frames for `data suggest`: videos, folders and patterns of images, datasets."""

import os
from collections.abc import Container, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from simplebase.data.dataset import IMAGES, annotation_file
from simplebase.demo.frames import Source
from simplebase.demo.sources import ImageFiles, open_source
from simplebase.errors import ArgumentError, DataError
from simplebase.images import IMAGE_SUFFIXES, VIDEO_SUFFIXES, DepthRange
from simplebase.progress import ProgressBar
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import VideoFile

_SINGLE = "images"
"""The folder of images that were given one by one or by a pattern."""
_ONLY_FILES = "data suggest reads videos and images, not cameras or streams. Received: {!r}."


@dataclass(frozen=True)
class FrameSource:
    """A video, or images that belong together.

    Args:
        name: the source as the user named it; used in messages and in the table.
        folder: subfolder of the output for the frames of this source.
        video: the video file; None if the source consists of images.
        images: the image files; empty if the source is a video.
    """

    name: str
    folder: str
    video: Path | None = None
    images: tuple[Path, ...] = ()

    @property
    def image_names(self) -> list[str]:
        """Names of the images in `folder`."""
        return ImageFiles(list(self.images), self.name).names if self.images else []

    def frames(
        self,
        label: str,
        progress: ProgressBar,
        depth_range: DepthRange | None,
        only: Container[int] | None = None,
    ) -> Generator[Frame, None, None]:
        """Yields the frames. Their names are those that a file of boxes uses.

        Args:
            label: text of the progress bar, before the name of the source.
            progress: opens the bar.
            depth_range: which values of images of more than 8 bits become black and white.
            only: numbers of the frames to yield; all frames by default.
        """
        with progress(f"{label} {self.name}") as tell, closing(self._opened()) as source:
            if isinstance(source, ImageFiles):
                source.depth_range = depth_range
            while (frame := source.read()) is not None:
                if only is None or frame.index in only:
                    yield frame
                # A video's count is an estimate.
                tell(frame.index + 1, max(source.count or 0, frame.index + 1))

    def output_name(self, name: str) -> str:
        """Returns the path of the frame `name`, relative to the folder of images in the output."""
        return f"{self.folder}/{name}"

    def _opened(self) -> Source:
        return VideoFile.open(self.video) if self.video else ImageFiles([*self.images], self.name)


def find_sources(names: Sequence[str | os.PathLike[str]]) -> list[FrameSource]:
    """Finds the videos and images of the given names.

    Images that are given one by one or by a pattern form one source together.

    Args:
        names: videos, images, folders of images, patterns, dataset folders.

    Raises:
        ArgumentError: a name is given twice, or is that of a camera or stream.
        MissingFileError: there is no such file or folder.
        DataError: a file is neither an image nor a video.
    """
    found: list[tuple[str, str, Path | None, tuple[Path, ...]]] = []
    single: dict[Path, None] = {}
    seen: set[Path] = set()
    for given in names:
        text = os.fspath(given)
        path = Path(text)
        if "://" in text or (text.isdecimal() and not path.exists()):
            raise ArgumentError(_ONLY_FILES.format(text))
        if path.resolve() in seen:
            raise ArgumentError(f"{text} is given twice.")
        seen.add(path.resolve())
        if path.is_dir() and annotation_file(path).is_file():
            found.append((text, path.resolve().name, None, _images_below(path)))
        elif path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
            found.append((text, path.stem, path, ()))
        else:
            with closing(open_source(text)) as source:
                if not isinstance(source, ImageFiles):
                    raise ArgumentError(_ONLY_FILES.format(text))
                images = source.paths
            if path.is_dir():
                found.append((text, path.resolve().name, None, tuple(images)))
            else:
                single.update(dict.fromkeys(images))
    if single:
        found.append((_SINGLE, _SINGLE, None, tuple(single)))
    folders = _distinct([folder for _, folder, _, _ in found])
    return [
        FrameSource(name, folder, video, images)
        for folder, (name, _, video, images) in zip(folders, found, strict=True)
    ]


def _images_below(folder: Path) -> tuple[Path, ...]:
    files = sorted(path.absolute() for path in (folder / IMAGES).rglob("*"))
    images = tuple(path for path in files if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise DataError(f"{folder} is a dataset folder without an image in {IMAGES}/.")
    return images


def _distinct(names: Sequence[str]) -> list[str]:
    """Numbers repeated names: `clip`, `clip_2`, ... Case does not distinguish names."""
    result: list[str] = []
    taken: set[str] = set()
    for name in names:
        chosen, number = name, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{name}_{number}"
        taken.add(chosen.casefold())
        result.append(chosen)
    return result
