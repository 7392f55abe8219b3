"""`simplebase bench ...`."""

from typing import Annotated

import typer
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import app, console, import_tensorflow
from simplebase.presets.choices import DEFAULT_PRESET

bench_app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine.")
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def _bench() -> None:
    """Keeps `data` a command of its own while it is the only one."""


@bench_app.command()
def data(
    dataset: options.Dataset = None,
    preset: Annotated[
        str, typer.Option(help="Model whose crop and input size to use: a name or a YAML.")
    ] = DEFAULT_PRESET,
    input_size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH. [default: the preset's]")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Whose augmentation to use. [default: the preset's]")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples a batch.")] = 16,
    images: Annotated[int, typer.Option(min=1, help="How many to time.")] = 1024,
    skeleton: options.SkeletonName = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure the input pipeline, stage by stage.

    The first three stages are one thread's; the batches are what a training would be handed, and
    the last line is the part of the training step before the network.

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
