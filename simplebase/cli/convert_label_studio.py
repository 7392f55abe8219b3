"""`simplebase convert label-studio`."""

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
def label_studio(
    source: Annotated[
        Path,
        typer.Argument(help="The file of a JSON or JSON-MIN export, or a target storage's folder."),
    ],
    output: Output,
    image_folder: Annotated[
        Path | None, typer.Option(help="Folder of the images. [default: the folder of the file]")
    ] = None,
    predictions: Annotated[
        bool,
        typer.Option("--predictions", help="Use the predictions of tasks without annotations."),
    ] = False,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert Label Studio's exports.

    A keypoint belongs to the rectangle that is its parent, that a relation links to, or that
    contains it. If a task has several annotations, the last one that was not cancelled counts.
    The image is the file at the stated path, or else the file of that name below --image-folder.

    The keypoints are the labels in order of appearance, and those that differ only in left and
    right swap in flips. --classes-path and --matchpoint-path override this.

    Examples:

        simplebase convert label-studio project-1.json data/cows --image-folder upload/1

        simplebase convert label-studio project-1.json data/cows --predictions --images link
    """
    from simplebase.converters import read_label_studio

    skeleton = options.chosen_skeleton(None, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_label_studio(
            source,
            image_folder=image_folder,
            skeleton=skeleton,
            predictions=predictions,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
