"""Writes `.tflite` files with TensorFlow's converter and the AI Edge Quantizer.

int8 files take uint8 images, as cameras deliver them, and return uint8 heatmaps. If they decode,
the decoding stays float32, because 256 steps are too coarse for a coordinate.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping, quantizer
from tensorflow.lite.python.util import modify_model_io_type

from simplebase.export.export_settings import ExportSettings
from simplebase.export.flatbuffer import packed
from simplebase.export.graph import DECODING, INPUT, ExportGraph
from simplebase.export.upsampling import with_resizing
from simplebase.metadata import METADATA_KEY, metadata_text
from simplebase.silence import silenced

_ALL_OPERATIONS = qtyping.TFLOperationName.ALL_SUPPORTED
_BITS = 8


def write(graph: ExportGraph, path: Path, settings: ExportSettings, crops: np.ndarray) -> None:
    """Writes a file for one image at a time, with its metadata inside.

    Args:
        graph: the graph to write.
        path: the file.
        settings: the settings of the export.
        crops: `(N, H, W, 3)` uint8 for the calibration of int8.
    """
    metadata = metadata_text(graph.metadata)
    path.write_bytes(_finished(_converted(graph, settings, crops), metadata))


def _converted(graph: ExportGraph, settings: ExportSettings, crops: np.ndarray) -> bytes:
    options: dict[str, Any] = {}
    if settings.quantization in ("float16", "dynamic"):
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if settings.quantization == "float16":
        options["target_spec"] = tf.lite.TargetSpec(supported_types=[tf.float16])
    if settings.quantization == "int8" and "keypoints" not in graph.outputs:
        integers = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        options["target_spec"] = tf.lite.TargetSpec(supported_ops=integers)
        options["representative_dataset"] = lambda: _one_by_one(crops)
        options["inference_input_type"] = options["inference_output_type"] = tf.uint8
        return _convert(graph, options)
    model = _convert(graph, options)
    if settings.quantization == "weights":
        return _with_int8_weights(model)
    return _with_float_decoding(model, crops) if settings.quantization == "int8" else model


def _convert(graph: ExportGraph, options: dict[str, Any]) -> bytes:
    with silenced():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(graph.saved_model(batch=1)))
        for name, value in options.items():
            setattr(converter, name, value)
        return converter.convert()


def _one_by_one(crops: np.ndarray) -> Iterator[list[np.ndarray]]:
    for crop in crops:
        image = crop[None].astype(np.float32)
        # The converter determines the range of the pixels from these images. They contain the
        # darkest and the brightest value, so that pixels are stored unchanged.
        image[:, 0, 0], image[:, -1, -1] = 0, 255
        yield [image]


def _with_int8_weights(model: bytes) -> bytes:
    with silenced():
        work = quantizer.Quantizer(model)
        work.add_weight_only_config(".*", _ALL_OPERATIONS, _BITS)
        return _inline(bytes(work.quantize().quantized_model))


def _with_float_decoding(model: bytes, crops: np.ndarray) -> bytes:
    """Quantises `model` to int8 except for the decoding; TensorFlow's converter quantises all."""
    with silenced(), warnings.catch_warnings():
        # Hides warnings that reading intermediate tensors takes memory, and about unused tensors.
        warnings.simplefilter("ignore")
        work = quantizer.Quantizer(model)
        work.add_static_config(".*", _ALL_OPERATIONS, _BITS, _BITS)
        for names, operations in (
            (f".*{DECODING}.*", _ALL_OPERATIONS),
            # The last operation, which has the output's name; no network has another one of it.
            (".*", qtyping.TFLOperationName.PACK),
            (".*", qtyping.TFLOperationName.OUTPUT),
            # Becomes uint8 below.
            (".*", qtyping.TFLOperationName.INPUT),
        ):
            work.update_quantization_recipe(names, operations, algorithm_key="no_quantize")
        interpreter = Interpreter(model_content=model)
        [signature] = interpreter.get_signature_list()
        [stored] = interpreter.get_input_details()
        images = [{INPUT: image} for [image] in _one_by_one(crops)]
        ranges = work.calibrate({signature: images})
        # The quantizer averages over the images, but pixels have to be stored unchanged.
        for name, value in (("min", 0), ("max", 255)):
            ranges[stored["name"]][name] = np.full((1, 1, 1, 1), value, np.float32)
        quantised = _inline(bytes(work.quantize(ranges).quantized_model))
        return bytes(modify_model_io_type(quantised, tf.uint8, tf.float32))


def _inline(model: bytes) -> bytes:
    """Moves the weights of `model` into the flatbuffer, where all tools find them.

    The quantizer puts them behind it, which only files above 2 GB need.
    """
    content = schema.ModelT.InitFromPackedBuf(model)
    for buffer in content.buffers:
        if buffer.offset:
            buffer.data = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0
    return packed(content)


def _finished(model: bytes, text: str) -> bytes:
    """Returns `model` with an entry in its metadata table, and its upsampling as one operation."""
    content = schema.ModelT.InitFromPackedBuf(model)
    with_resizing(content)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(text.encode(), np.uint8)
    entry.name, entry.buffer = METADATA_KEY, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    return packed(content)
