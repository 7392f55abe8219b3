"""The one small protocol behind which every model format hides."""

import importlib
import os
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from simplebase.errors import ArgumentError
from simplebase.metadata import ModelMetadata

# Suffix to module and class, imported on demand: a user of one format needs no other's package.
_FORMATS = {".keras": ("simplebase.runtimes.keras", "KerasRuntime")}


class Runtime(Protocol):
    """A model that answers images with heatmaps."""

    metadata: ModelMetadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        """`(B, H, W, 3)` uint8 RGB to `(B, h, w, K)` float32."""


@runtime_checkable
class Countable(Protocol):
    """A runtime that can tell what its network costs; not every format keeps enough for that."""

    def count_cost(self) -> tuple[int, float]:
        """Trainable parameters, and GFLOPs of one image."""


def load_runtime(path: str | os.PathLike[str], threads: int | None = None) -> Runtime:
    """Opens a model file, the format by its suffix.

    Args:
        path: the file.
        threads: how many compute; by default as many as the runtime chooses.

    Raises:
        ArgumentError: no format has this suffix.
        MissingFileError: `path` is not a file.
        DataError: the file is damaged or not one of ours.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise ArgumentError(f"{path}: a model ends in {', '.join(_FORMATS)}.")
    module, name = _FORMATS[suffix]
    return getattr(importlib.import_module(module), name).load(path, threads)
