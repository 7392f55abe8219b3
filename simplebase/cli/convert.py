"""`simplebase convert ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.converting import (
    DATASETS,
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

TrainAnnotations = Annotated[Path | None, typer.Option(help="Annotation file of the train split.")]
ValAnnotations = Annotated[
    Path | None,
    typer.Option(
        help="Annotation file of the val split. With only one file, the split is drawn at random."
    ),
]


@convert_app.command(rich_help_panel=DATASETS)
def mpii(
    source: Annotated[Path, typer.Argument(help="MPII's .mat file, or a folder that holds it.")],
    output: Output,
    image_folder: Annotated[
        Path | None, typer.Option(help="Folder of the images. [default: images/ beside the file]")
    ] = None,
    single_only: Annotated[
        bool,
        typer.Option("--single-only", help="Use only people whom MPII marks as well separated."),
    ] = False,
    split_file: Annotated[
        Path | None,
        typer.Option(
            help="Use this split instead of --val-split: a .json or .json.gz list of records with "
            "img_paths and isValidation, or with image, all of which are held out."
        ),
    ] = None,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert MPII Human Pose, with head boxes for PCKh.

    Examples:

        simplebase convert mpii mpii_human_pose_v1_u12_1.mat data/mpii --image-folder mpii/images

        simplebase convert mpii downloads/mpii data/mpii --split-file valid.json --images link
    """
    from simplebase.converters import read_mpii

    def read(progress: Progress) -> "Conversion":
        return read_mpii(
            source,
            image_folder=image_folder,
            single_only=single_only,
            split_file=split_file,
            val_split=val_split,
            seed=seed,
            progress=progress,
        )

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))


@convert_app.command(rich_help_panel=DATASETS)
def coco(
    source: Annotated[
        Path, typer.Argument(help="The image folder, or the folder of train2017/ and val2017/.")
    ],
    output: Output,
    train_annotations: TrainAnnotations = None,
    val_annotations: ValAnnotations = None,
    category: options.Category = None,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    scale_from: Annotated[
        Literal["box", "limbs"],
        typer.Option(
            help="Take an object's size from its box or, for people, from the length of a limb."
        ),
    ] = "box",
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert COCO files of people or any other object.

    The image is the file at file_name, or else the file of that name anywhere below the image
    folder. An object without a usable box gets the box around its keypoints.

    If a file does not name its keypoints, they are called 1, 2, 3 and so on, unless --skeleton, or
    --classes-path and --matchpoint-path, name them.

    Examples:

        simplebase convert coco coco data/coco --train-annotations person_keypoints_train2017.json
        --val-annotations person_keypoints_val2017.json --images link

        simplebase convert coco cows/images data/cows --train-annotations cows.json --val-split 0.2

        simplebase convert coco hands/images data/hands --train-annotations hands.json
        --classes-path hand.txt
    """
    from simplebase.converters import read_coco

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_coco(
            source,
            train_annotations=train_annotations,
            val_annotations=val_annotations,
            category=category or (),
            skeleton=chosen,
            scale_from=scale_from,
            val_split=val_split,
            seed=seed,
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    only_val = val_annotations is not None and train_annotations is None
    splits = "val" if only_val else wanted_splits(val_split)
    run_conversion(read, output, images, overwrite, json, keypoint_files, splits=splits)


@convert_app.command(rich_help_panel=DATASETS)
def lsp(
    source: Annotated[
        Path,
        typer.Argument(help="A folder with joints.mat and images/, or a folder of such folders."),
    ],
    output: Output,
    variant: Annotated[
        Literal["auto", "lsp", "lsp-extended"],
        typer.Option(
            help="Which dataset joints.mat belongs to; auto decides by its flags and image names."
        ),
    ] = "auto",
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert Leeds Sports Pose and its extension.

    Both can be merged into one dataset. LSP's official test half becomes the val split. If it is
    missing, a part of LSP is held out.

    Examples:

        simplebase convert lsp downloads/lsp data/lsp

        simplebase convert lsp downloads data/people --images link
    """
    from simplebase.converters import read_lsp

    def read(progress: Progress) -> "Conversion":
        return read_lsp(source, variant=variant, val_split=val_split, seed=seed)

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))


@convert_app.command(rich_help_panel=DATASETS)
def animal_pose(
    source: Annotated[Path, typer.Argument(help="The folder with keypoints.json and images/.")],
    output: Output,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert Animal-Pose: dogs, cats, sheep, horses and cows.

    Example:

        simplebase convert animal-pose downloads/animalpose data/animals --val-split 0.1
    """
    from simplebase.converters import read_animal_pose

    def read(progress: Progress) -> "Conversion":
        return read_animal_pose(source, val_split=val_split, seed=seed)

    run_conversion(read, output, images, overwrite, json, splits=wanted_splits(val_split))


@convert_app.command(rich_help_panel=LABELLING_TOOLS)
def labelme(
    source: Annotated[Path, typer.Argument(help="The folder with labelme's .json files.")],
    output: Output,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    val_split: ValSplit = 0.1,
    seed: Seed = 0,
    images: Images = "copy",
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert labelme files.

    The labels of points are the names of the keypoints. All points of an object have the same
    group_id. A rectangle with the same group_id is the object's box; without one, the box around
    its points is used. A point with the flag `hidden`, `occluded` or (X-AnyLabeling) `difficult` is
    a hidden keypoint. Other shapes are counted and skipped. All .json files in the folder and below
    it are read. The image is the file at imagePath, else the one in imageData, else the file of
    that name anywhere in the folder.

    If SOURCE has classes.txt, as after `data suggest`, it names the keypoints and their order;
    match_point.txt names the flip pairs, and skeleton.txt the lines. Without classes.txt, the
    keypoints are the labels in order of appearance. Without classes.txt or match_point.txt, names
    that differ only in left and right swap in flips. --classes-path and --matchpoint-path replace
    these files; with --classes-path alone, nothing swaps.

    Examples:

        simplebase convert labelme labels data/cows

        simplebase convert labelme labels data/cows --classes-path classes.txt
        --matchpoint-path match_point.txt
    """
    from simplebase.converters import read_labelme

    skeleton = options.chosen_skeleton(None, classes_path, matchpoint_path, skeleton_path)

    def read(progress: Progress) -> "Conversion":
        return read_labelme(
            source, skeleton=skeleton, val_split=val_split, seed=seed, progress=progress
        )

    keypoint_files = (classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        read, output, images, overwrite, json, keypoint_files, splits=wanted_splits(val_split)
    )
