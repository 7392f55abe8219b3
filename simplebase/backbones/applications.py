"""Backbones that are built from `keras.applications`."""

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from simplebase.backbones.backbone import Backbone, Padding, check_padding
from simplebase.geometry import Size
from simplebase.layers import quicker


class ApplicationBackbone(Backbone):
    """A network of `keras.applications`, with its fixed constants as arguments.

    Args:
        input_size: `(height, width)` in pixels, each a multiple of 32.
        alpha: width multiplier.
        bn_momentum: momentum of every BatchNorm, in Keras's convention. With the 0.99 or 0.999 of
            `keras.applications`, the statistics hardly change in a short training run.
        bn_epsilon: epsilon of every BatchNorm.
        padding: `same` pads strided convolutions as Keras does, `symmetric` as PyTorch does.
        normalisation: the normalisation that its weights expect, a name of
            `simplebase.normalisation`. The default is that of the family's ImageNet weights.

    Class attributes:
        application: the constructor in `keras.applications`.
        application_arguments: arguments that it is always called with.
    """

    application: ClassVar[Callable[..., keras.Model]]
    application_arguments: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        input_size: Size = (256, 256),
        alpha: float = 1.0,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1e-3,
        padding: Padding = "same",
        normalisation: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        # === Layers and functional graph ===
        base = rebuilt(
            self._build(input_size, alpha, include_top=False, weights=None),
            bn_momentum=bn_momentum,
            bn_epsilon=bn_epsilon,
            padding=padding,
        )
        name = name or type(self).__name__.removesuffix("Backbone").lower()
        super().__init__(inputs=base.inputs[0], outputs=base.outputs[0], name=name, **kwargs)

        # === Config ===
        self.input_size: Size = (input_size[0], input_size[1])
        self.alpha = alpha
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon
        self.padding = padding
        self.normalisation = normalisation or type(self).normalisation

    def build_application(self, **arguments: Any) -> keras.Model:
        """Returns the network as `keras.applications` builds it."""
        return self._build(self.input_size, self.alpha, **arguments)

    @classmethod
    def _build(cls, input_size: Size, alpha: float, **arguments: Any) -> keras.Model:
        with warnings.catch_warnings():
            # Keras notes that its weights were trained at another size, which is always so here.
            warnings.filterwarnings("ignore", message=".*input_shape", category=UserWarning)
            return cls.application(
                input_shape=(*input_size, 3), alpha=alpha, **cls.application_arguments, **arguments
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the frozen layers and the dtype policies."""
        return {
            **super().get_config(),
            "input_size": self.input_size,
            "alpha": self.alpha,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "padding": self.padding,
            "normalisation": self.normalisation,
        }


def rebuilt(
    base: keras.Model, *, bn_momentum: float, bn_epsilon: float, padding: Padding
) -> keras.Model:
    """Rebuilds `base` with other BatchNorm constants and padding.

    Args:
        base: a functional model whose strided convolutions have kernel size 3 or 5.
        bn_momentum: momentum of every BatchNorm, in Keras's convention.
        bn_epsilon: epsilon of every BatchNorm.
        padding: `same` pads a strided convolution as Keras does, more on the right and bottom;
            `symmetric` as PyTorch does, the same on all sides.
    """
    check_padding(padding)
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
        return quicker(type(layer)).from_config(config)

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if symmetric and is_stem(layer):
            pad = keras.layers.ZeroPadding2D(
                layer.kernel_size[0] // 2, name=f"{layer.name}_symmetric"
            )
            return layer(pad(args[0]), *args[1:], **kwargs)
        return layer(*args, **kwargs)

    return keras.models.clone_model(base, clone_function=clone, call_function=call)
