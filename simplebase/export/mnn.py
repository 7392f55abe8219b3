"""Writes `.mnn` files, through ONNX.

MNN also reads TFLite, but silently converts transposed convolutions wrongly. Its tools are called
directly, in a separate process, because its commands and the packages that import them install
software and report over the network.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from simplebase.errors import DataError
from simplebase.export.export_settings import ExportSettings, Quantization
from simplebase.export.graph import ExportGraph
from simplebase.export.onnx import converted
from simplebase.files import stored_bytes
from simplebase.files.native import native_name
from simplebase.images import encode_image
from simplebase.silence import silenced

with silenced():
    import MNN  # noqa: F401 - says here, not in the process below, that it is not installed

_OPTIONS: dict[Quantization, tuple[str, ...]] = {
    "none": (),
    "float16": ("--fp16",),
    "weights": ("--weightQuantBits", "8"),
    "int8": (),
}
# An int8 file of these networks has about 0.3 of the bytes. A file that is hardly smaller still
# contains floats, even if the tool reported success.
_LARGEST_INT8 = 0.5


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a file for one image at a time.

    Args:
        graph: the graph to write.
        path: the file.
        settings: the settings of the export. Images and heatmaps of an int8 file are
            `(1, C, H, W)`. With the other layout, MNN does not quantise but reports success.
        crops: `(N, H, W, 3)` uint8 for the calibration of int8.

    Raises:
        DataError: a tool fails, or it reports success but the file is wrong.
    """
    channels_first = settings.quantization == "int8"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(native_name(name))
        source, model = folder / "model.onnx", folder / "model.mnn"
        with silenced():
            proto = converted(graph, 1, settings.opset, channels_first=channels_first)
        onnx.save(proto, source)
        options = _OPTIONS[settings.quantization]
        run_tool("mnnconvert", [*onnx_to_mnn(source, model), *options], model)
        if settings.quantization == "int8":
            model = _quantised(model, crops, graph.model.metadata.input_size, folder)
        path.write_bytes(model.read_bytes())


def _quantised(model: Path, crops: np.ndarray, size: tuple[int, int], folder: Path) -> Path:
    images = folder / "crops"
    images.mkdir()
    for index, crop in enumerate(crops):
        (images / f"{index:06d}.png").write_bytes(encode_image(crop, ".png"))
    settings = {
        "format": "RGB",
        "mean": [0.0, 0.0, 0.0],
        "normal": [1.0, 1.0, 1.0],
        "width": size[1],
        "height": size[0],
        "path": f"{images}/",
        "used_image_num": len(crops),
        "batch_size": 1,
        # Averages the ranges of the images. MNN's own default, KL, cuts off rare values, which are
        # the peaks of a heatmap. On 64 images of people it reduced the PCK of a trained model from
        # 0.53 to 0.26; with this method it stayed at 0.53.
        "feature_quantize_method": "EMA",
        "weight_quantize_method": "MAX_ABS",
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    target = folder / "int8.mnn"
    run_tool("mnnquant", [model, target, folder / "settings.json"], target)
    if stored_bytes(target) > _LARGEST_INT8 * stored_bytes(model):
        raise DataError(
            f"MNN did not quantise the model: the int8 file has {stored_bytes(target)} bytes, the "
            f"float file {stored_bytes(model)}. Choose --quantize weights."
        )
    return target


def onnx_to_mnn(source: Path, target: Path) -> list[object]:
    """Returns the arguments of MNN's converter."""
    return ["-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "simplebase"]


def run_tool(tool: str, arguments: list[object], target: Path) -> None:
    """Runs a tool of MNN's Python package that writes `target`.

    Raises:
        DataError: it fails, or writes nothing.
    """
    code = f"import sys, _tools; _tools.{tool}(sys.argv)"
    # -P: a file of this name in the current folder must not be imported.
    line = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    done = subprocess.run(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode or not target.is_file():
        last = done.stdout.strip().splitlines()[-1:] or ["no output"]
        raise DataError(f"MNN's {tool} failed (exit code {done.returncode}): {last[0]}")
