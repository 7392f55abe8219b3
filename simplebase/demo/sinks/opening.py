"""Which sink an output path means."""

import os

from simplebase.demo.formats import OutputFormat
from simplebase.demo.frames import Source
from simplebase.demo.sinks.facts import Sink, SourceFacts
from simplebase.demo.sinks.labels import coco_folder, labelme_folder
from simplebase.demo.sinks.pictures import picture_file, picture_folder
from simplebase.demo.sinks.tables import csv_file, json_file
from simplebase.demo.sinks.video import video_file
from simplebase.errors import ArgumentError
from simplebase.files import require_output


def check_output(
    path: str | os.PathLike[str], kind: OutputFormat, source: Source, *, overwrite: bool
) -> None:
    """Raises what would go wrong later: ArgumentError, OutputExistsError."""
    if kind == "image" and source.count != 1:
        several = "has no end" if source.is_live else f"has {source.count or 'many'} frames"
        raise ArgumentError(
            f"{path} is one image, but {source.name} {several}. Give a folder or an .mp4 file."
        )
    if kind in ("image", "video", "json", "csv"):
        require_output(path, overwrite=overwrite)


def open_sink(
    path: str | os.PathLike[str], kind: OutputFormat, facts: SourceFacts, *, overwrite: bool
) -> Sink:
    """The sink of that format.

    Raises, when it is entered:
        OutputExistsError: `path` exists and may not be replaced.
    """
    if kind == "image":
        return picture_file(path, overwrite=overwrite)
    if kind == "folder":
        return picture_folder(path, overwrite=overwrite)
    if kind == "video":
        return video_file(path, facts.fps, overwrite=overwrite)
    if kind == "json":
        return json_file(path, facts, overwrite=overwrite)
    if kind == "csv":
        return csv_file(path, facts, overwrite=overwrite)
    if kind == "labelme":
        return labelme_folder(path, facts, overwrite=overwrite)
    return coco_folder(path, facts, overwrite=overwrite)
