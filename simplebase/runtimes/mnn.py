"""`.mnn` files.

`import MNN` reaches for no network. `MNN.tools`, whose commands do, is not imported by it nor here.
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
    # Of a damaged file MNN may crash, now or later, and take the process with it.
    require_unchanged(path)
    with opening(path):
        session = _Session(path, thread_count(threads))
    return ArtifactRuntime(path, metadata, session.input, session.outputs, session.run)


class _Session:
    """An opened file.

    Raises:
        DataError: it has another number of inputs than one, or other numbers than float32.
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
        """The outputs for an input of the shape that the file has."""
        # A tensor of the host in another layout than the session's would scramble the data.
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
        raise DataError(f"{path}: an input and output of float32 are expected of an MNN model.")
    return Port("float32", tuple(tensor.getShape()))
