"""`simplebase convert auto`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simplebase.cli import options
from simplebase.cli.app import say
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
def auto(
    source: Annotated[Path, typer.Argument(help="The folder or file with the labels of any tool.")],
    output: Output,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Recognise the format of labels and convert them.

    The first line of the output names the format and the reason. Options such as the image folder
    or the category belong to the command of that format.

    Example:

        simplebase convert auto downloads/labels data/cows
    """
    from simplebase.converters.recognition.recognising import recognise

    recognised = recognise(source)
    say(
        f"format: {recognised.format}, because {recognised.evidence.reason}. Its options: "
        f"simplebase convert {recognised.format} --help"
    )

    def read(progress: Progress) -> "Conversion":
        return recognised.read(val_split=val_split, seed=seed, progress=progress)

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))
