"""Rebuilding a network of `keras.applications` with constants that it fixes."""

from typing import Any, Literal

import keras

from simplebase.errors import ArgumentError

Padding = Literal["same", "symmetric"]


def rebuilt(
    base: keras.Model, *, bn_momentum: float, bn_epsilon: float, padding: Padding
) -> keras.Model:
    """`base` with other BatchNorm constants and padding; layers keep their names and order.

    Args:
        base: a functional model whose strided convolutions have kernel 3 or 5.
        bn_momentum: of every BatchNorm, in Keras's convention.
        bn_epsilon: of every BatchNorm.
        padding: `same` pads a strided convolution as Keras does, more on the right and bottom;
            `symmetric` as PyTorch does, the same on all sides.
    """
    if padding not in ("same", "symmetric"):
        raise ArgumentError(f"padding is same or symmetric. Received: {padding!r}.")
    symmetric = padding == "symmetric"

    def is_stem(layer: keras.layers.Layer) -> bool:
        return (
            isinstance(layer, keras.layers.Conv2D)
            and layer.strides == (2, 2)
            and layer.kernel_size[0] > 1
        )

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config.update(momentum=bn_momentum, epsilon=bn_epsilon)
        elif symmetric and isinstance(layer, keras.layers.ZeroPadding2D):
            # keras.applications pads (0, 1) for kernel 3, (1, 2) for kernel 5.
            config["padding"] = tuple((max(side), max(side)) for side in layer.padding)
        elif symmetric and is_stem(layer):
            config["padding"] = "valid"
        return type(layer).from_config(config)

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if symmetric and is_stem(layer):
            pad = keras.layers.ZeroPadding2D(
                layer.kernel_size[0] // 2, name=f"{layer.name}_symmetric"
            )
            return layer(pad(args[0]), *args[1:], **kwargs)
        return layer(*args, **kwargs)

    return keras.models.clone_model(base, clone_function=clone, call_function=call)
