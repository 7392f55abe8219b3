"""`simplebase eval`."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import app, console, import_tensorflow


@app.command("eval")
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file (.keras).")],
    dataset: options.Dataset = None,
    metric: Annotated[Literal["pck"], typer.Option(help="What to measure.")] = "pck",
    threshold: Annotated[float, typer.Option(help="PCK: fraction of the normaliser.")] = 0.5,
    decode: Annotated[
        Literal["argmax", "quarter", "dark"], typer.Option(help="Heatmap to point.")
    ] = "dark",
    flip_test: Annotated[
        bool,
        typer.Option("--flip-test", help="Average with the mirrored image; twice the time."),
    ] = False,
    image_set: Annotated[
        Literal["val", "train", "all"], typer.Option(help="Which records.")
    ] = "val",
    batch_size: Annotated[int, typer.Option(min=1, help="Samples at once.")] = 32,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    skip_bad_images: options.SkipBadImages = False,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure a model on a dataset.

    PCK is upstream's: a keypoint is right if its distance in heatmap pixels, over 6.4 times the
    mean input side / 256, is at most the threshold. Unlabelled keypoints do not count.

    Examples:

        simplebase eval model.keras --dataset data/cows

        simplebase eval model.keras --dataset data/mpii --skeleton mpii --json scores.json
    """
    import_tensorflow()
    from simplebase.evaluation import predict_dataset, score_pck
    from simplebase.files import require_output, write_json
    from simplebase.runtimes import load_runtime

    if json is not None:
        require_output(json, overwrite=overwrite)
    opened = options.open_dataset(dataset, skeleton, classes_path, matchpoint_path, skeleton_path)
    splits = {"val": "validation", "train": "train"}
    if image_set in splits:
        opened = getattr(opened, splits[image_set])
    if skip_bad_images:
        opened = options.skip_bad_images(opened)
    runtime = load_runtime(model)
    with options.progress_bar("evaluating") as progress:
        predictions = predict_dataset(
            runtime,
            opened,
            decode=decode,
            flip_test=flip_test,
            batch_size=batch_size,
            progress=progress,
        )
    scores = score_pck(predictions, opened, runtime.metadata, threshold=threshold)
    table = Table(
        "keypoint", f"PCK@{threshold:g}", title=escape(f"{model.name}, {len(opened)} records")
    )
    table.columns[1].justify = "right"
    for name, value in scores.per_keypoint.items():
        table.add_row(escape(name), options.score_text(value))
    table.add_section()
    table.add_row("all", options.score_text(scores.mean), style="bold")
    console.print(table)
    if json is not None:
        write_json(json, scores.to_config() | {"records": len(opened)}, overwrite=overwrite)
