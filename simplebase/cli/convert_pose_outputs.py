"""`simplebase convert pose-outputs`."""

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


@convert_app.command("pose-outputs", rich_help_panel=LABELLING_TOOLS)
def pose_outputs(
    source: Annotated[Path, typer.Argument(help="The folder with the results, or one file.")],
    output: Output,
    image_folder: Annotated[
        Path | None, typer.Option(help="Folder of the images. [default: beside the results]")
    ] = None,
    min_score: Annotated[
        float, typer.Option(help="Leave points with a lower score unlabelled.")
    ] = 0.3,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert results of OpenPose, AlphaPose or MediaPipe.

    These labels are predictions: look at them with `data view`, and correct them before you
    evaluate a model on them. The file for the image NAME.jpg is NAME_keypoints.json for OpenPose,
    and NAME.json or NAME.pbtxt for MediaPipe. The number of points decides which built-in skeleton
    is used.

    Examples:

        simplebase convert pose-outputs openpose_json data/people --image-folder frames

        simplebase convert pose-outputs alphapose-results.json data/people --min-score 0.5
    """
    from simplebase.converters.pose_outputs.reader import read_pose_outputs

    def read(progress: Progress) -> "Conversion":
        return read_pose_outputs(
            source,
            image_folder=image_folder,
            min_score=min_score,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))
