"""Fills our backbones and heads with the weights of a file."""

import keras

from simplebase.backbones import Backbone
from simplebase.converters.weights.checkpoint import Checkpoint
from simplebase.converters.weights.heads import RecognisedHead
from simplebase.converters.weights.layouts import module_weights, take_bias
from simplebase.converters.weights.recognition import Recognised
from simplebase.heads import PREDICTION_LAYER, Head


def fill_backbone(backbone: Backbone, recognised: Recognised, checkpoint: Checkpoint) -> None:
    """Sets the weights of a backbone; a classifier behind it is ignored.

    Raises:
        DataError: a tensor is missing or has another shape.
    """
    # PyTorch's ResNets have no biases before BatchNorm, so those of Keras are zero.
    biases = not (checkpoint.layout == "torch" and recognised.network.family == "resnet")
    for layer in backbone.layers:
        if layer.weights:
            module = recognised.prefix + recognised.network.translate(layer.name)
            layer.set_weights(module_weights(layer, module, checkpoint, biases=biases))


def fill_head(head: Head, found: RecognisedHead, checkpoint: Checkpoint) -> None:
    """Sets the weights of a head.

    Our convolutions have no bias, because a BatchNorm follows. A bias in the file is subtracted
    from that BatchNorm's mean: `(x + b) - m` is `x - (m - b)`.

    Raises:
        DataError: a tensor is missing or has another shape.
    """
    pairs = zip(found.convolutions, found.batch_norms, strict=True)
    for block, (convolution, norm) in enumerate(pairs, start=1):
        upsampling = _layer(head, block, convolves=True)
        upsampling.set_weights(module_weights(upsampling, convolution, checkpoint))
        batch_norm = _layer(head, block, convolves=False)
        gamma, beta, mean, variance = module_weights(batch_norm, norm, checkpoint)
        mean = mean - take_bias(convolution, len(mean), checkpoint)
        batch_norm.set_weights([gamma, beta, mean, variance])
    prediction = head.get_layer(PREDICTION_LAYER)
    prediction.set_weights(module_weights(prediction, found.prediction, checkpoint))


def _layer(head: Head, block: int, *, convolves: bool) -> keras.layers.Layer:
    """Returns the convolution of a block, of any kind, or its BatchNorm."""
    for layer in head.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if layer.weights and layer.name.startswith(f"block{block}_") and is_norm != convolves:
            return layer
    raise ValueError(f"{head.name} has no block {block}")
