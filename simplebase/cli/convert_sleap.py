"""`simplebase convert sleap`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simplebase.cli import options
from simplebase.cli.converting import (
    LABELLING_TOOLS,
    Images,
    Output,
    Seed,
    ValSplit,
    convert_app,
    run_conversion,
    wanted_splits,
)
from simplebase.progress import Progress

if TYPE_CHECKING:
    from simplebase.converters import Conversion


@convert_app.command(rich_help_panel=LABELLING_TOOLS)
def sleap(
    source: Annotated[Path, typer.Argument(help="The .slp or .pkg.slp file.")],
    output: Output,
    video_folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the videos, if they are not in the file. [default: "
            "the folder of the file]"
        ),
    ] = None,
    predicted: Annotated[
        bool,
        typer.Option(
            "--predicted", help="Use the predicted instances in frames without user instances."
        ),
    ] = False,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert SLEAP's labels.

    The images are in the file or in videos beside it. Images in a .pkg.slp file are written
    unchanged. Frames of a video are written as PNG. The video is the file at the stated path, or
    else the file of that name below --video-folder. Frames of a missing video are left out and
    counted. Symmetric nodes swap in flips.

    Examples:

        simplebase convert sleap flies.v003.pkg.slp data/flies

        simplebase convert sleap labels.slp data/mice --video-folder recordings --predicted
    """
    from simplebase.converters import read_sleap

    def read(progress: Progress) -> "Conversion":
        return read_sleap(
            source,
            video_folder=video_folder,
            predicted=predicted,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))
