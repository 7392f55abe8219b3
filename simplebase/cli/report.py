"""`simplebase report`."""

from pathlib import Path
from typing import Annotated

import typer

from simplebase.cli import options
from simplebase.cli.app import app, import_tensorflow, say
from simplebase.cli.commands import TRAIN


@app.command(rich_help_panel=TRAIN)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training run.")],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="HTML file to write.", show_default="RUN/report.html"),
    ] = None,
    dataset: options.Dataset = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write an HTML page about a training run: curves, scores, samples.

    The best checkpoint is evaluated on the val split. The page shows the curves, PCK by keypoint,
    confused sides, kinds of error, the worst samples, the settings and what to do next. It is one
    file that loads nothing else. If the dataset was moved, give its new folder with --dataset.

    Example:

        simplebase report runs/cows
    """
    import_tensorflow()
    from simplebase.report import write_report

    with options.progress_bar("evaluating") as progress:
        written = write_report(run, output, dataset=dataset, overwrite=overwrite, progress=progress)
    say(f"{written}: open it in a browser")
