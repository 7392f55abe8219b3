"""The head of the paper: transposed convolutions."""

import keras
from keras import layers

from simplebase.heads.head import Head


@keras.saving.register_keras_serializable(package="simplebase")
class DeconvHead(Head):
    """Upsamples with Conv2DTranspose of kernel size 4, as the official code does.

    For the arguments see `Head`.
    """

    default_kernel_size = 4

    @staticmethod
    def upsampling(filters: int, kernel_size: int, name: str) -> list[keras.layers.Layer]:
        """Returns one transposed convolution."""
        return [
            layers.Conv2DTranspose(
                filters,
                kernel_size,
                strides=2,
                padding="same",
                use_bias=False,
                name=f"{name}_deconv",
            )
        ]
