"""`simplebase convert cvat`."""

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
def cvat(
    source: Annotated[Path, typer.Argument(help="CVAT's XML file, or a folder of such files.")],
    output: Output,
    image_folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the images. [default: the folder of the file and those below it]"
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="Use only objects with this label; repeatable.",
            show_default="all, which must have the same keypoints",
        ),
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
    """Convert "CVAT for images 1.1" and "CVAT for video 1.1".

    An object is a skeleton, a shape with several points, or the single points of one group or image
    whose labels are keypoint names. Occluded points are hidden keypoints; points marked as outside
    are not labelled. A box belongs to the object with the same group or the same attributes.

    The frames of a video are images named frame_000000 and so on, as CVAT exports them. Between
    keyframes, points move in straight lines.

    Examples:

        simplebase convert cvat cows/annotations.xml data/cows

        simplebase convert cvat desk data/mice --category mouse_skeleton
    """
    from simplebase.converters import read_cvat

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_cvat(
            source,
            image_folder=image_folder,
            category=category or (),
            skeleton=chosen,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
