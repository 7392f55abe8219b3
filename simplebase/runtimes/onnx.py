"""`.onnx` files, run by ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from simplebase.metadata import METADATA_KEY, read_metadata
from simplebase.runtimes.artifact import ArtifactRuntime, Port, single, thread_count
from simplebase.runtimes.opening import opening

_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
}
_ERRORS_ONLY = 3


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a model on images; see `load_runtime`."""
    session = open_session(path, threads)
    # A damaged name may not be UTF-8, which the library detects only when the name is read.
    with opening(path):
        embedded = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        metadata = read_metadata(path, embedded)
        images = single(session.get_inputs(), "inputs", path)
        outputs = session.get_outputs()
        names = [output.name for output in outputs]
        ports = _port(images), [*map(_port, outputs)]

    def run(stored: np.ndarray) -> list[np.ndarray]:
        return session.run(names, {images.name: stored})

    return ArtifactRuntime(path, metadata, *ports, run)


def open_session(path: Path, threads: int | None) -> onnxruntime.InferenceSession:
    """Opens an `.onnx` file to run on this number of CPU threads, by default on all cores.

    Raises:
        DataError: it is damaged, or not such a file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count(threads)
    options.log_severity_level = _ERRORS_ONLY
    with opening(path):
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _port(value: Any) -> Port:
    # A free size is a name or None.
    shape = tuple(side if isinstance(side, int) else None for side in value.shape)
    return Port(_TYPES.get(value.type, value.type), shape)
