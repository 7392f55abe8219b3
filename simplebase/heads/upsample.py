"""Heads with nearest-neighbour upsampling and ordinary or separable convolutions."""

import keras

from simplebase.heads.head import Head
from simplebase.layers import Conv2D, SeparableConv2D, UpSampling2D


@keras.saving.register_keras_serializable(package="simplebase")
class UpsampleHead(Head):
    """Upsamples by nearest neighbour, then Conv2D. For the arguments see `Head`."""

    @staticmethod
    def upsampling(filters: int, kernel_size: int, name: str) -> list[keras.layers.Layer]:
        """Returns nearest-neighbour upsampling by 2 and a convolution."""
        return [
            UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample"),
            Conv2D(filters, kernel_size, padding="same", use_bias=False, name=f"{name}_conv"),
        ]


@keras.saving.register_keras_serializable(package="simplebase")
class UpsampleLiteHead(Head):
    """Upsamples by nearest neighbour, then SeparableConv2D. For the arguments see `Head`."""

    @staticmethod
    def upsampling(filters: int, kernel_size: int, name: str) -> list[keras.layers.Layer]:
        """Returns nearest-neighbour upsampling by 2 and a separable convolution."""
        return [
            UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample"),
            SeparableConv2D(
                filters, kernel_size, padding="same", use_bias=False, name=f"{name}_conv"
            ),
        ]
