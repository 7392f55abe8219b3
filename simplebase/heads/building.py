"""Builds a head by name for any backbone."""

import keras

from simplebase.errors import ArgumentError
from simplebase.geometry import Size
from simplebase.heads import HEADS, Head


def build_head(name: str, backbone: keras.Model, input_size: Size, num_keypoints: int) -> Head:
    """Builds the head `name`, with random weights, for the features of `backbone`.

    Args:
        name: a name in `HEADS`.
        backbone: maps images `(B, H, W, 3)` to features `(B, H/32, W/32, C)`.
        input_size: `(H, W)`.
        num_keypoints: `K`.

    Raises:
        ArgumentError: the head is unknown, or the features have another size.
    """
    if name not in HEADS:
        raise ArgumentError(
            f"head must be one of {', '.join(HEADS)}, or a model. Received: {name!r}."
        )
    height, width = input_size
    features = tuple(backbone(keras.KerasTensor((None, height, width, 3))).shape[1:])
    if len(features) != 3 or (features[0] * 32, features[1] * 32) != (height, width):
        raise ArgumentError(
            f"head {name!r} needs features (h, w, C) of 1/32 of the input size, here "
            f"({height / 32:g}, {width / 32:g}, C). Backbone {backbone.name!r} returns {features}. "
            "Leave out its classifier or its last strides, choose an input size that is a "
            "multiple of 32, or pass a head of your own."
        )
    return HEADS[name](features, num_keypoints)
