"""`.mnn` files.

`import MNN` reaches for no network. `MNN.tools`, whose commands do, is not imported by it nor here.
"""

from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import DataError
from simplebase.metadata import read_metadata
from simplebase.runtimes.artifact import ArtifactRuntime, Port, the_only, thread_count
from simplebase.runtimes.opening import opening
from simplebase.silence import silenced

with silenced():
    import MNN

# `runSession` answers with MNN's error code.
_NO_ERROR = 0

# WINOGRAD_MEMORY_LEVEL: how many sizes of tiles a convolution may choose from. With MNN's default,
# 3x3 convolutions of a trained PeleeNet are off by 1e-4 of a heatmap's peak; with 1 by 1e-6, and
# 3 % slower.
_WINOGRAD_HINT, _SMALL_TILES = 3, 1


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a model on images; see `load_runtime`.

    Images go in by the batch that the file has, 1 where its batch is free. MNN could resize the
    input, but a network that fixed the batch within then answers garbage with only a line on the
    console, and eight images at once took no less time than one by one.

    MNN's threads are shared by all models of a process: the first one that is opened with more than
    one thread sets how many there are, and later ones can use fewer.
    """
    metadata = read_metadata(path)
    with opening(path):
        interpreter = MNN.Interpreter(str(path))
        interpreter.setSessionHint(_WINOGRAD_HINT, _SMALL_TILES)
        session = interpreter.createSession({"backend": "CPU", "numThread": thread_count(threads)})
        inputs = interpreter.getSessionInputAll(session)
        outputs = list(interpreter.getSessionOutputAll(session).values())
        images = the_only(list(inputs.values()), "inputs", path)
        ports = _port(images, path), [_port(output, path) for output in outputs]

    def run(stored: np.ndarray) -> list[np.ndarray]:
        # A tensor of the host in another layout than the session's would scramble the data.
        images.copyFrom(_host_tensor(stored, images))
        code = interpreter.runSession(session)
        if code != _NO_ERROR:
            raise DataError(f"{path} cannot run: MNN's error {code}.")
        return [_fetched(output) for output in outputs]

    return ArtifactRuntime(path, metadata, *ports, run)


def _fetched(tensor: Any) -> np.ndarray:
    answer = _host_tensor(np.empty(tensor.getShape(), np.float32), tensor)
    tensor.copyToHostTensor(answer)
    return answer.getNumpyData().reshape(tensor.getShape()).copy()


def _host_tensor(values: np.ndarray, like: Any) -> Any:
    return MNN.Tensor(values.shape, like.getDataType(), values, like.getDimensionType())


def _port(tensor: Any, path: Path) -> Port:
    if tensor.getDataType() != MNN.Halide_Type_Float:
        raise DataError(f"{path}: an input and output of float32 are expected of an MNN model.")
    return Port("float32", tuple(tensor.getShape()))
