"""`simplebase eval`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from simplebase.cli import options
from simplebase.cli.app import app, say
from simplebase.cli.evaluation_display import print_evaluations
from simplebase.errors import ArgumentError

if TYPE_CHECKING:
    from simplebase.data.dataset import KeypointDataset
    from simplebase.evaluation import Target

_METRICS = "pck|pckh|coco-ap|epe|auc|nme|error-kinds"
_RESULT = Path("result")
_ASKING, _FILES = "How a model is asked", "Files"


@app.command("eval")
def evaluate(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            callback=options.open_runnable,
            help="Model files of any format, or names of pretrained models; several are compared.",
        ),
    ] = None,
    dataset: options.Dataset = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="COCO annotation file to measure coco-ap against."),
    ] = None,
    category: options.Category = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(help="Results in COCO's format to measure, in place of a model; repeatable."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="What to measure; repeatable.",
            metavar=_METRICS,
            show_default="pck; of a COCO file alone coco-ap",
        ),
    ] = None,
    score_threshold: Annotated[
        list[float] | None,
        typer.Option(
            help="PCK: fraction of the normaliser; repeatable.",
            show_default="0.5",
        ),
    ] = None,
    normaliser: Annotated[
        Literal["upstream", "box", "torso", "head"],
        typer.Option(
            help="Of pck, auc, nme: 6.4 heatmap pixels at 256x256, the box's longer side, "
            "left hip to right shoulder, or 0.6 x the head box's diagonal."
        ),
    ] = "upstream",
    conf_threshold: Annotated[
        float, typer.Option(help="Keypoints that score less count as not found.")
    ] = 1e-6,
    image_set: Annotated[
        Literal["val", "train", "all"], typer.Option(help="Which records.")
    ] = "val",
    decode: Annotated[
        Literal["argmax", "quarter", "dark", "published"],
        typer.Option(help="Heatmap to point.", rich_help_panel=_ASKING),
    ] = "dark",
    flip_test: Annotated[
        bool,
        typer.Option(
            "--flip-test",
            help="Average with the mirrored image; twice the time.",
            rich_help_panel=_ASKING,
        ),
    ] = False,
    boxes: Annotated[
        str,
        typer.Option(
            help="Where to look: gt, the labelled objects, or a COCO detections file.",
            rich_help_panel=_ASKING,
        ),
    ] = "gt",
    batch_size: Annotated[
        int, typer.Option(min=1, help="Samples at once.", rich_help_panel=_ASKING)
    ] = 32,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processor threads of the runtime.", rich_help_panel=_ASKING),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder for results, scores and charts; of several models one each in it.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    save_result: Annotated[
        bool,
        typer.Option(
            "--save-result",
            help="Also draw what is found into each image; --output is result by default.",
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
    """Measure models, or results that any tool wrote, on a dataset.

    PCK is upstream's unless --normaliser says otherwise: a keypoint is right if its distance in
    heatmap pixels, over 6.4 times the mean input side / 256, is at most the threshold. Unlabelled
    keypoints do not count.

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
        raise ArgumentError("give a model to measure, or results with --predictions.")
    if not models and (flip_test or boxes != "gt"):
        raise ArgumentError("--flip-test and --boxes say how a model is asked: give one.")
    if category and annotations is None:
        raise ArgumentError("--category chooses from the COCO file: give it with --annotations.")
    for source in sources:
        require_exists(source)
    if json is not None:
        require_output(json, overwrite=overwrite)

    for each in models or ():
        options.prepare_for_model(each)
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
