"""`.mnn` files.

`import MNN` does not use the network. The commands of `MNN.tools` do, but it is not imported.
"""

from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import DataError
from simplebase.files.native import native_name
from simplebase.metadata import read_metadata, require_unchanged
from simplebase.runtimes.artifact import ArtifactRuntime, Port, single, thread_count
from simplebase.runtimes.opening import opening
from simplebase.silence import silenced

with silenced():
    import MNN

# `runSession` returns MNN's error code.
_NO_ERROR = 0

# WINOGRAD_MEMORY_LEVEL: how many tile sizes a convolution may choose from. With MNN's default, the
# heatmaps of a trained PeleeNet are off by 1e-4 of their peak because of its 3x3 convolutions. With
# 1 they are off by 1e-6, and 3 % slower.
_WINOGRAD_HINT, _SMALL_TILES = 3, 1


def load(path: Path, threads: int | None) -> ArtifactRuntime:
    """Opens a model on images; see `load_runtime`.

    Images are passed in batches of the file's own size, or one by one if its batch size is free.
    MNN could resize the input, but a network with a fixed batch size inside then returns garbage
    with only a line on the console. Eight images at once were also no faster than one by one.

    All models of a process share MNN's threads. The first model that is opened with more than one
    thread determines their number; later models can use fewer.
    """
    metadata = read_metadata(path)
    # A damaged file may crash MNN, now or later, and with it the process.
    require_unchanged(path)
    with opening(path):
        session = _Session(path, thread_count(threads))
    return ArtifactRuntime(path, metadata, session.input, session.outputs, session.run)


class _Session:
    """An opened file.

    Raises:
        DataError: it does not have exactly one input, or its numbers are not float32.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._path = path
        self._interpreter = MNN.Interpreter(native_name(path))
        self._interpreter.setSessionHint(_WINOGRAD_HINT, _SMALL_TILES)
        settings = {"backend": "CPU", "numThread": threads}
        self._session = self._interpreter.createSession(settings)
        inputs = self._interpreter.getSessionInputAll(self._session)
        self._images = single(list(inputs.values()), "inputs", path)
        self._answers = list(self._interpreter.getSessionOutputAll(self._session).values())
        self.input = _port(self._images, path)
        self.outputs = [_port(answer, path) for answer in self._answers]

    def run(self, stored: np.ndarray) -> list[np.ndarray]:
        """Returns the outputs for an input of the file's shape."""
        # A host tensor with another layout than the session's would scramble the data.
        self._images.copyFrom(_host_tensor(stored, self._images))
        code = self._interpreter.runSession(self._session)
        if code != _NO_ERROR:
            raise DataError(f"{self._path} cannot run: MNN's error {code}.")
        return [_fetched(answer) for answer in self._answers]


def _fetched(tensor: Any) -> np.ndarray:
    answer = _host_tensor(np.empty(tensor.getShape(), np.float32), tensor)
    tensor.copyToHostTensor(answer)
    return answer.getNumpyData().reshape(tensor.getShape()).copy()


def _host_tensor(values: np.ndarray, like: Any) -> Any:
    return MNN.Tensor(values.shape, like.getDataType(), values, like.getDimensionType())


def _port(tensor: Any, path: Path) -> Port:
    if tensor.getDataType() != MNN.Halide_Type_Float:
        raise DataError(f"{path}: an MNN model must have float32 input and output.")
    return Port("float32", tuple(tensor.getShape()))
