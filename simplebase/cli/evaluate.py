"""`simplebase eval`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from simplebase.cli import model_options, options
from simplebase.cli.app import app, say
from simplebase.cli.commands import TRAIN
from simplebase.cli.evaluation_display import print_evaluations
from simplebase.errors import ArgumentError

if TYPE_CHECKING:
    from simplebase.data.dataset import KeypointDataset
    from simplebase.evaluation import Target


_RESULT = Path("result")
_ASKING, _FILES = "How the model is run", "Files"


@app.command("eval", rich_help_panel=TRAIN)
def evaluate(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            callback=model_options.open_runnable,
            help="Model files of any format, or names of pretrained models. Several are compared.",
        ),
    ] = None,
    dataset: options.Dataset = None,
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="COCO annotation file to evaluate coco-ap on."),
    ] = None,
    category: options.Category = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Results in COCO's format to evaluate instead of a model; repeatable.",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="pck, pckh, coco-ap, epe, auc, nme or error-kinds; repeatable.",
            metavar="NAME",
            show_default="pck; coco-ap for a COCO file alone",
        ),
    ] = None,
    score_threshold: Annotated[
        list[float] | None,
        typer.Option(
            metavar="X",
            help="Threshold of pck, as a fraction of the normaliser; repeatable.",
            show_default="0.5",
        ),
    ] = None,
    normaliser: Annotated[
        Literal["upstream", "box", "torso", "head"],
        typer.Option(
            metavar="NAME",
            help="Distance by which pck, auc and nme divide. upstream: 6.4 heatmap pixels at "
            "256x256; box: its longer side; torso: left hip to right shoulder; head: 0.6 x the "
            "diagonal of the head box.",
        ),
    ] = "upstream",
    conf_threshold: Annotated[
        float,
        typer.Option(metavar="X", help="Keypoints with a lower score count as not found."),
    ] = 1e-6,
    image_set: Annotated[
        Literal["val", "train", "all"],
        typer.Option(metavar="NAME", help="Split to evaluate on: val, train or all."),
    ] = "val",
    decode: Annotated[
        Literal["argmax", "quarter", "dark", "published"],
        typer.Option(
            metavar="NAME",
            help="How a heatmap becomes a point: dark, quarter, argmax or published.",
            rich_help_panel=_ASKING,
        ),
    ] = "dark",
    flip_test: Annotated[
        bool,
        typer.Option(
            "--flip-test",
            help="Average with the mirrored image. This takes twice the time.",
            rich_help_panel=_ASKING,
        ),
    ] = False,
    boxes: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Boxes of the objects: gt (the labelled objects) or a COCO detections file.",
            rich_help_panel=_ASKING,
        ),
    ] = "gt",
    batch_size: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Samples per batch.", rich_help_panel=_ASKING),
    ] = 32,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of CPU threads of the runtime.",
            show_default="its own choice",
            rich_help_panel=_ASKING,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for results, scores and charts; with several models, one folder for each.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    save_result: Annotated[
        bool,
        typer.Option(
            "--save-result",
            help="Also draw the predicted keypoints into each image. [default folder: result]",
            rich_help_panel=_FILES,
        ),
    ] = False,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
    skip_bad_images: options.SkipBadImages = False,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    depth_range: options.DepthRangeText = None,
) -> None:
    """Evaluate models, or result files of any tool, on a dataset.

    With the default normaliser and threshold, a keypoint is correct if its distance from the label
    is at most 5 % of the side of a square that is 1.25 times as large as the object (4.4 % for an
    input of 256x192). Unlabelled keypoints do not count.

    Examples:

        simplebase eval model.keras --dataset data/cows

        simplebase eval model.keras model.onnx model.tflite --dataset data/cows --output result

        simplebase eval model.tflite --dataset data/mpii --skeleton mpii --metric pckh --flip-test

        simplebase eval model.onnx --dataset data/coco --metric coco-ap --boxes detections.json

        simplebase eval --predictions results.json --annotations val.json --metric coco-ap
    """
    from simplebase.files import require_exists, require_output, write_json

    sources = [*(models or ()), *(predictions or ())]
    if not sources:
        raise ArgumentError("give a model to evaluate, or results with --predictions.")
    if not models and (flip_test or boxes != "gt"):
        raise ArgumentError("--flip-test and --boxes need a model, not only --predictions.")
    if category and annotations is None:
        raise ArgumentError("--category needs the COCO file: add --annotations FILE.")
    for source in sources:
        require_exists(source)
    if json is not None:
        require_output(json, overwrite=overwrite)

    for each in models or ():
        model_options.prepare_for_model(each)
    from simplebase.evaluation import (
        MetricSettings,
        PredictionSettings,
        compare,
        read_detected_boxes,
        with_annotations,
    )

    usual = "pck" if annotations is None or dataset is not None else "coco-ap"
    metrics = MetricSettings(
        tuple(metric or (usual,)), tuple(score_threshold or (0.5,)), normaliser, conf_threshold
    )
    names_of_keypoints = (skeleton, classes_path, matchpoint_path, skeleton_path)
    target = None
    if dataset is not None or annotations is None:
        opened = options.open_dataset(dataset, *names_of_keypoints, depth_range)
        target = _dataset_target(opened, image_set, skip_bad_images)
    if annotations is not None:
        chosen = options.chosen_skeleton(*names_of_keypoints)
        target = with_annotations(annotations, target, chosen, category or ())
    assert target is not None
    ids = () if annotations is None else target.category_ids
    places = None if boxes == "gt" else read_detected_boxes(boxes, ids, target)
    comparison = compare(
        models or (),
        target,
        results=predictions or (),
        metrics=metrics,
        settings=PredictionSettings(decode, flip_test, batch_size, places),
        threads=threads,
        output=_RESULT if save_result and output is None else output,
        images=save_result,
        overwrite=overwrite,
        progress=options.progress_bar,
    )
    print_evaluations(comparison.evaluations, len(target.image_ids), normaliser)
    for folder in comparison.folders:
        say(f"written: {folder}")
    if json is not None:
        write_json(json, comparison.to_config(), overwrite=overwrite)


def _dataset_target(
    dataset: "KeypointDataset", image_set: Literal["val", "train", "all"], skip_bad_images: bool
) -> "Target":
    from simplebase.evaluation import dataset_target, require_dataset

    target = dataset_target(dataset, image_set)
    if not skip_bad_images:
        return target
    readable = options.skip_bad_images(require_dataset(target, "--skip-bad-images"))
    return target.without_unreadable(readable)
