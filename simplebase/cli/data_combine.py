"""`simplebase data merge`: dataset folders from dataset folders."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.data import data_app

Output = Annotated[Path, typer.Argument(help="The dataset folder to write.")]


@data_app.command()
def merge(
    datasets: Annotated[list[Path], typer.Argument(help="Two dataset folders or more.")],
    output: Output,
    union: Annotated[
        bool,
        typer.Option(
            "--union", help="Keep keypoints that only some have; they are not labelled in others."
        ),
    ] = False,
    images: Annotated[
        Literal["copy", "link"], typer.Option(help="Copy the images, or link to each.")
    ] = "copy",
    skeleton: options.SkeletonName = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Join datasets of the same keypoints, in whatever order each has them.

    Keypoints are matched by name and take the first dataset's order. Images are in a folder named
    after their dataset. Train and validation records stay what they are.

    Examples:

        simplebase data merge data/cows data/more_cows data/all_cows

        simplebase data merge data/coco data/mpii data/people --union --images link
    """
    from simplebase.cli.converting import run_conversion
    from simplebase.converters.combining import merge_folders

    chosen = options.chosen_skeleton(skeleton, None, None, None)
    run_conversion(
        lambda progress: merge_folders(datasets, union=union, skeleton=chosen),
        output,
        images,
        overwrite,
        json,
    )
