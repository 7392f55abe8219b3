"""The protocol that all model formats share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.extras import import_with_extras
from simplebase.files import require_file
from simplebase.metadata import Cost, ModelMetadata

if TYPE_CHECKING:
    from simplebase.estimator import SimpleBaseline

# Suffix to module. Modules are imported on demand, so that a format's package is only needed for
# that format. Each module has a function `load(path, threads)`.
_MODULES = {
    ".keras": "keras",
    ".h5": "hdf5",
    ".pb": "frozen_graph",
    ".onnx": "onnx",
    ".tflite": "litert",
    ".mnn": "mnn",
}
MODEL_SUFFIXES = tuple(_MODULES)
_RUN_BY_TENSORFLOW = ("keras", "hdf5", "frozen_graph", "saved_model")


class Runtime(Protocol):
    """A model that maps images to heatmaps, or to keypoints that it decodes itself."""

    metadata: ModelMetadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Maps `(B, H, W, 3)` uint8 RGB to the first of `metadata.outputs`, float32.

        These are heatmaps `(B, h, w, K)`, or keypoints `(B, K, 3)` (x, y in input pixels, score).
        """


@runtime_checkable
class Countable(Protocol):
    """A runtime that can count the cost of its network, which not every format allows."""

    def count_cost(self) -> Cost:
        """Returns the parameters, and the operations per image."""


@runtime_checkable
class Layered(Protocol):
    """A runtime of a Keras model, whose layers can be inspected."""

    model: "SimpleBaseline"


def network_cost(runtime: Runtime) -> Cost | None:
    """Returns the cost of a model, counted or from its metadata; None if neither is possible."""
    return runtime.count_cost() if isinstance(runtime, Countable) else runtime.metadata.cost


def load_runtime(path: str | os.PathLike[str], threads: int | None = None) -> Runtime:
    """Opens a model: a file, the format by its suffix, or a SavedModel folder.

    Args:
        path: a `.keras`, `.h5`, `.pb` (frozen graph), `.onnx`, `.tflite` or `.mnn` file, or a
            folder. Except for `.keras`, and `.h5` of a `SimpleBaseline`, the metadata are in the
            sidecar, see `simplebase.metadata.metadata_file`.
        threads: number of CPU threads; by default all cores. TensorFlow, which runs `.keras`,
            `.h5`, `.pb` and SavedModels, has one number for the whole process, which must be set
            before it computes anything. MNN has at most as many as its first model requested.

    Raises:
        ArgumentError: no format has this suffix, or the number of threads cannot be set.
        MissingFileError: the model or its sidecar does not exist.
        MissingPackageError: the format's library is not installed.
        DataError: the file is damaged, not a model, or does not match its metadata.
    """
    path = Path(path)
    if threads is not None and threads < 1:
        raise ArgumentError(f"threads must be a whole number above 0. Received: {threads}.")
    module = import_with_extras(f"simplebase.runtimes.{_module_name(path)}")
    runtime: Runtime = module.load(path, threads)
    return runtime


def needs_tensorflow(path: str | os.PathLike[str]) -> bool:
    """Returns whether TensorFlow, which takes seconds to import, runs this model.

    Raises:
        ArgumentError, MissingFileError, DataError: see `load_runtime`.
    """
    return _module_name(Path(path)) in _RUN_BY_TENSORFLOW


def _module_name(path: Path) -> str:
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            best = path / "checkpoints" / "best.keras"
            hint = f" Did you mean {best}?" if best.exists() else ""
            raise DataError(
                f"{path} is a folder without a saved_model.pb, so it is not a SavedModel.{hint}"
            )
        return "saved_model"
    suffix = path.suffix.lower()
    if suffix not in _MODULES and (suffix or path.exists()):
        raise ArgumentError(f"{path}: a model ends in {', '.join(_MODULES)}, or is a folder.")
    require_file(path, "the model")
    return _MODULES[suffix]
