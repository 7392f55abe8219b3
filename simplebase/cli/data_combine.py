"""`simplebase data merge`, `split` and `select`: write new dataset folders from existing ones."""

from typing import Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.data import data_app
from simplebase.cli.dataset_writing import Images, Output, run_conversion, wanted_splits

Dataset = Annotated[str, typer.Argument(help="Dataset folder; it is not changed.")]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Instead of --by: keep images together if the groups of this regular expression "
        "match the same text in their paths.",
    ),
]


@data_app.command()
def merge(
    datasets: Annotated[list[str], typer.Argument(help="Two or more dataset folders.")],
    output: Output,
    union: Annotated[
        bool,
        typer.Option(
            "--union",
            help="Keep keypoints that only some datasets have; in the others they are unlabelled.",
        ),
    ] = False,
    images: Annotated[
        Literal["copy", "link"], typer.Option(help="Copy the images, or link to each.")
    ] = "copy",
    skeleton: options.SkeletonName = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Join datasets of the same keypoints.

    Keypoints are matched by name and take the order of the first dataset. The images of each
    dataset go to a folder with its name. Each record stays in its split.

    Examples:

        simplebase data merge data/cows data/more_cows data/all_cows

        simplebase data merge data/coco data/mpii data/people --union --images link
    """
    from simplebase.converters.combining import merge_folders

    chosen = options.chosen_skeleton(skeleton, None, None, None)
    run_conversion(
        lambda progress: merge_folders(datasets, union=union, skeleton=chosen),
        output,
        images,
        overwrite,
        json,
    )


@data_app.command()
def split(
    dataset: Dataset,
    output: Output,
    val_split: Annotated[
        float, typer.Option(help="Fraction of the images to hold out for validation.")
    ] = 0.1,
    by: Annotated[
        Literal["image", "video", "folder"],
        typer.Option(
            help="What stays in one split: each image (image), images whose names differ only in "
            "their last number (video), or the images of a folder (folder)."
        ),
    ] = "image",
    group: Group = None,
    seed: Annotated[int, typer.Option(help="Random seed: the same seed gives the same split.")] = 0,
    images: Images = "copy",
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a new validation split.

    Neighbouring frames look alike. If they are in both splits, the score says nothing about new
    videos. --by video, --by folder and --group keep them in one split.

    Examples:

        simplebase data split data/cows data/cows_split --by video --val-split 0.2

        simplebase data split data/mice data/mice_split --group "mouse([0-9]+)" --images link
    """
    from simplebase.converters.combining import split_folder

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        lambda progress: split_folder(
            dataset, val_split, by=by, pattern=group, seed=seed, skeleton=chosen
        ),
        output,
        images,
        overwrite,
        json,
        (classes_path, matchpoint_path, skeleton_path),
        splits=wanted_splits(val_split),
    )


@data_app.command()
def select(
    dataset: Dataset,
    output: Output,
    image_set: Annotated[
        Literal["train", "val", "all"], typer.Option(help="Keep only records of this split.")
    ] = "all",
    records: Annotated[
        str | None,
        typer.Option(
            metavar="0-99,250",
            help="Keep records by their index in annotations.json, as `data check` and `data view` "
            "print it.",
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Keep images whose path contains a match of this regular expression.",
        ),
    ] = None,
    first: Annotated[
        int | None,
        typer.Option(metavar="N", help="Keep the first N images of each video or folder."),
    ] = None,
    by: Annotated[
        Literal["video", "folder"],
        typer.Option(
            help="Groups for --first: images whose names differ only in their last number (video), "
            "or the images of a folder (folder)."
        ),
    ] = "video",
    group: Group = None,
    random: Annotated[
        int | None, typer.Option(metavar="N", help="Keep N random images of the remaining ones.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Random seed: the same seed keeps the same images.")
    ] = 0,
    images: Images = "copy",
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Keep a part of a dataset. Each record stays in its split.

    If you give several options, they are applied in the order of the list below.

    Examples:

        simplebase data select data/cows data/cows_small --random 300 --seed 1

        simplebase data select data/mice data/mice_first --first 20 --by folder --images link

        simplebase data select data/cows data/cows_odd --records 3,17,40-59
    """
    from simplebase.converters.combining import select_folder

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    run_conversion(
        lambda progress: select_folder(
            dataset,
            image_set=image_set,
            records=records,
            pattern=pattern,
            first=first,
            by=by,
            group=group,
            random=random,
            seed=seed,
            skeleton=chosen,
        ),
        output,
        images,
        overwrite,
        json,
        (classes_path, matchpoint_path, skeleton_path),
        splits=image_set,
    )
