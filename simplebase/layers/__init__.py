"""Layers of Keras whose training step is faster; see each module for what differs.

Names, arguments, weights and files are those of the Keras layers that they derive from, and so are
the graphs of inference, which exports convert.
"""

from typing import Any

import keras

from simplebase.layers.batch_norm import BatchNormalization
from simplebase.layers.convolution import Conv2D, SeparableConv2D
from simplebase.layers.upsampling import UpSampling2D

__all__ = [
    "BatchNormalization",
    "Conv2D",
    "SeparableConv2D",
    "UpSampling2D",
    "quicker",
]

_QUICKER = {
    getattr(keras.layers, layer.__name__): layer
    for layer in (BatchNormalization, Conv2D, SeparableConv2D, UpSampling2D)
}


def quicker(layer: type[keras.layers.Layer]) -> Any:
    """The class here that stands for `layer` of Keras; `layer` itself if there is none."""
    return _QUICKER.get(layer, layer)
