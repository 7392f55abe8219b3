"""`simplebase convert lightning-pose`."""

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
def lightning_pose(
    source: Annotated[
        Path, typer.Argument(help="The data folder with CollectedData.csv, or that file.")
    ],
    output: Output,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert Lightning Pose data.

    The labels are in CollectedData.csv and the images in labeled-data/.

    Example:

        simplebase convert lightning-pose mirror-mouse-example data/mouse --images link
    """
    from simplebase.converters import read_lightning_pose

    def read(progress: Progress) -> "Conversion":
        return read_lightning_pose(source, val_split=val_split, seed=seed, progress=progress)

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))
