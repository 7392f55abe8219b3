"""`.tflite` files, run by LiteRT."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from simplebase.files.native import native_name
from simplebase.metadata import METADATA_KEY, metadata_file, read_metadata
from simplebase.runtimes.artifact import ArtifactRuntime, Port, single, thread_count
from simplebase.runtimes.opening import opening


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a model on images, floats or quantised; see `load_runtime`."""
    with opening(path):
        interpreter = Interpreter(native_name(path), num_threads=thread_count(threads))
        interpreter.allocate_tensors()
        # Read only if needed, because files are large.
        embedded = None if metadata_file(path).is_file() else _embedded_metadata(path)
        metadata = read_metadata(path, embedded)
        images = single(interpreter.get_input_details(), "inputs", path)
        outputs = interpreter.get_output_details()
        ports = _port(images), [*map(_port, outputs)]
    batch = images["shape"][0]  # asking the interpreter each time takes as long as a small copy

    def run(stored: np.ndarray) -> list[np.ndarray]:
        nonlocal batch
        if batch != len(stored):
            batch = None  # until it has worked
            interpreter.resize_tensor_input(images["index"], stored.shape)
            interpreter.allocate_tensors()
            batch = len(stored)
        interpreter.set_tensor(images["index"], stored)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]) for output in outputs]

    return ArtifactRuntime(path, metadata, *ports, run)


def output_port(path: Path) -> Port:
    """Returns the number type and scale of a file's only output, for running it elsewhere."""
    with opening(path):
        interpreter = Interpreter(native_name(path))
        return _port(single(interpreter.get_output_details(), "outputs", path))


def _embedded_metadata(path: Path) -> str | None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_KEY.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode()
    return None


def _port(details: dict[str, Any]) -> Port:
    # -1 where a size is free. A file without free sizes may lack the signature.
    signature = details["shape_signature"]
    sides = signature if len(signature) else details["shape"]
    scale, zero_point = details["quantization"]
    return Port(
        dtype=np.dtype(details["dtype"]).name,
        shape=tuple(None if side < 0 else int(side) for side in sides),
        # 0 means that there is no scale.
        scale=float(scale) or None,
        zero_point=int(zero_point),
    )
