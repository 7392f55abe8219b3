"""ResNet-50, 101 and 152, compatible with the weights of `keras.applications`."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import keras
from keras import layers

from simplebase.backbones.backbone import Backbone, Padding, check_padding
from simplebase.errors import ArgumentError
from simplebase.geometry import Size
from simplebase.layers import BatchNormalization, Conv2D

StrideIn = Literal["1x1", "3x3"]

_DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_APPLICATIONS: dict[int, Callable[..., keras.Model]] = {
    50: keras.applications.ResNet50,
    101: keras.applications.ResNet101,
    152: keras.applications.ResNet152,
}


@keras.saving.register_keras_serializable(package="simplebase")
class ResNetBackbone(Backbone):
    """Bottleneck ResNet without its classifier (He et al., 2015, https://arxiv.org/abs/1512.03385).

    Layers have the same names and order as in `keras.applications`, so its ImageNet files can be
    loaded. PyTorch's ResNets are the same network with `padding="symmetric"`, `stride_in="3x3"`,
    `bn_epsilon=1e-5` and all biases 0.

    Args:
        input_size: `(height, width)` in pixels, each a multiple of 32.
        depth: 50, 101 or 152.
        bn_momentum: momentum of every BatchNorm, in Keras's convention.
        bn_epsilon: epsilon of every BatchNorm. The default is that of `keras.applications`.
        padding: `same` pads the strided 3x3 convolutions as Keras does, `symmetric` as PyTorch
            does. The 7x7 stem and its pooling are padded symmetrically in both cases.
        stride_in: which convolution of a bottleneck has the stride: the first `1x1` (paper, Keras)
            or the `3x3` (PyTorch, "v1.5").
        stem_channels: channels of the stem. All other widths are multiples of it.
        normalisation: the normalisation that its weights expect, a name of
            `simplebase.normalisation`. The default is that of the family's ImageNet weights.

    Input `(B, H, W, 3)`, normalised; output `(B, H/32, W/32, 2048)` for
    64 `stem_channels`.

    Raises:
        ArgumentError: `depth`, `padding` or `stride_in` is invalid.
    """

    normalisation = "caffe"

    def __init__(
        self,
        input_size: Size = (256, 256),
        depth: int = 50,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1.001e-5,
        padding: Padding = "same",
        stride_in: StrideIn = "1x1",
        stem_channels: int = 64,
        normalisation: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if depth not in _DEPTHS:
            raise ArgumentError(
                f"depth must be one of {', '.join(map(str, _DEPTHS))}. Received: {depth}."
            )
        if stride_in not in get_args(StrideIn):
            raise ArgumentError(f"stride_in must be 1x1 or 3x3. Received: {stride_in!r}.")
        check_padding(padding)

        # === Layers ===
        def convolve(x: Any, filters: int, kernel: int, strides: int, name: str) -> Any:
            mode = "same"
            if kernel == 3 and strides > 1 and padding == "symmetric":
                x, mode = layers.ZeroPadding2D(1, name=f"{name}_pad")(x), "valid"
            x = Conv2D(
                filters,
                kernel,
                strides=strides,
                padding=mode,
                name=f"{name}_conv",
            )(x)
            return BatchNormalization(momentum=bn_momentum, epsilon=bn_epsilon, name=f"{name}_bn")(
                x
            )

        def bottleneck(x: Any, filters: int, strides: int, project: bool, name: str) -> Any:
            first, second = (strides, 1) if stride_in == "1x1" else (1, strides)
            shortcut = convolve(x, 4 * filters, 1, strides, f"{name}_0") if project else x
            x = convolve(x, filters, 1, first, f"{name}_1")
            x = layers.Activation("relu", name=f"{name}_1_relu")(x)
            x = convolve(x, filters, 3, second, f"{name}_2")
            x = layers.Activation("relu", name=f"{name}_2_relu")(x)
            x = convolve(x, 4 * filters, 1, 1, f"{name}_3")
            x = layers.Add(name=f"{name}_add")([shortcut, x])
            return layers.Activation("relu", name=f"{name}_out")(x)

        # === Functional graph ===
        images = layers.Input((*input_size, 3))
        x = layers.ZeroPadding2D(3, name="conv1_pad")(images)
        x = Conv2D(stem_channels, 7, strides=2, name="conv1_conv")(x)
        x = BatchNormalization(momentum=bn_momentum, epsilon=bn_epsilon, name="conv1_bn")(x)
        x = layers.Activation("relu", name="conv1_relu")(x)
        x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
        for stage, blocks in enumerate(_DEPTHS[depth]):
            for block in range(1, blocks + 1):
                strides = 2 if stage > 0 and block == 1 else 1
                name_ = f"conv{stage + 2}_block{block}"
                x = bottleneck(x, stem_channels * 2**stage, strides, block == 1, name_)
        super().__init__(inputs=images, outputs=x, name=name or f"resnet{depth}", **kwargs)

        # === Config ===
        self.input_size = tuple(input_size)
        self.depth = depth
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon
        self.padding = padding
        self.stride_in = stride_in
        self.stem_channels = stem_channels
        self.normalisation = normalisation or type(self).normalisation

    def build_application(self, **arguments: Any) -> keras.Model:
        """Builds ResNet50, ResNet101 or ResNet152 of `keras.applications`."""
        return _APPLICATIONS[self.depth](input_shape=(*self.input_size, 3), **arguments)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the frozen layers and the dtype policies."""
        return {
            **super().get_config(),
            "input_size": self.input_size,
            "depth": self.depth,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "padding": self.padding,
            "stride_in": self.stride_in,
            "stem_channels": self.stem_channels,
            "normalisation": self.normalisation,
        }
