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
        Path | None, typer.Option(help="The images. [default: the folder of the file]")
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
    """Label Studio's exports, with or without rectangles.

    A keypoint belongs to the rectangle that is its parent, that a relation links to, or that
    contains it. If a task has several annotations, the last one that was not cancelled counts.
    Images are searched at the stated path and by their names below --image-folder.

    Keypoints are the labels in order of appearance, and left and right in their names swap in
    flips, unless --classes-path and --matchpoint-path say otherwise.

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
    run_conversion(read, output, images, overwrite, json, keypoint_files)
