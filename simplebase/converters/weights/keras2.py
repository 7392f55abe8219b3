"""HDF5 files of Keras 2: a whole model (`model.save`) or its weights (`model.save_weights`).

```
/                          attributes: model_config (JSON), keras_version
/model_weights             attribute: layer_names            the root itself in a weights file
/model_weights/LAYER       attribute: weight_names
/model_weights/LAYER/...   a dataset each
/optimizer_weights         not needed
```

Only numbers and strings are read; no layer of the file is built.
"""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simplebase.converters.weights.checkpoint import Checkpoint, Tensors
from simplebase.errors import DataError, first_line
from simplebase.files.inflation import require_sane_datasets
from simplebase.geometry import Size


def read_keras2(path: Path) -> Checkpoint:
    """Reads the weights of all layers, and their description in the model's config.

    Raises:
        DataError: the file is damaged, or Keras 2 did not write it.
    """
    try:
        with h5py.File(path, "r") as file:
            require_sane_datasets(file, path)
            return _read(file, path)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is damaged or incomplete ({first_line(error)}). Fetch it again."
        ) from error


def _read(file: h5py.File, path: Path) -> Checkpoint:
    weights = file.get("model_weights", file)
    names = _texts(weights, "layer_names")
    if not names:
        kind = "holds Keras 3 weights" if "layers" in file else "has no layer_names"
        raise DataError(
            f"{path} {kind}: expected an HDF5 file that Keras 2 wrote, by model.save or "
            "model.save_weights."
        )
    version = _text(weights.attrs.get("keras_version", ""))
    if version and not version.startswith("2."):
        raise DataError(f"{path} was written by Keras {version}, but only Keras 2 is read.")
    arrays: dict[str, np.ndarray] = {}
    layers = []
    for layer in names:
        group = weights[layer]
        variables = _texts(group, "weight_names")
        if variables:
            layers.append(layer)
        for variable in variables:
            name = f"{layer}/{_short(variable)}"
            if name in arrays:
                raise DataError(f"{path} has two arrays {name}; one would be lost.")
            arrays[name] = _array(group, variable, path)
    config = json.loads(_text(file.attrs.get("model_config", "{}")))
    described = _layers(config)
    left_out = {}
    if "optimizer_weights" in file:
        left_out["the optimizer's state"] = len(_texts(file["optimizer_weights"], "weight_names"))
    return Checkpoint(
        path=path,
        layout="keras2",
        container=f"HDF5 of Keras {version or 2}, {'model' if described else 'weights only'}",
        tensors=Tensors(arrays, path),
        layers=layers,
        input_size=_input_size(described),
        epsilons=_epsilons(described),
        left_out=left_out,
    )


def _short(variable: str) -> str:
    """`conv1_bn/moving_mean:0` is `moving_mean`."""
    return variable.rsplit("/", 1)[-1].partition(":")[0]


def _array(group: h5py.Group, name: str, path: Path) -> np.ndarray:
    dataset = group[name]
    # HDF5 can refer to other files.
    inside = isinstance(dataset, h5py.Dataset) and dataset.file.filename == str(path)
    if not inside or dataset.external or dataset.is_virtual:
        raise DataError(f"{path}: {name} is not an array inside this file.")
    # Keras does not compress, so an array cannot be larger than the file.
    if dataset.dtype.kind not in "fiu" or dataset.nbytes > path.stat().st_size:
        raise DataError(f"{path}: {name} is not a numeric array, or is larger than the file.")
    return dataset[()]


def _texts(group: h5py.Group, name: str) -> list[str]:
    """Reads a list of strings; long lists are split over the attributes NAME0, NAME1, ..."""
    if name in group.attrs:
        return [_text(value) for value in np.atleast_1d(group.attrs[name])]
    texts: list[str] = []
    part = 0
    while f"{name}{part}" in group.attrs:
        texts += [_text(value) for value in group.attrs[f"{name}{part}"]]
        part += 1
    return texts


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _layers(config: Any) -> list[dict[str, Any]]:
    """Returns the layers of a functional model's config; empty for a weights file."""
    inner = config.get("config") if isinstance(config, dict) else None
    layers = inner.get("layers") if isinstance(inner, dict) else None
    return [
        layer
        for layer in layers or []
        if isinstance(layer, dict) and isinstance(layer.get("config"), dict)
    ]


def _input_size(layers: list[dict[str, Any]]) -> Size | None:
    for layer in layers:
        match layer["config"].get("batch_input_shape"):
            case [_, int(height), int(width), 3]:
                return height, width
    return None


def _epsilons(layers: list[dict[str, Any]]) -> dict[str, float]:
    return {
        layer["config"]["name"]: float(layer["config"]["epsilon"])
        for layer in layers
        if "epsilon" in layer["config"]
    }
