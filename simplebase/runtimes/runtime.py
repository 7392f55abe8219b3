"""The one small protocol behind which every model format hides."""

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

# Suffix to module, imported on demand: a user of one format needs no other's package. Each has a
# function `load(path, threads)`.
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
    """A model that answers images with heatmaps, or with keypoints that it has decoded itself."""

    metadata: ModelMetadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        """`(B, H, W, 3)` uint8 RGB to the first of `metadata.outputs`, float32.

        That is `(B, h, w, K)` heatmaps, or `(B, K, 3)` x, y in input pixels and score.
        """


@runtime_checkable
class Countable(Protocol):
    """A runtime that can count what its network costs; not every format keeps enough for that."""

    def count_cost(self) -> Cost:
        """Parameters, and the operations of one image."""


@runtime_checkable
class Layered(Protocol):
    """A runtime of a Keras model, whose layers can be looked at."""

    model: "SimpleBaseline"


def network_cost(runtime: Runtime) -> Cost | None:
    """What a model costs: counted, or as its metadata has it; None where neither can be."""
    return runtime.count_cost() if isinstance(runtime, Countable) else runtime.metadata.cost


def load_runtime(path: str | os.PathLike[str], threads: int | None = None) -> Runtime:
    """Opens a model: a file, the format by its suffix, or a SavedModel folder.

    Args:
        path: ends in `.keras`, `.h5`, `.pb` (a frozen graph), `.onnx`, `.tflite` or `.mnn`, or is a
            folder. All but `.keras`, and `.h5` of a `SimpleBaseline`, have their metadata in the
            sidecar that `simplebase.metadata.metadata_file` names.
        threads: of the CPU; by default all cores. TensorFlow, which runs `.keras`, `.h5`, `.pb`
            and SavedModels, has one number for the whole process, to be chosen before it first
            computes anything. MNN has as many as its first model asked for, or fewer.

    Raises:
        ArgumentError: no format has this suffix, or `threads` cannot be had.
        MissingFileError: the model or its sidecar does not exist.
        MissingPackageError: the format's library is not installed.
        DataError: the file is damaged, not a model, or not the one that its metadata tells of.
    """
    path = Path(path)
    if threads is not None and threads < 1:
        raise ArgumentError(f"threads is a whole number above 0. Received: {threads}.")
    module = import_with_extras(f"simplebase.runtimes.{_module_name(path)}")
    runtime: Runtime = module.load(path, threads)
    return runtime


def needs_tensorflow(path: str | os.PathLike[str]) -> bool:
    """Whether TensorFlow runs this model; it takes seconds to import.

    Raises:
        ArgumentError, MissingFileError, DataError: as `load_runtime`.
    """
    return _module_name(Path(path)) in _RUN_BY_TENSORFLOW


def _module_name(path: Path) -> str:
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            best = path / "checkpoints" / "best.keras"
            hint = f" Is {best} meant?" if best.exists() else ""
            raise DataError(
                f"{path} is a folder without a saved_model.pb, so it is no SavedModel.{hint}"
            )
        return "saved_model"
    suffix = path.suffix.lower()
    if suffix not in _MODULES and (suffix or path.exists()):
        raise ArgumentError(f"{path}: a model ends in {', '.join(_MODULES)}, or is a folder.")
    require_file(path, "the model")
    return _MODULES[suffix]
