"""Convolution, BatchNorm and activation: the unit from which our own backbones are built."""

from dataclasses import dataclass
from typing import Any

from keras import layers

from simplebase.backbones.backbone import Padding, check_padding
from simplebase.layers import BatchNormalization, Conv2D


@dataclass(frozen=True)
class Convolution:
    """Applies convolution, BatchNorm and activation to a symbolic tensor.

    Args:
        bn_momentum: momentum of every BatchNorm, in Keras's convention.
        bn_epsilon: epsilon of every BatchNorm.
        padding: `same` pads a strided convolution as Keras does, more on the right and bottom;
            `symmetric` as PyTorch does, the same on all sides.
    """

    bn_momentum: float
    bn_epsilon: float
    padding: Padding

    def __post_init__(self) -> None:
        """Checks the padding."""
        check_padding(self.padding)

    def __call__(
        self,
        x: Any,
        filters: int,
        kernel_size: int,
        *,
        name: str,
        strides: int = 1,
        activation: str | None = "relu",
    ) -> Any:
        """Maps `(B, h, w, C)` to `(B, h / strides, w / strides, filters)`."""
        x, padding = self._padded(x, kernel_size, strides, name)
        convolution = Conv2D(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=False,
            name=f"{name}_conv",
        )
        return self._finished(convolution(x), activation, name)

    def depthwise(
        self, x: Any, kernel_size: int, *, name: str, strides: int = 1, activation: str | None
    ) -> Any:
        """Maps `(B, h, w, C)` to `(B, h / strides, w / strides, C)`, each channel by itself."""
        x, padding = self._padded(x, kernel_size, strides, name)
        convolution = layers.DepthwiseConv2D(
            kernel_size, strides=strides, padding=padding, use_bias=False, name=f"{name}_dwconv"
        )
        return self._finished(convolution(x), activation, name)

    def _padded(self, x: Any, kernel_size: int, strides: int, name: str) -> tuple[Any, str]:
        if strides == 1 or kernel_size == 1 or self.padding == "same":
            return x, "same"
        return layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"

    def _finished(self, x: Any, activation: str | None, name: str) -> Any:
        x = BatchNormalization(
            momentum=self.bn_momentum, epsilon=self.bn_epsilon, name=f"{name}_bn"
        )(x)
        return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x
