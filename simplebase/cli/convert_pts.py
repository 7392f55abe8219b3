"""`simplebase convert pts`."""

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
def pts(
    source: Annotated[Path, typer.Argument(help="The folder with .pts files beside the images.")],
    output: Output,
    points: Annotated[
        int | None, typer.Option(min=1, help="Use only files with this number of points.")
    ] = None,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert faces of 300-W and iBUG.

    The labels are .pts files or menpo's .ljson files. They lie beside the images. Files with 68
    points use the skeleton face68. Other points are called 1, 2 and so on, without flip pairs,
    unless --skeleton, or --classes-path and --matchpoint-path, name them.

    Examples:

        simplebase convert pts 300w data/faces --images link

        simplebase convert pts faces data/faces --points 68
    """
    from simplebase.converters.pts import read_pts

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_pts(
            source,
            num_points=points,
            skeleton=chosen,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
