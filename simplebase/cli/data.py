"""`simplebase data ...`."""

from pathlib import Path
from typing import Annotated

import typer

from simplebase.cli.app import app, say
from simplebase.cli.options import Overwrite, progress_bar

data_app = typer.Typer(no_args_is_help=True, help="Make datasets.")
app.add_typer(data_app, name="data")


@data_app.command()
def synthesize(
    folder: Annotated[Path, typer.Argument(help="The dataset folder to write.")],
    count: Annotated[int, typer.Option(help="How many figures; every fifth is for validation.")] = (
        1500
    ),
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Draw a dataset of articulated figures with exact keypoints (skeleton mpii).

    Example:

        simplebase data synthesize data/figures --count 3000 --seed 1
    """
    from simplebase.data.synthetic import synthesize as draw_dataset

    with progress_bar("drawing") as progress:
        draw_dataset(folder, count=count, seed=seed, overwrite=overwrite, progress=progress)
    say(f"{folder}: {count} figures")
