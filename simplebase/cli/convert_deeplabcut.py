"""`simplebase convert deeplabcut`."""

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
def deeplabcut(
    source: Annotated[
        Path, typer.Argument(help="The project folder, with config.yaml and labeled-data/.")
    ],
    output: Output,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert a DeepLabCut project of one animal or several.

    The labels of all videos are read. Keypoints and lines come from config.yaml. In each folder of
    labeled-data, CollectedData_SCORER.csv is read, or the .h5 file if there is no .csv. Each
    individual is an object; unique body parts form a separate object.

    Examples:

        simplebase convert deeplabcut Reaching-Mackenzie-2018-08-30 data/reaching

        simplebase convert deeplabcut mice-Ann-2026-01-01 data/mice --images link --val-split 0.2
    """
    from simplebase.converters import read_deeplabcut

    def read(progress: Progress) -> "Conversion":
        return read_deeplabcut(source, val_split=val_split, seed=seed, progress=progress)

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))
