"""Writes `.onnx` files with tf2onnx, and int8 with ONNX Runtime."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tf2onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from simplebase.export.export_settings import ExportSettings
from simplebase.export.graph import DECODING, INPUT, ExportGraph
from simplebase.metadata import METADATA_KEY, metadata_text
from simplebase.silence import silenced


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a file with its metadata inside, whose input and outputs have the metadata's names.

    Args:
        graph: the graph to write.
        path: the file.
        settings: the settings of the export. An int8 file takes uint8 images.
        crops: `(N, H, W, 3)` uint8 for the calibration of int8.
    """
    with silenced():
        dtype = "uint8" if settings.calibrated else "float32"
        model = onnx.ModelProto()
        model.CopyFrom(converted(graph, settings.batch, settings.opset, dtype))
        if settings.calibrated:
            model = _quantised(model, crops)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, metadata_text(graph.metadata)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def converted(
    graph: ExportGraph,
    batch: int | None,
    opset: int,
    dtype: str = "float32",
    *,
    channels_first: bool = False,
) -> onnx.ModelProto:
    """Converts `graph` to ONNX, with constants folded and transpositions combined.

    The result is cached for the same graph and arguments. Do not modify it.

    Args:
        graph: the graph to convert.
        batch: images at a time; None for any number.
        opset: opset of ONNX.
        dtype: dtype of the images.
        channels_first: use images `(B, 3, H, W)` and heatmaps `(B, K, h, w)`; only for a graph that
            returns heatmaps.
    """
    layout: dict[str, Any] = {}
    if channels_first:
        layout = {"inputs_as_nchw": [INPUT], "outputs_as_nchw": ["heatmaps"]}

    def convert() -> onnx.ModelProto:
        model, _ = tf2onnx.convert.from_function(
            graph.function(batch, dtype),
            input_signature=graph.signature(batch, dtype),
            opset=opset,
            **layout,
        )
        return model

    return graph.once(("onnx", batch, opset, dtype, channels_first), convert)


class _Crops(CalibrationDataReader):
    """Returns `crops` one by one."""

    def __init__(self, crops: np.ndarray) -> None:
        self._left = iter(crops)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Returns the next input, None after the last."""
        crop = next(self._left, None)
        return None if crop is None else {INPUT: crop[None]}


def _quantised(model: onnx.ModelProto, crops: np.ndarray) -> onnx.ModelProto:
    """Quantises `model` to int8, weights per channel; the decoding stays float32."""
    with tempfile.TemporaryDirectory() as folder:
        source, prepared, target = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        onnx.save(model, source)
        # Symbolic shapes would need sympy, but the shapes are known here.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        quantize_static(
            prepared,
            target,
            _Crops(crops),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Processors without instructions for neural networks (VNNI) add pairs of products in
            # 16 bits, which overflow with 8-bit weights: a heatmap was off by 0.3 of its peak.
            reduce_range=True,
            nodes_to_exclude=[node.name for node in nodes if DECODING in node.name],
        )
        return onnx.load(target)
