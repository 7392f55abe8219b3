"""`simplebase presets` and `simplebase dump`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from simplebase.cli import model_options
from simplebase.cli.app import app, console, import_tensorflow, say
from simplebase.cli.commands import DEPLOY, TRAIN
from simplebase.cli.options import JsonFile, Overwrite
from simplebase.errors import ArgumentError


@app.command(rich_help_panel=TRAIN)
def presets(
    name: Annotated[str | None, typer.Argument(help="Show the YAML of this preset.")] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            help="With a name: copy its YAML to this file, to make your own preset of it."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw parameters against GFLOPs into this PNG.")
    ] = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """List the models that can be trained, or show one.

    Examples:

        simplebase presets

        simplebase presets mobilenetv2_upsample_lite

        simplebase presets mobilenetv2_upsample_lite --write my.yaml

        simplebase presets --plot models.png
    """
    from simplebase.files import write_json, write_text
    from simplebase.plots import plot_costs
    from simplebase.presets import load_preset, preset_names, preset_text

    if write is not None and name is None:
        raise ArgumentError(
            "--write copies one preset: name it, as in `presets NAME --write FILE`."
        )
    if plot is not None and name is not None:
        raise ArgumentError("--plot draws all presets: leave out the name.")
    rows = [load_preset(each).summary() for each in ([name] if name else preset_names())]
    if write is not None and name is not None:
        write_text(write, preset_text(name), overwrite=overwrite)
        say(f"{write}: train it with `simplebase train --preset {write}`")
    elif name is not None:
        from rich.syntax import Syntax

        console.print(Syntax(preset_text(name), "yaml", background_color="default"))
    else:
        console.print(_presets_table(rows))
    if json is not None:
        write_json(json, rows, overwrite=overwrite)
    if plot is not None:
        plot_costs(rows, plot, overwrite=overwrite)
        say(f"plot: {plot}")


def _presets_table(rows: list[dict[str, Any]]) -> Table:
    # In a narrow terminal the columns are left out whose content is in the name.
    wide = console.width >= 120
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="params: without BatchNorm statistics; GFLOPs: 2 x multiply-adds; for 16 keypoints",
    )
    table.add_column("name", no_wrap=True)
    for column in ("backbone", "head", "input") if wide else ():
        table.add_column(column, no_wrap=True)
    for column in ("params", "GFLOPs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("description", overflow="fold")
    for row in rows:
        size = "x".join(str(side) for side in row["input_size"])
        table.add_row(
            row["name"],
            *((row["backbone"], row["head"], size) if wide else ()),
            "n/a" if row["params"] is None else f"{row['params'] / 1e6:.2f} M",
            "n/a" if row["gflops"] is None else f"{row['gflops']:.2f}",
            row["description"],
        )
    return table


@app.command(rich_help_panel=DEPLOY)
def dump(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            callback=model_options.open_models,
            help="A checkpoint of a run (.keras), or the name of a pretrained model.",
        ),
    ],
    output: Annotated[Path, typer.Argument(help="The model file to write (.keras).")],
    overwrite: Overwrite = False,
) -> None:
    """Write the model of a checkpoint for inference, in float32.

    Example:

        simplebase dump runs/cows/checkpoints/best.keras cows.keras
    """
    import_tensorflow()
    from simplebase.training.dump import dump_model

    model = dump_model(checkpoint, output, overwrite=overwrite)
    metadata = model.metadata
    height, width = metadata.input_size
    say(
        f"{output}: {metadata.preset}, {height}x{width}, "
        f"{metadata.skeleton.num_keypoints} keypoints ({metadata.skeleton.name})"
    )
