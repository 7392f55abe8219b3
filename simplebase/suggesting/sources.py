"""What `data suggest` looks at: videos, image folders and patterns, dataset folders."""

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


@dataclass(frozen=True)
class Material:
    """A video, or images that belong together.

    Args:
        name: as it was given, for people and the table.
        folder: where its frames are written, below the output.
        video: the file; None: it is images.
        images: the files, if it is images.
    """

    name: str
    folder: str
    video: Path | None = None
    images: tuple[Path, ...] = ()

    @property
    def image_names(self) -> list[str]:
        """Names of the images as they are written, below `folder`."""
        return ImageFiles(list(self.images), self.name).names if self.images else []

    def frames(
        self,
        label: str,
        progress: ProgressBar,
        depth_range: DepthRange | None,
        only: Container[int] | None = None,
    ) -> Generator[Frame, None, None]:
        """All of them, called as in a file of boxes.

        Args:
            label: of the bar, before the name.
            progress: opens the bar.
            depth_range: which values of images of more than 8 bits become black and white.
            only: numbers of those that are wanted.
        """
        with progress(f"{label} {self.name}") as tell, closing(self._opened()) as source:
            if isinstance(source, ImageFiles):
                source.depth_range = depth_range
            while (frame := source.read()) is not None:
                if only is None or frame.index in only:
                    yield frame
                # A video's count is an estimate.
                tell(frame.index + 1, max(source.count or 0, frame.index + 1))

    def placed(self, name: str) -> str:
        """Where a frame of that name is written, below the output."""
        return f"{self.folder}/{name}"

    def _opened(self) -> Source:
        return VideoFile.open(self.video) if self.video else ImageFiles([*self.images], self.name)


def find_material(sources: Sequence[str | os.PathLike[str]]) -> list[Material]:
    """What the sources are; images given one by one or by a pattern are one material together.

    Args:
        sources: videos, images, folders of images, patterns, dataset folders.

    Raises:
        ArgumentError: one is given twice, or is a stream.
        MissingFileError: there is nothing of that name.
        DataError: it is neither images nor a video.
    """
    found: list[tuple[str, str, Path | None, tuple[Path, ...]]] = []
    single: dict[Path, None] = {}
    seen: set[Path] = set()
    for given in sources:
        text = os.fspath(given)
        path = Path(text)
        if "://" in text or (text.isdecimal() and not path.exists()):
            raise ArgumentError(f"frames are suggested of files. Received: {text!r}.")
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
                    raise ArgumentError(f"frames are suggested of files. Received: {text!r}.")
                images = source.paths
            if path.is_dir():
                found.append((text, path.resolve().name, None, tuple(images)))
            else:
                single.update(dict.fromkeys(images))
    if single:
        found.append((_SINGLE, _SINGLE, None, tuple(single)))
    folders = _distinct([folder for _, folder, _, _ in found])
    return [
        Material(name, folder, video, images)
        for folder, (name, _, video, images) in zip(folders, found, strict=True)
    ]


def _images_below(folder: Path) -> tuple[Path, ...]:
    files = sorted(path.absolute() for path in (folder / IMAGES).rglob("*"))
    images = tuple(path for path in files if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise DataError(f"{folder} is a dataset folder without an image in {IMAGES}/.")
    return images


def _distinct(names: Sequence[str]) -> list[str]:
    """`clip`, `clip_2`, ...: names that differ in more than capitals."""
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
