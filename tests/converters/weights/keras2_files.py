"""HDF5 files in the layout of Keras 2's `save_weights`, of our own networks.

Names of a backbone's layers are the converter's; that those are upstream's is shown by real files
of upstream's in test_upstream_h5.py, for all families but two, ResNet-50 (whose names are those of
`keras.applications`) and MobileNetV3-Large.
"""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from simplebase.converters.weights.networks import NETWORKS
from simplebase.heads import HEADS

_VARIABLES = {"DepthwiseConv2D": {"kernel": "depthwise_kernel"}}
_HEAD_LAYERS = {
    "deconv": "conv2d_transpose",
    "upsample": "conv2d",
    "upsample_lite": "separable_conv2d",
}


def randomised(model: keras.Model) -> keras.Model:
    """The model with weights that are all different, and features that stay visible."""
    values = np.random.default_rng(0)
    for weight in model.weights:
        kind = weight.path.rsplit("/", 1)[-1]
        if kind in ("moving_variance", "gamma"):
            weight.assign(values.uniform(0.8, 1.2, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(values.uniform(-0.1, 0.1, weight.shape))
    return model


def write(
    path: Path,
    backbone: str,
    model: keras.Model,
    head: str | None,
    channels: tuple[int, ...],
    keypoints: int,
) -> keras.Model | None:
    """Writes a weights file; returns the head that it holds, biases of its convolutions included.

    Args:
        path: of the file.
        backbone: name of the family.
        model: that backbone.
        head: name of the head, or None for a backbone alone.
        channels: of the head's blocks.
        keypoints: of the head.
    """
    family = "resnet" if backbone.startswith("resnet") else backbone
    network = next(n for n in NETWORKS if n.family == family and n.layout == "keras2")
    with h5py.File(path, "w") as file:
        names = []
        for layer in model.layers:
            # Layers without weights are listed as well.
            name = network.translate(layer.name) if layer.weights else layer.name
            _write_layer(file, name, layer)
            names.append(name)
        written = None
        if head is not None:
            written = _head(model, head, channels, keypoints)
            names += _write_head(file, written, _HEAD_LAYERS[head])
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.15.0"
    return written


def _head(model: keras.Model, head: str, channels: tuple[int, ...], keypoints: int) -> keras.Model:
    """Upstream's head: ours with a bias in each convolution, written out here."""
    made = HEADS[head](model.output_shape[1:], keypoints, channels)
    features = keras.Input(model.output_shape[1:])
    x: Any = features
    for layer in made.layers[1:]:
        config = layer.get_config()
        if "use_bias" in config:
            config["use_bias"] = True
        x = type(layer).from_config(config)(x)
    own = keras.Model(features, x)
    values = np.random.default_rng(1)
    for weight in own.weights:
        kind = weight.path.rsplit("/", 1)[-1]
        if kind in ("gamma", "moving_variance"):
            weight.assign(values.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(values.uniform(-0.5, 0.5, weight.shape))
        elif weight.path.startswith("heatmaps"):
            weight.assign(values.normal(0, 0.2, weight.shape))
    return own


def _write_head(file: h5py.File, head: keras.Model, convolution: str) -> list[str]:
    """Keras numbers layers by what a process made before: not from 0 here."""
    names = []
    counts = {"convolution": 3, "norm": 5}
    for layer in head.layers:
        if not layer.weights:
            continue
        if layer.name == "heatmaps":
            name = "heatmap_predict"
        elif "bn" in layer.name:
            name = f"batch_normalization_{counts['norm']}"
            counts["norm"] += 1
        else:
            name = f"{convolution}_{counts['convolution']}"
            counts["convolution"] += 1
        _write_layer(file, name, layer)
        names.append(name)
    return names


def _write_layer(file: h5py.File, name: str, layer: Any) -> None:
    group = file.create_group(name) if name not in file else file[name]
    translated = _VARIABLES.get(type(layer).__name__, {})
    names = []
    for weight in layer.weights:
        full = f"{name}/{translated.get(weight.name, weight.name)}:0"
        group.create_dataset(full, data=np.asarray(weight.numpy(), np.float32))
        names.append(full)
    group.attrs["weight_names"] = [each.encode() for each in names]
