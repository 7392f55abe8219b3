"""`simplebase convert datumaro`."""

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
def datumaro(
    source: Annotated[
        Path, typer.Argument(help="The folder with annotations/ and images/, or a .json file.")
    ],
    output: Output,
    image_folder: Annotated[
        Path | None, typer.Option(help="Folder of the images. [default: the project's folder]")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Use only this label, by name; repeatable.")
    ] = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert Datumaro's JSON, as CVAT exports it.

    An object is a skeleton or a shape with several points. Single points are keypoints named by
    their labels, and those of one group form one object. A box of the same group is the object's
    box. Subsets called train and val are the splits.

    Examples:

        simplebase convert datumaro export data/pens

        simplebase convert datumaro export/annotations/default.json data/pens --image-folder frames
    """
    from simplebase.converters.datumaro.reader import read_datumaro

    skeleton = options.chosen_skeleton(None, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_datumaro(
            source,
            image_folder=image_folder,
            category=category or (),
            skeleton=skeleton,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
