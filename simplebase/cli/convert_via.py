"""`simplebase convert via`."""

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
def via(
    source: Annotated[
        Path, typer.Argument(help="The project, or the annotations exported as JSON or CSV.")
    ],
    output: Output,
    image_folder: Annotated[
        Path | None, typer.Option(help="Folder of the images. [default: the folder of the file]")
    ] = None,
    keypoint_attribute: Annotated[
        str | None, typer.Option(help="The region attribute that names keypoints.")
    ] = None,
    object_attribute: Annotated[
        str | None, typer.Option(help="The region attribute that identifies the object.")
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
    """Convert projects and exports of VGG Image Annotator.

    Point regions are keypoints, and rectangles are boxes.

    One region attribute names the keypoint. Another one (`object`, `instance`, `id`) identifies the
    object. Without attributes, the points of an image are called 1, 2 and so on, unless --skeleton
    or --classes-path names them. A point with the attribute `hidden` or `occluded` is a hidden
    keypoint.

    Examples:

        simplebase convert via via_project.json data/dogs --image-folder photos

        simplebase convert via via_region_data.csv data/dogs --classes-path classes.txt
    """
    from simplebase.converters.via.reader import read_via

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_via(
            source,
            image_folder=image_folder,
            keypoint_attribute=keypoint_attribute,
            object_attribute=object_attribute,
            skeleton=chosen,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
