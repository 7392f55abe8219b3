"""The light head: nearest-neighbour upsampling and separable convolutions."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="simplebase")
class UpsampleLiteHead(keras.Model):
    """Doubles the resolution a few times with separable convolutions, then predicts heatmaps.

    Each block is nearest-neighbour x2, SeparableConv2D, BatchNorm, ReLU; the last layer is a linear
    1x1 convolution that stays float32 under mixed precision. The shape follows Simple Baselines
    (Xiao et al., 2018, https://arxiv.org/abs/1804.06208) with lighter blocks.

    Args:
        input_shape: `(h, w, C)` of the backbone's output.
        num_keypoints: `K`.
        channels: filters of each block; as many blocks as values.
        kernel_size: of the separable convolutions.
        bn_momentum: of every BatchNorm, in Keras's convention. (Upstream's 0.1 is PyTorch's
            convention for the same thing: in Keras it forgets nine tenths at each step.)

    Input `(B, h, w, C)`, output `(B, 8h, 8w, K)` for three blocks.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        num_keypoints: int,
        channels: Sequence[int] = (256, 256, 256),
        kernel_size: int = 3,
        bn_momentum: float = 0.9,
        name: str = "upsample_lite",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        blocks = [
            [
                layers.UpSampling2D(2, interpolation="nearest", name=f"block{i}_upsample"),
                layers.SeparableConv2D(
                    filters, kernel_size, padding="same", use_bias=False, name=f"block{i}_conv"
                ),
                layers.BatchNormalization(momentum=bn_momentum, name=f"block{i}_bn"),
                layers.ReLU(name=f"block{i}_relu"),
            ]
            for i, filters in enumerate(channels, start=1)
        ]
        # Starting near zero, where most of a heatmap is, spares the loss its first climb down.
        predict = layers.Conv2D(
            num_keypoints,
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype="float32",
            name="heatmaps",
        )

        # === Functional graph ===
        features = layers.Input(input_shape)
        x = features
        for block in blocks:
            for layer in block:
                x = layer(x)
        super().__init__(inputs=features, outputs=predict(x), name=name, **kwargs)

        # === Config ===
        self.features_shape = tuple(input_shape)
        self.num_keypoints = num_keypoints
        self.channels = tuple(channels)
        self.kernel_size = kernel_size
        self.bn_momentum = bn_momentum

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "input_shape": self.features_shape,
            "num_keypoints": self.num_keypoints,
            "channels": self.channels,
            "kernel_size": self.kernel_size,
            "bn_momentum": self.bn_momentum,
            "name": self.name,
        }
