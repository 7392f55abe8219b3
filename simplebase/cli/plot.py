"""`simplebase plot`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import app, console, say
from simplebase.cli.commands import TRAIN
from simplebase.errors import counted

if TYPE_CHECKING:
    from simplebase.training.runs.metrics import EpochMetrics


@app.command(rich_help_panel=TRAIN)
def plot(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of runs.")],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Image file to write. [default: RUN/curves.png, or ./curves.png for several runs]"
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw the curves of training runs: loss, learning rate and PCK.

    A run can be drawn while it is training. RUN/curves.png is always replaced; any other file only
    with --overwrite.

    Examples:

        simplebase plot runs/cows

        simplebase plot runs/cows runs/horses --output compared.png

        simplebase plot runs/* --output compared.png --overwrite
    """
    from simplebase.training.runs.curves import plot_curves

    if output is None and len(runs) == 1:
        output, overwrite = runs[0] / "curves.png", True
    output = output or Path("curves.png")
    curves = plot_curves(runs, output, overwrite=overwrite)
    _print_curves(curves)
    say(f"{output}: the curves of {counted(len(curves), 'run')}")


def _print_curves(curves: "Mapping[str, Sequence[EpochMetrics]]") -> None:
    from simplebase.training.runs.metrics import best_epoch

    table = Table("run", "epochs", "best epoch", "best val PCK", "last loss")
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, metrics in curves.items():
        best = best_epoch(metrics)
        table.add_row(
            escape(name),
            str(len(metrics)),
            str(best.epoch) if best else "n/a",
            options.score_text(best.val_pck if best else None),
            f"{metrics[-1].loss:.4f}",
        )
    console.print(table)
