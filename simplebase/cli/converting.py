"""The group `simplebase convert`, and the arguments that its commands share."""

from pathlib import Path
from typing import Annotated

import typer

from simplebase.cli.app import app, say
from simplebase.cli.commands import DATA
from simplebase.cli.dataset_writing import Images as Images
from simplebase.cli.dataset_writing import Output as Output
from simplebase.cli.dataset_writing import print_report as print_report
from simplebase.cli.dataset_writing import run_conversion as run_conversion
from simplebase.cli.dataset_writing import wanted_splits as wanted_splits
from simplebase.shell import command_line

convert_app = typer.Typer(
    no_args_is_help=True,
    help="Convert labels, datasets and weights from and to other tools.",
)
app.add_typer(convert_app, name="convert", rich_help_panel=DATA)

# The groups of commands in `simplebase convert --help`, in its order.
LABELLING_TOOLS = "From labelling tools"
DATASETS = "From datasets"
OTHER_TOOLS = "To other tools"
WEIGHTS = "Weights"

ValSplit = Annotated[float, typer.Option(help="Fraction of the images to hold out for validation.")]
Seed = Annotated[int, typer.Option(help="Random seed: the same seed gives the same split.")]


def say_way_back(output: Path, source: Path, form: str = "auto", *words: str | Path) -> None:
    """Prints the command that converts the labels of another tool back to a dataset folder.

    Args:
        output: the folder that was written for the other tool.
        source: the file or folder in it that the command reads.
        form: the command of `simplebase convert`.
        words: options of the command.
    """
    back = output.with_name(f"{output.name}_back")
    line = command_line(["simplebase", "convert", form, source, back, *words])
    say(f"To convert it back: {line}")
