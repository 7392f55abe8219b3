"""`.h5` files of whole Keras models: read, never written."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf

from simplebase.errors import DataError
from simplebase.estimator import SimpleBaseline
from simplebase.files.inflation import require_sane_datasets
from simplebase.metadata import read_metadata
from simplebase.runtimes.artifact import ArtifactRuntime, Port, single
from simplebase.runtimes.graph import set_threads
from simplebase.runtimes.keras import KerasRuntime
from simplebase.runtimes.opening import opening
from simplebase.runtimes.runtime import Runtime


def load(path: Path, threads: int | None) -> Runtime:
    """Opens a `SimpleBaseline`, or any model from RGB 0..255 to heatmaps; see `load_runtime`.

    A `SimpleBaseline` contains its metadata. No code in the file is run: a model with a `Lambda`
    layer, which contains Python code, is refused.
    """
    _require_whole_model(path)
    set_threads(threads)
    with opening(path):
        # The format stores the class without the package under which Keras registered it, so a
        # SimpleBaseline would be an "unknown layer".
        model = keras.saving.load_model(
            path,
            custom_objects={"SimpleBaseline": SimpleBaseline},
            compile=False,
            safe_mode=True,
        )
    if isinstance(model, SimpleBaseline):
        return KerasRuntime(model)
    metadata = read_metadata(path)
    shape = tuple(single(model.inputs, "inputs", path).shape)

    @tf.function
    def answers(images: Any) -> Any:
        return tf.nest.flatten(model(images, training=False))

    def run(images: np.ndarray) -> list[np.ndarray]:
        return [answer.numpy() for answer in answers(tf.constant(images))]

    outputs = [Port("float32") for _ in model.outputs]
    return ArtifactRuntime(path, metadata, Port("float32", shape), outputs, run)


def _require_whole_model(path: Path) -> None:
    with opening(path), h5py.File(path) as file:
        require_sane_datasets(file, path)
        config = file.attrs.get("model_config")
        version = str(file.attrs.get("keras_version", ""))
    if config is None:
        raise DataError(
            f"{path} contains at most weights, but no network to run. Save the whole model with "
            "`model.save`."
        )
    if version.startswith("2."):
        raise DataError(
            f"{path} was saved by Keras {version}, whose layers Keras {keras.__version__} cannot "
            "read. `simplebase convert weights` converts files of the tf.keras project."
        )
    with opening(path):
        lambdas = _holds_class(json.loads(config), "Lambda")
    if lambdas:
        raise DataError(f"{path} has a Lambda layer. It contains Python code, which is not run.")


def _holds_class(config: Any, name: str) -> bool:
    """Returns whether a model's config contains an object of the class `name`."""
    if isinstance(config, dict):
        return config.get("class_name") == name or any(
            _holds_class(value, name) for value in config.values()
        )
    return isinstance(config, list) and any(_holds_class(value, name) for value in config)
