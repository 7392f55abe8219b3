"""`simplebase convert to-...`: writes datasets in the formats of other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from simplebase.cli import options
from simplebase.cli.converting import (
    OTHER_TOOLS,
    Images,
    convert_app,
    print_report,
    say_way_back,
)

if TYPE_CHECKING:
    from simplebase.converters import ConversionReport

Dataset = Annotated[Path, typer.Argument(help="A dataset folder.")]
PlacedImages = Annotated[
    Literal["copy", "link"], typer.Option(help="Copy the images, or link to each.")
]


def _run(
    write: Callable[..., "ConversionReport"],
    dataset: Path,
    output: Path,
    *,
    overwrite: bool,
    json: Path | None,
    **settings: Any,
) -> None:
    """Writes a dataset and prints the report. It first checks that the report can be written.

    Args:
        write: the function that writes the dataset.
        dataset: the folder to read.
        output: the folder to write.
        overwrite: replace the outputs if they exist.
        json: a file for the report.
        settings: other arguments of `write`.
    """
    from simplebase.data.dataset import IMAGES
    from simplebase.files import require_output, write_json
    from simplebase.skeletons.textfiles import CLASSES, MATCH_POINT, SKELETON

    if json is not None:
        require_output(json, overwrite=overwrite)
    with options.progress_bar("converting") as progress:
        report = write(dataset, output, overwrite=overwrite, progress=progress, **settings)
    print_report(report, output)
    # labelme's files do not store the order of the keypoints, so it is read from these files.
    own = {"--classes-path": CLASSES, "--matchpoint-path": MATCH_POINT, "--skeleton-path": SKELETON}
    kept: list[str | Path] = []
    for option, name in own.items():
        if (output / name).exists():
            kept += [option, output / name]
    if kept:
        say_way_back(output, output / IMAGES, "labelme", *kept)
    else:
        say_way_back(output, output)
    if json is not None:
        write_json(json, report.to_config(), overwrite=overwrite)


@convert_app.command("to-coco", rich_help_panel=OTHER_TOOLS)
def to_coco(
    dataset: Dataset,
    output: Annotated[Path, typer.Argument(help="The folder to write: annotations/, images/.")],
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Write a dataset as COCO files.

    `convert coco` converts them back to the same dataset.

    Examples:

        simplebase convert to-coco data/cows cows_coco --images link

        simplebase convert coco cows_coco/images data/cows_again --images link
        --train-annotations cows_coco/annotations/train.json
        --val-annotations cows_coco/annotations/val.json
    """
    from simplebase.converters import to_coco as write_coco

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    _run(
        write_coco, dataset, output, skeleton=chosen, images=images, overwrite=overwrite, json=json
    )


@convert_app.command("to-yolo", rich_help_panel=OTHER_TOOLS)
def to_yolo(
    dataset: Dataset,
    output: Annotated[Path, typer.Argument(help="The folder to write, with data.yaml in it.")],
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    images: PlacedImages = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Write a dataset as a YOLO pose dataset of Ultralytics.

    All objects have the same class. Keypoints outside of their image are written as unlabelled,
    because Ultralytics refuses them. Objects without a box get the box around their keypoints,
    enlarged by a tenth.

    Example:

        simplebase convert to-yolo data/cows cows_yolo --images link
    """
    from simplebase.converters import to_yolo as write_yolo

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    _run(
        write_yolo, dataset, output, skeleton=chosen, images=images, overwrite=overwrite, json=json
    )


@convert_app.command("to-labelme", rich_help_panel=OTHER_TOOLS)
def to_labelme(
    dataset: Dataset,
    output: Annotated[
        Path, typer.Argument(help="The folder to write: images/ with a .json beside each image.")
    ],
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    images: PlacedImages = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Write a dataset as labelme files, to correct by hand.

    Each object has its own group_id. It has a point for each keypoint, with the flag `hidden` for
    hidden keypoints, and a rectangle for its box. The files have no splits.

    Examples:

        simplebase convert to-labelme data/cows cows_labelme

        simplebase convert labelme cows_labelme/images data/corrected
        --classes-path cows_labelme/classes.txt --matchpoint-path cows_labelme/match_point.txt
    """
    from simplebase.converters import to_labelme as write_labelme

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    _run(
        write_labelme,
        dataset,
        output,
        skeleton=chosen,
        images=images,
        overwrite=overwrite,
        json=json,
    )


@convert_app.command("to-cvat", rich_help_panel=OTHER_TOOLS)
def to_cvat(
    dataset: Dataset,
    output: Annotated[
        Path, typer.Argument(help="The folder to write: annotations.xml and images/.")
    ],
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Write a dataset as "CVAT for images 1.1".

    Each object is a skeleton and a box with the same group_id. The splits are the subsets Train and
    Validation.

    Examples:

        simplebase convert to-cvat data/cows cows_cvat

        simplebase convert cvat cows_cvat/annotations.xml data/corrected
        --image-folder cows_cvat/images
    """
    from simplebase.converters import to_cvat as write_cvat

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    _run(
        write_cvat, dataset, output, skeleton=chosen, images=images, overwrite=overwrite, json=json
    )


@convert_app.command("to-deeplabcut", rich_help_panel=OTHER_TOOLS)
def to_deeplabcut(
    dataset: Dataset,
    output: Annotated[
        Path, typer.Argument(help="The project to write: config.yaml and labeled-data/.")
    ],
    scorer: Annotated[
        str, typer.Option(help="Name of the person who labelled, used in file names.")
    ] = "simplebase",
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    images: PlacedImages = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Write a dataset as a DeepLabCut project.

    The format has no visibility, boxes or splits. DeepLabCut reads HDF5, which it makes from the
    CSV files: deeplabcut.convertcsv2h5("cows_dlc/config.yaml", userfeedback=False).

    Example:

        simplebase convert to-deeplabcut data/cows cows_dlc --scorer Ann
    """
    from simplebase.converters import to_deeplabcut as write_deeplabcut

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    _run(
        write_deeplabcut,
        dataset,
        output,
        scorer=scorer,
        skeleton=chosen,
        images=images,
        overwrite=overwrite,
        json=json,
    )
