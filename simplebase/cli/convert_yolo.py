"""`simplebase convert yolo`."""

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
def yolo(
    source: Annotated[Path, typer.Argument(help="The folder with data.yaml, or that file.")],
    output: Output,
    image_folder: Annotated[
        Path | None,
        typer.Option(help="Folder of the dataset. [default: that of data.yaml]"),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="Use only this class, by name or number; repeatable.", show_default="all classes"
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
    """Convert YOLO pose datasets of Ultralytics.

    Keypoints have two or three values.

    train, val and test in data.yaml are folders or lists of images. If a path leads out of the
    dataset's folder, as those of another computer do, the image is looked for in the folder by the
    last parts of the path. Without val, test becomes the val split; with val, test is left out. If
    there is only one split, the val split is drawn at random.

    Keypoints without kpt_names are called 1, 2, 3 and so on, unless --skeleton, or --classes-path
    and --matchpoint-path, name them. flip_idx says which of them swap.

    Examples:

        simplebase convert yolo downloads/sitting data/sitting

        simplebase convert yolo coco8-pose/data.yaml data/people --category person --skeleton coco
    """
    from simplebase.converters import read_yolo

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_yolo(
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
