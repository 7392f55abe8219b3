"""What an output is, by its name."""

import os
from pathlib import Path
from typing import Literal, get_args

from simplebase.errors import ArgumentError
from simplebase.images import WRITTEN_SUFFIXES

OutputFormat = Literal["image", "folder", "video", "json", "csv", "labelme", "coco"]
FORMATS: tuple[str, ...] = get_args(OutputFormat)
PICTURES: tuple[str, ...] = ("image", "folder", "video")
"""Formats for which frames are drawn on."""
VIDEOS = (".mp4", ".m4v", ".avi", ".mkv", ".webm")


def output_format(path: str | os.PathLike[str]) -> OutputFormat:
    """What is written to `path`, by its suffix; of a folder by its name.

    Raises:
        ArgumentError: no format has this suffix.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in WRITTEN_SUFFIXES:
        return "image"
    if suffix in VIDEOS:
        return "video"
    if suffix == ".json":
        return "json"
    if suffix == ".csv":
        return "csv"
    if suffix and not path.is_dir():
        raise ArgumentError(
            f"{path}: an image ends in {', '.join(WRITTEN_SUFFIXES)}, a video in "
            f"{', '.join(VIDEOS)}, figures in .json or .csv; a name without any of these is "
            "a folder."
        )
    if path.name in ("labelme", "coco"):
        return path.name  # type: ignore[return-value]
    return "folder"
