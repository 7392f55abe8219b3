"""Finds the tracks of each video in CVAT's XML, and the images of its frames.

Frames of a video are images called `frame_000000` and so on. The export of a project has the tracks
of several tasks, each with its own frames in `images/SUBSET/`. The images of a task of images keep
their names; CVAT numbers them in the order of their names.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from simplebase.converters.cvat.tracks import frame_number
from simplebase.converters.image_search import several_images
from simplebase.data.fields import stated_size
from simplebase.geometry import Size
from simplebase.images import IMAGE_SUFFIXES

_FRAME = re.compile(r"frame_(\d{1,9})", re.IGNORECASE)
"""CVAT's names for the images of a video."""
_STEP = re.compile(r"step\s*=\s*(\d{1,9})")


@dataclass(frozen=True)
class CvatVideo:
    """The tracks of one task.

    Args:
        where: the file and the task, for messages.
        subset: the subset of a project; empty if there is none.
        task: the element that describes the task.
        tracks: the elements of its tracks.
    """

    where: str
    subset: str
    task: Element
    tracks: list[Element]

    @property
    def last(self) -> int | None:
        """The last frame, if the file states it."""
        text = self.task.findtext(".//stop_frame")
        return None if text is None else frame_number(text, f"{self.where}, stop_frame")

    @property
    def step(self) -> int:
        """The distance of two frames of the task in frames of the video."""
        step = _STEP.search(self.task.findtext(".//frame_filter") or "")
        return max(1, int(step[1])) if step else 1

    @property
    def size(self) -> Size | None:
        """The stated `(height, width)`."""
        size = self.task.find(".//original_size")
        if size is None:
            return None
        return stated_size(size.findtext("width"), size.findtext("height"))

    def folder(self, root: Path) -> Path:
        """Returns the folder with its frames, which is `root` or a folder for its subset."""
        folders = [root / "images" / self.subset, root / self.subset] if self.subset else []
        return next((each for each in folders if each.is_dir()), root)

    def images(self, folder: Path) -> dict[int, Path]:
        """Returns the images in a folder and below it by their frames; empty if there are none.

        Raises:
            DataError: a frame has two images.
        """
        found: dict[int, Path] = {}
        paths = sorted(_images_below(folder), key=lambda path: path.as_posix())
        if in_order := self._in_order(paths):
            return in_order
        for path in paths:
            if match := _FRAME.fullmatch(path.stem):
                other = found.setdefault(int(match[1]), path)
                if other != path:
                    raise several_images(path.stem, other, path)
        return found

    def _in_order(self, paths: list[Path]) -> dict[int, Path]:
        """Returns the images of a task of images by frame, if all of them are there."""
        if self.task.findtext(".//mode") != "annotation" or self.last is None:
            return {}
        first = frame_number(self.task.findtext(".//start_frame", "0"), f"{self.where}, start")
        numbers = range(first, self.last + 1, self.step)
        return dict(zip(numbers, paths, strict=True)) if len(numbers) == len(paths) else {}


def videos_of(root: Element, path: Path) -> list[CvatVideo]:
    """Returns the videos of a file; their tracks are in the order of the file.

    Args:
        root: the file's element `annotations`.
        path: the file, for messages.
    """
    tasks = {task.findtext("id"): task for task in root.iterfind("meta/project/tasks/task")}
    meta = root.find("meta")
    videos: dict[tuple[str | None, str], CvatVideo] = {}
    for track in root.iterfind("track"):
        number, subset = track.get("task_id"), (track.get("subset") or "").strip()
        if (number, subset) not in videos:
            task = tasks.get(number, root if meta is None else meta)
            where = f"{path}, task {number}" if number else str(path)
            videos[number, subset] = CvatVideo(where, subset, task, [])
        videos[number, subset].tracks.append(track)
    return list(videos.values())


def _images_below(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if path.suffix.lower() in IMAGE_SUFFIXES:
                yield path
