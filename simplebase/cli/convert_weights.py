"""`simplebase convert weights`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import console, import_tensorflow, say
from simplebase.cli.converting import (
    WEIGHTS,
    convert_app,
)
from simplebase.shell import command_line

if TYPE_CHECKING:
    from simplebase.converters.weights import WeightsReport


@convert_app.command(rich_help_panel=WEIGHTS)
def weights(
    source: Annotated[
        Path,
        typer.Argument(help="A .h5 file of Keras 2, or a .pth, .pth.tar or .safetensors file."),
    ],
    output: Annotated[Path, typer.Argument(help="The file to write (.keras).")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="Preset of the network in the file: a name or a YAML file. Padding, stride, crop "
            "and codec of a YAML file override those of the file's own project.",
            show_default="recognised",
        ),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            help="HEIGHTxWIDTH, if neither the file nor its name states it.",
            show_default="256x256, for PyTorch's 17 keypoints 256x192",
        ),
    ] = None,
    normalisation: Annotated[
        str | None,
        typer.Option(
            help="Input that the network expects: tf, torch, torch_bgr, caffe or upstream.",
            show_default="that of the file's own project",
        ),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(
            help="Keypoints of the heatmaps: mpii, coco, hand21, ... (listed in "
            "docs/datasets/skeletons.md).",
            show_default="the file's, else mpii for 16, coco for 17",
        ),
    ] = None,
    classes_path: options.ClassesPath = None,
    matchpoint_path: options.MatchpointPath = None,
    skeleton_path: options.SkeletonPath = None,
    overwrite: options.Overwrite = False,
    json: options.JsonFile = None,
) -> None:
    """Convert weights of other projects to a .keras file.

    Supported are .h5 files of the tf.keras project, checkpoints of Simple Baselines' official code
    and of MMPose (heatmap models with ResNets or MobileNetV2), and backbones of torchvision, timm,
    GhostNet and PeleeNet. Nothing in a file is executed, and neither torch nor Keras 2 is needed.
    Every tensor must be used exactly once; otherwise nothing is written, and the error names the
    rest. A model can be used directly with demo, eval and train --weights; a backbone is for train
    --backbone-weights.

    Examples:

        simplebase convert weights trained_final.h5 cows.keras --classes-path classes.txt

        simplebase convert weights pose_resnet_50_256x192.pth.tar coco.keras

        simplebase convert weights ghostnet_1x.pth ghostnet.keras
    """
    from simplebase.files import require_output, write_json

    chosen = options.chosen_skeleton(skeleton, classes_path, matchpoint_path, skeleton_path)
    size = options.parse_size(input_size)
    if json is not None:
        require_output(json, overwrite=overwrite)
    import_tensorflow()
    from simplebase.converters.weights import convert_weights

    with console.status("converting"):
        report = convert_weights(
            source,
            output,
            preset=preset,
            input_size=size,
            skeleton=chosen,
            normalisation=normalisation,
            overwrite=overwrite,
        )
    for note in report.notes:
        say(f"note: {note}")
    console.print(_table(report, output))
    say(f"next: {_next_command(report, output)}")
    if json is not None:
        write_json(json, report.to_config(), overwrite=overwrite)


def _table(report: "WeightsReport", output: Path) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, title=escape(str(output)))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    model = report.kind == "model"
    arguments, crop, codec = (
        ", ".join(f"{key} {value}" for key, value in values.items())
        for values in (report.arguments, report.crop, report.codec)
    )
    rows = {
        "source": report.source,
        "preset" if model else "backbone": report.preset,
        "as trained": arguments,
        "input": f"{report.input_size[0]}x{report.input_size[1]}, {report.normalisation}",
        "crop": crop,
        "heatmaps": codec,
        "keypoints": f"{report.num_keypoints} ({report.skeleton})" if model else "",
        "params": f"{report.params / 1e6:.2f} M",
        "tensors": f"{report.used} of {report.tensors} used, each once",
        "left out": ", ".join(f"{count} {what}" for what, count in report.left_out.items()),
        "check": f"output for random input: finite, {report.lowest:.3f} to {report.highest:.3f}",
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, escape(value))
    return table


def _next_command(report: "WeightsReport", output: Path) -> str:
    file = command_line([output])
    if report.kind == "model":
        return f"simplebase demo --model {file} --input IMAGE --output pose.png"
    preset = f"{report.preset}_deconv"
    return f"simplebase train --preset {preset} --backbone-weights {file} --dataset DIR"
