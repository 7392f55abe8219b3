"""Chooses the format and the sink of an output path."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from simplebase.demo.frames import Source
from simplebase.demo.sinks.labels import (
    coco_folder,
    cvat_folder,
    labelme_folder,
    require_stems,
)
from simplebase.demo.sinks.pictures import picture_file, picture_folder
from simplebase.demo.sinks.sink import MARKER, Sink, SourceInfo
from simplebase.demo.sinks.tables import csv_file, json_file
from simplebase.demo.sinks.video import video_file
from simplebase.demo.sources import ImageFiles
from simplebase.errors import ArgumentError
from simplebase.files import require_output
from simplebase.images import WRITTEN_SUFFIXES
from simplebase.videos.video_file import VideoFile

OutputFormat = Literal["image", "folder", "video", "json", "csv", "labelme", "coco", "cvat"]
FORMATS: tuple[str, ...] = get_args(OutputFormat)
PICTURES: tuple[str, ...] = ("image", "folder", "video")
"""Formats that need drawn frames."""
VIDEOS = (".mp4", ".m4v", ".avi", ".mkv", ".webm")


def output_format(path: str | os.PathLike[str]) -> OutputFormat:
    """Returns the format of `path` by its suffix, or by its name for a folder.

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
            f"{', '.join(VIDEOS)}, keypoints in .json or .csv. A name without a suffix is a "
            "folder."
        )
    if path.name in ("labelme", "coco", "cvat"):
        return path.name  # type: ignore[return-value]
    return "folder"


def check_output(
    path: str | os.PathLike[str], kind: OutputFormat, source: Source, *, overwrite: bool
) -> None:
    """Raises errors that would occur later: ArgumentError, DataError, OutputExistsError."""
    suffixes = {"image": WRITTEN_SUFFIXES, "video": VIDEOS}.get(kind)
    if suffixes and Path(path).suffix.lower() not in suffixes:
        article = "an" if kind == "image" else "a"
        raise ArgumentError(f"{path}: the name of {article} {kind} ends in {', '.join(suffixes)}.")
    if kind == "image" and source.count != 1:
        several = "has no end" if source.is_live else f"has {source.count or 'many'} frames"
        raise ArgumentError(
            f"{path} is one image, but {source.name} {several}. Give a folder or an .mp4 file."
        )
    if kind in ("image", "video", "json", "csv"):
        require_output(path, overwrite=overwrite)
    else:
        require_output(path, overwrite=overwrite, folder_markers=(MARKER,))
    if kind == "labelme" and isinstance(source, ImageFiles):
        require_stems(source.names)


def require_distinct(outputs: Sequence[str | os.PathLike[str]], source: Source) -> None:
    """Raises ArgumentError if an output is given twice, or would replace the input."""
    inputs = source.paths if isinstance(source, ImageFiles | VideoFile) else []
    read = {path.resolve() for path in inputs}
    folders = {parent for path in read for parent in path.parents}
    seen: set[Path] = set()
    for given in outputs:
        path = Path(given).resolve()
        if path in seen:
            raise ArgumentError(f"--output {given} is given twice.")
        if path in read or path in folders:
            raise ArgumentError(f"--output {given} would replace the input. Choose another path.")
        seen.add(path)


def open_sink(
    path: str | os.PathLike[str], kind: OutputFormat, info: SourceInfo, *, overwrite: bool
) -> Sink:
    """Returns the sink of a format.

    Raises, when the context is entered:
        OutputExistsError: `path` exists and may not be replaced.
    """
    if kind == "image":
        return picture_file(path, overwrite=overwrite)
    if kind == "folder":
        return picture_folder(path, overwrite=overwrite)
    if kind == "video":
        return video_file(path, info, overwrite=overwrite)
    if kind == "json":
        return json_file(path, info, overwrite=overwrite)
    if kind == "csv":
        return csv_file(path, info, overwrite=overwrite)
    if kind == "labelme":
        return labelme_folder(path, info, overwrite=overwrite)
    if kind == "cvat":
        return cvat_folder(path, info, overwrite=overwrite)
    return coco_folder(path, info, overwrite=overwrite)
