"""`simplebase inspect`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box as boxes
from rich.markup import escape
from rich.table import Table

from simplebase.cli import model_options, options
from simplebase.cli.app import app, console, say
from simplebase.cli.commands import DEPLOY
from simplebase.errors import ArgumentError

if TYPE_CHECKING:
    from simplebase.inspection import LayerDescription, ModelDescription


@app.command(rich_help_panel=DEPLOY)
def inspect(
    model: Annotated[
        Path,
        typer.Argument(
            callback=model_options.open_models,
            help="Model file, or the name of a pretrained model.",
        ),
    ],
    feature_maps: Annotated[
        Path | None,
        typer.Option(metavar="IMAGE", help="Draw the feature maps of a layer for this image."),
    ] = None,
    kernels: Annotated[
        bool, typer.Option("--kernels", help="Draw the kernels of a convolution.")
    ] = False,
    layer: Annotated[
        str | None,
        typer.Option(
            help="Layer to draw. [default: the backbone's last layer; for kernels, the first "
            "convolution]"
        ),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(help="X,Y,WIDTH,HEIGHT of the object in IMAGE. [default: the whole image]"),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Picture to write.")] = None,
    json: options.JsonFile = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Show a model's metadata, parameters and GFLOPs, layer by layer.

    It can also draw a layer: the 64 channels that vary most over an image, or the 64 largest
    kernels. Only Keras models show their layers.

    Examples:

        simplebase inspect cows.keras

        simplebase inspect cows.keras --json cows.json

        simplebase inspect cows.keras --feature-maps cow.jpg --layer conv_pw_5 --output maps.png

        simplebase inspect cows.keras --kernels --output kernels.png
    """
    _check_options(feature_maps, kernels, layer, box, output, json)
    area = options.parse_box(box)
    model_options.prepare_for_model(model)
    from simplebase.files import require_output, write_json
    from simplebase.inspection import inspect_model

    if output is not None and feature_maps is not None:
        # Drawing imports Keras, which the other formats do not need.
        from simplebase.inspection import write_feature_maps

        picture = write_feature_maps(
            model, feature_maps, output, layer=layer, box=area, overwrite=overwrite
        )
        say(f"{output}: {picture.shown} of {picture.total} channels of {picture.path}")
    elif output is not None:
        from simplebase.inspection import write_kernels

        picture = write_kernels(model, output, layer=layer, overwrite=overwrite)
        say(f"{output}: {picture.shown} of {picture.total} kernels of {picture.path}")
    else:
        if json is not None:
            require_output(json, overwrite=overwrite)
        description = inspect_model(model)
        _print_description(description)
        if description.network is not None:
            console.print(_layer_table(description.network))
        if json is not None:
            write_json(json, description.to_config(), overwrite=overwrite)


def _check_options(
    feature_maps: Path | None,
    kernels: bool,
    layer: str | None,
    box: str | None,
    output: Path | None,
    json: Path | None,
) -> None:
    """Refuses options that would be ignored."""
    draws = kernels or feature_maps is not None
    if kernels and feature_maps is not None:
        raise ArgumentError("give --feature-maps or --kernels, not both.")
    if draws and output is None:
        raise ArgumentError("name the picture to write with --output.")
    if draws and json is not None:
        raise ArgumentError("--json cannot be combined with --feature-maps or --kernels.")
    if not draws and (layer is not None or output is not None):
        raise ArgumentError("--layer and --output need --feature-maps or --kernels.")
    if box is not None and feature_maps is None:
        raise ArgumentError("--box needs --feature-maps.")


def _print_description(description: "ModelDescription") -> None:
    metadata = description.metadata
    codec, crop, skeleton, cost = metadata.codec, metadata.crop, metadata.skeleton, description.cost
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "file size": f"{description.file_bytes / 1e6:.1f} MB",
        "preset": metadata.preset,
        "cost": "n/a" if cost is None else f"{cost.params:,} parameters, {cost.gflops:.3f} GFLOPs",
        "input": f"{_size(metadata.input_size)} pixels, RGB 0 to 255",
        "normalisation": description.normalisation or "n/a",
        "crop": f"padding {crop.padding:g}, centre shift {crop.center_shift:g}",
        "codec": f"heatmaps {_size(codec.heatmap_size)}, stride {codec.stride}, "
        f"sigma {codec.sigma:g}, alignment {codec.alignment}",
        "skeleton": f"{skeleton.name}, {skeleton.num_keypoints} keypoints",
        "keypoints": ", ".join(skeleton.keypoints),
        "min score": _recommended(metadata.min_score),
    }
    # Not in the table, which would break a long path.
    say(str(description.path))
    for name, value in rows.items():
        table.add_row(name, escape(value))
    console.print(table)


def _recommended(score: float | None) -> str:
    return "none recommended" if score is None else f"{score:g} recommended"


def _layer_table(network: "LayerDescription") -> Table:
    table = Table(
        box=boxes.SIMPLE_HEAD,
        padding=(0, 1) if console.width >= 100 else 0,
        pad_edge=False,
        caption="params: without BatchNorm statistics; GFLOPs: 2 x multiply-adds",
    )
    table.add_column("layer", overflow="fold")
    table.add_column("type", overflow="fold")
    for name in ("output", "params", "GFLOPs"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in network.layers:
        for depth, layer in _with_depth(part):
            table.add_row(
                "  " * depth + escape(layer.name),
                layer.type,
                _size(layer.output_shape),
                f"{layer.params:,}" if layer.params else "",
                f"{layer.gflops:.4f}" if layer.multiply_adds else "",
                style="bold" if layer.layers else None,
            )
        table.add_section()
    table.add_row("total", "", "", f"{network.params:,}", f"{network.gflops:.4f}", style="bold")
    return table


def _with_depth(
    layer: "LayerDescription", depth: int = 0
) -> "Iterator[tuple[int, LayerDescription]]":
    """Yields a layer and those inside it, each with its depth."""
    yield depth, layer
    for inner in layer.layers:
        yield from _with_depth(inner, depth + 1)


def _size(shape: tuple[int | None, ...]) -> str:
    return "x".join(str(side) for side in shape)
