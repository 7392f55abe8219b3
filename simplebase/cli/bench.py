"""`simplebase bench ...`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from simplebase.cli import model_options, options
from simplebase.cli.app import app, console, import_tensorflow
from simplebase.cli.commands import DEPLOY
from simplebase.errors import ArgumentError
from simplebase.presets.choices import DEFAULT_PRESET

if TYPE_CHECKING:
    from simplebase.benchmarking import ModelSpeed

bench_app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine.")
app.add_typer(bench_app, name="bench", rich_help_panel=DEPLOY)


@bench_app.command()
def data(
    dataset: options.Dataset = None,
    preset: Annotated[
        str, typer.Option(help="Preset whose crop and input size to use: a name or a YAML file.")
    ] = DEFAULT_PRESET,
    input_size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH. [default: the recipe's, else the preset's]"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Recipe whose augmentation to use. [default: the preset's]"),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples per batch.")] = 16,
    images: Annotated[int, typer.Option(min=1, help="Number of images to time.")] = 1024,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure the input pipeline, stage by stage.

    The first three stages are timed with one thread. "batches" is what training receives, and the
    last line is the part of the training step before the network.

    Example:

        simplebase bench data --dataset data/cows --input-size 256x256 --json speed.json
    """
    from simplebase.files import require_output, write_json
    from simplebase.metadata import ModelMetadata

    if json is not None:
        require_output(json, overwrite=overwrite)
    chosen, settings, size = options.chosen_settings(preset, recipe, input_size)
    opened = options.open_dataset(dataset, skeleton, classes_path, matchpoint_path, skeleton_path)

    import_tensorflow()
    from simplebase.benchmarking import measure_data

    with console.status("measuring"):
        stages = list(
            measure_data(
                opened,
                metadata=ModelMetadata.from_preset(chosen, opened.skeleton, size),
                recipe=settings,
                batch_size=batch_size,
                images=images,
            )
        )
    table = Table("stage", "threads", "ms/image", "images/s")
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in stages:
        rate = f"{stage.images_per_second:.0f}"
        table.add_row(stage.name, str(stage.threads or "all"), f"{stage.milliseconds:.2f}", rate)
    console.print(table)
    if json is not None:
        write_json(json, [stage.to_config() for stage in stages], overwrite=overwrite)


@bench_app.command()
def model(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            callback=model_options.open_runnable,
            help="Model files, or names of pretrained models.",
        ),
    ],
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Number of CPU threads. [default: the runtime's choice]"),
    ] = None,
    batch_sizes: Annotated[
        str, typer.Option(help="Batch sizes for the throughput, separated by commas.")
    ] = "1,4,16",
    seconds: Annotated[
        float, typer.Option(help="Seconds to time each model at each batch size.")
    ] = 3.0,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure the speed, memory and size of models, side by side.

    A call goes from uint8 images to heatmaps, without cropping and decoding. Latency is the median
    and the 90th percentile of calls with one image. Throughput is that of the median call. The
    models run in separate processes and take turns; the first calls of every turn are not counted.

    Memory is the peak of the process while it loads the model and runs one image, including Python
    and the runtime's library. Larger batches need more.

    Examples:

        simplebase bench model cows.keras

        simplebase bench model cows.keras horses.keras --threads 1 --json speed.json

        simplebase bench model cows.keras --batch-sizes 1,8,64 --seconds 10
    """
    from simplebase.benchmarking import measure_models
    from simplebase.files import require_output, write_json

    sizes = _parse_batch_sizes(batch_sizes)
    if json is not None:
        require_output(json, overwrite=overwrite)
    with options.progress_bar("measuring") as progress:
        speeds = measure_models(
            models, threads=threads, batch_sizes=sizes, seconds=seconds, progress=progress
        )
    print_speeds(speeds, sizes)
    if json is not None:
        write_json(json, [speed.to_config() for speed in speeds], overwrite=overwrite)


def _parse_batch_sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(
            "--batch-sizes takes whole numbers separated by commas, such as 1,4,16. "
            f"Received: {text!r}."
        ) from None


def print_speeds(speeds: "Sequence[ModelSpeed]", batch_sizes: Sequence[int]) -> None:
    """Prints a line for each model. Lines wider than the terminal wrap and are not cut off."""
    table = _speed_table(speeds, batch_sizes)
    natural = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if natural > console.width:
        table.width = natural
    console.print(table, crop=False)
    options.say_devices([(Path(speed.path).name, speed.device) for speed in speeds])


def _speed_table(speeds: "Sequence[ModelSpeed]", batch_sizes: Sequence[int]) -> Table:
    threads = speeds[0].threads
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1) if console.width >= 110 else 0,
        pad_edge=False,
        caption=f"threads: {threads or 'as the runtime chose'}; MB: 1e6 bytes; "
        "params: in millions, without BatchNorm statistics; GFLOPs: 2 x multiply-adds",
    )
    table.add_column("model", overflow="fold")
    names = [Path(speed.path).name for speed in speeds]
    if len(set(names)) < len(names):
        names = [speed.path for speed in speeds]
    throughput = [f"img/s\nof {batch_size}" for batch_size in batch_sizes]
    for name in ("median\nms", "p90\nms", *throughput, "file\nMB", "memory\nMB"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("params\nM", "GFLOPs"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, speed in zip(names, speeds, strict=True):
        table.add_row(
            escape(name),
            f"{speed.latency(50):.1f}",
            f"{speed.latency(90):.1f}",
            *(f"{speed.images_per_second(batch_size):.1f}" for batch_size in batch_sizes),
            f"{speed.file_bytes / 1e6:.1f}",
            "n/a" if speed.peak_memory is None else f"{speed.peak_memory / 1e6:.0f}",
            "n/a" if speed.cost is None else f"{speed.cost.params / 1e6:.2f}",
            "n/a" if speed.cost is None else f"{speed.cost.gflops:.2f}",
        )
    return table
