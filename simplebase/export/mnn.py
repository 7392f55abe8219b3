"""Models as `.mnn`, through ONNX.

MNN reads TFLite too, but makes wrong networks of transposed convolutions without a word. Its tools
are called directly, in a process of their own: its commands, and the packages that import them,
install software and report over the network.
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
# An int8 file of these networks has about 0.3 of the bytes. One that is hardly smaller is still of
# floats, whatever the tool said.
_LARGEST_INT8 = 0.5


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a file for one image at a time.

    Args:
        graph: what to write.
        path: the file.
        settings: which numbers it holds. Images and heatmaps of an int8 file are `(1, C, H, W)`:
            of the other layout, MNN leaves the file as it is and calls that a success.
        crops: `(N, H, W, 3)` uint8 that int8 is calibrated on.

    Raises:
        DataError: a tool fails, or the file is not what it says.
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
        # Averages the ranges of the images. MNN's own default, KL, cuts off what is rare, and in a
        # heatmap that is the peak: on 64 images of people it took the PCK of a trained model
        # from 0.53 to 0.26, this to 0.53.
        "feature_quantize_method": "EMA",
        "weight_quantize_method": "MAX_ABS",
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    target = folder / "int8.mnn"
    run_tool("mnnquant", [model, target, folder / "settings.json"], target)
    if stored_bytes(target) > _LARGEST_INT8 * stored_bytes(model):
        raise DataError(
            f"MNN's int8 file has {stored_bytes(target)} bytes, that of floats "
            f"{stored_bytes(model)}: it was not quantised. Choose quantization weights."
        )
    return target


def onnx_to_mnn(source: Path, target: Path) -> list[object]:
    """Arguments of MNN's converter."""
    return ["-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "simplebase"]


def run_tool(tool: str, arguments: list[object], target: Path) -> None:
    """Runs a tool of MNN's Python package that writes `target`.

    Raises:
        DataError: it fails, or writes nothing.
    """
    code = f"import sys, _tools; _tools.{tool}(sys.argv)"
    # -P: a file of this name in the current folder is not meant.
    line = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    done = subprocess.run(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode or not target.is_file():
        last = done.stdout.strip().splitlines()[-1:] or ["no output"]
        raise DataError(f"MNN's {tool} failed (exit code {done.returncode}): {last[0]}")
