"""`simplebase presets` and `simplebase dump`."""

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.syntax import Syntax
from rich.table import Table

from simplebase.cli.app import app, console, import_tensorflow
from simplebase.cli.options import JsonFile, Overwrite
from simplebase.errors import ArgumentError


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Show this one's YAML.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="With a name: copy its YAML to this file, to start one.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw params against GFLOPs into this PNG.")
    ] = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """List the models that can be trained by name, or show one.

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
    if name is not None:
        text = preset_text(name)
        if write is None:
            console.print(Syntax(text, "yaml", background_color="default"))
        else:
            write_text(write, text, overwrite=overwrite)
            console.print(f"{write}: train it with `simplebase train --preset {write}`")
        return
    rows = [load_preset(each).summary() for each in preset_names()]
    # The name already says backbone and head, so a narrow terminal leaves those columns out.
    wide = console.width >= 120
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption="params: trainable; GFLOPs: 2 x multiply-adds; both for 16 keypoints",
    )
    table.add_column("name", no_wrap=True)
    for column in ("backbone", "head") if wide else ():
        table.add_column(column, no_wrap=True)
    for column in ("input", "params", "GFLOPs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("description", overflow="fold")
    for row in rows:
        table.add_row(
            row["name"],
            *((row["backbone"], row["head"]) if wide else ()),
            "x".join(str(side) for side in row["input_size"]),
            "n/a" if row["params"] is None else f"{row['params'] / 1e6:.2f} M",
            "n/a" if row["gflops"] is None else f"{row['gflops']:.2f}",
            row["description"],
        )
    console.print(table)
    if json is not None:
        write_json(json, rows, overwrite=overwrite)
    if plot is not None:
        plot_costs(rows, plot, overwrite=overwrite)
        console.print(f"plot: {plot}")


@app.command()
def dump(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of a run (.keras).")],
    output: Annotated[Path, typer.Argument(help="The model file to write (.keras).")],
    overwrite: Overwrite = False,
) -> None:
    """Write a checkpoint's model for inference: float32, nothing of the training.

    Example:

        simplebase dump runs/cows/checkpoints/best.keras cows.keras
    """
    import_tensorflow()
    from simplebase.training.dump import dump_model

    model = dump_model(checkpoint, output, overwrite=overwrite)
    metadata = model.metadata
    height, width = metadata.input_size
    console.print(
        f"{output}: {metadata.preset}, {height}x{width}, "
        f"{metadata.skeleton.num_keypoints} keypoints ({metadata.skeleton.name})",
        soft_wrap=True,
    )
