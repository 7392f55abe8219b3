"""`simplebase data frames`."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.app import say, warn
from simplebase.cli.data import data_app
from simplebase.errors import counted


@data_app.command()
def frames(
    videos: Annotated[list[Path], typer.Argument(help="The videos.", metavar="VIDEO...")],
    output: Annotated[Path, typer.Argument(help="The folder to write.", metavar="OUT")],
    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", min=1, help="Total number of frames; each video has an equal share."
        ),
    ] = 20,
    by: Annotated[
        Literal["kmeans", "uniform"],
        typer.Option(
            help="Choose one frame of each cluster of similar frames (kmeans), or frames evenly "
            "over time (uniform)."
        ),
    ] = "kmeans",
    start: Annotated[
        float, typer.Option(min=0, help="Start each video at this time, in seconds.")
    ] = 0.0,
    end: Annotated[
        float | None, typer.Option(min=0, help="End each video before this time, in seconds.")
    ] = None,
    alike: options.Alike = 20.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed chooses the same frames.")] = 0,
    file_format: Annotated[
        Literal["png", "jpg"], typer.Option("--format", help="Image format.")
    ] = "png",
    overwrite: options.Overwrite = False,
) -> None:
    """Choose frames of videos that are worth labelling.

    Writes OUT/VIDEO/frame_000123.png, with the number of the frame in its video, and
    OUT/frames.csv: file, video, frame and time in seconds. Near duplicates are left out.

    Examples:

        simplebase data frames squat.mp4 frames -n 50

        simplebase data frames day1.mp4 day2.mp4 frames --by uniform --end 600
    """
    from simplebase.data.frames import extract_frames

    extraction = extract_frames(
        videos,
        output,
        count,
        progress=options.progress_bar,
        method=by,
        seed=seed,
        alike=alike,
        start=start,
        end=math.inf if end is None else end,
        file_format=file_format,
        overwrite=overwrite,
    )
    for name, written in extraction.folders.items():
        say(f"{output / name}: {counted(written, 'frame')}")
    say(
        f"{output}: {extraction.count} of {counted(extraction.compared, 'frame')} chosen; "
        f"{extraction.alike} left out as near duplicates"
    )
    if extraction.count < count:
        reason = "the others are near duplicates. A smaller --alike keeps more"
        if not extraction.alike:
            reason = "the videos have no more frames"
        warn(f"{counted(extraction.count, 'frame')} written instead of {count}: {reason}.")
