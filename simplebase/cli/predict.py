"""`simplebase predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simplebase.cli import model_options, options
from simplebase.cli.app import app, say, warn
from simplebase.cli.commands import USE
from simplebase.errors import counted

if TYPE_CHECKING:
    from simplebase.prediction import PredictionSummary

_PLACE, _ENGINE = options.PLACE, options.ENGINE_PANEL
_SHOWN = 3
"""Most problems that are printed. The file of errors lists all of them."""


@app.command(rich_help_panel=USE)
def predict(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, patterns ('photos/**/*.jpg'), videos, addresses (s3://...), or "
            "one dataset folder, packed dataset, COCO file or list of paths (.txt, .csv, .parquet)."
        ),
    ],
    model: Annotated[
        Path,
        typer.Option(
            callback=model_options.open_runnable,
            help="Model file of any format, or the name of a pretrained model, such as person or "
            "person-mini.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(help="Folder of Parquet files, .json (COCO results) or .csv to write."),
    ],
    box: Annotated[
        str | None,
        typer.Option(
            help="X,Y,WIDTH,HEIGHT of the object. [default: the boxes of the "
            "source, else the image]",
            rich_help_panel=_PLACE,
        ),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="JSON file: a list of boxes, or lists by file name or frame number, as in demo.",
            rich_help_panel=_PLACE,
        ),
    ] = None,
    detector: model_options.Detector = None,
    detector_class: model_options.DetectorClass = 0,
    images: Annotated[
        str | None,
        typer.Option(
            help="Folder or address of a COCO file's images. [default: beside the file]",
            rich_help_panel=_PLACE,
        ),
    ] = None,
    fit: options.FitName = "letterbox",
    decode: Annotated[
        str, typer.Option(help="How heatmaps become points: dark, quarter, argmax or published.")
    ] = "dark",
    flip_test: Annotated[
        bool,
        typer.Option(
            "--flip-test", help="Average with the mirrored image. This takes twice the time."
        ),
    ] = False,
    batch_size: Annotated[
        int, typer.Option(help="Crops per batch, from one or several images.")
    ] = 32,
    depth_range: options.DepthRangeText = None,
    engine: options.EngineName = "local",
    address: options.ClusterAddress = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="Number of Ray actors that run the model. [default: as many as there is room for]",
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    num_cpus: Annotated[
        float, typer.Option(help="CPUs for each model actor.", rich_help_panel=_ENGINE)
    ] = 1.0,
    num_gpus: Annotated[
        float, typer.Option(help="GPUs for each model actor.", rich_help_panel=_ENGINE)
    ] = 0.0,
    readers: Annotated[
        int | None,
        typer.Option(
            help="Number of Ray actors that read, detect and crop, apart from the model actors. "
            "[default: one per free CPU with --num-gpus; otherwise the model actors do it]",
            rich_help_panel=_ENGINE,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop at the first input that cannot be read. [default: list it]"
        ),
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Find the keypoints in many images and videos, and write them as a table.

    The table has one row per object. After an interruption or a crash, run the same command again:
    it keeps the finished parts and does the rest. Inputs that cannot be read are listed in a file
    of errors.

    Examples:

        simplebase predict photos --model person --output poses

        simplebase predict 'clips/*.mp4' --model person --detector yolox-nano --output poses.csv

        simplebase predict data/coco/val.json --model model.tflite --output results.json
    """
    model_options.prepare_for_model(model)
    from simplebase.prediction import PredictionSettings, write_predictions

    chosen: dict[str, Any] = {
        "box": options.parse_box(box),
        "boxes": boxes,
        "detector": detector,
        "detector_class": detector_class,
        "fit": fit,
        "decode": decode,
        "flip_test": flip_test,
        "batch_size": batch_size,
        "depth_range": options.parse_depth_range(depth_range),
    }
    settings = PredictionSettings(**chosen)
    cluster = options.chosen_cluster(
        engine,
        address=address,
        concurrency=concurrency,
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        readers=readers,
    )
    with options.progress_bar("predicting") as progress:
        summary = write_predictions(
            source,
            model,
            output,
            settings=settings,
            engine="local" if cluster is None else "ray",
            cluster=cluster,
            images=images,
            strict=strict,
            overwrite=overwrite,
            progress=progress,
        )
    _report(summary, output)


def _report(summary: "PredictionSummary", output: Path) -> None:
    if problems := summary.problems:
        first = "\n".join(problem.error for problem in problems[:_SHOWN])
        more = "\n..." if len(problems) > _SHOWN else ""
        inputs = counted(len(problems), "input")
        warn(f"{inputs} could not be read, see {summary.errors_file}:\n{first}{more}")
    parts = counted(summary.parts, "part")
    kept = f" ({summary.kept:,} of {parts} already done)" if summary.kept else ""
    say(f"{output}: {counted(summary.rows, 'object')} in {counted(summary.images, 'image')}{kept}")
