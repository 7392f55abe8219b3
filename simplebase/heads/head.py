"""What the heads share: blocks that double the resolution, then a 1x1 prediction."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import layers

from simplebase.freezing import FROZEN, freeze_layers, frozen_config

PREDICTION_LAYER = "heatmaps"
"""Name of every head's last layer, the only one whose shape depends on the keypoints."""


class Head(keras.Model):
    """Doubles the resolution in each block, then predicts heatmaps.

    The shape is that of Simple Baselines (Xiao et al., 2018, https://arxiv.org/abs/1804.06208): a
    block is an upsampling convolution, BatchNorm and ReLU; the last layer is a linear 1x1
    convolution that stays float32 under mixed precision. Subclasses say how a block upsamples.

    Args:
        input_shape: `(h, w, C)` of the backbone's output.
        num_keypoints: `K`.
        channels: filters of each block; as many blocks as values.
        kernel_size: of the blocks' convolutions; by default the subclass's `default_kernel_size`.
        bn_momentum: of every BatchNorm, in Keras's convention. (Upstream's 0.1 is what PyTorch
            calls 0.1 and Keras 0.9: in Keras it forgets nine tenths at each step.)
        bn_epsilon: of every BatchNorm.

    Input `(B, h, w, C)`, output `(B, 8h, 8w, K)` for three blocks.
    """

    default_kernel_size: ClassVar[int] = 3

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        num_keypoints: int,
        channels: Sequence[int] = (256, 256, 256),
        kernel_size: int | None = None,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1e-3,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kernel_size = kernel_size or self.default_kernel_size

        # === Layers ===
        blocks: list[keras.layers.Layer] = []
        for block, filters in enumerate(channels, start=1):
            blocks += self.upsampling(filters, kernel_size, f"block{block}")
            blocks += [
                layers.BatchNormalization(
                    momentum=bn_momentum, epsilon=bn_epsilon, name=f"block{block}_bn"
                ),
                layers.ReLU(name=f"block{block}_relu"),
            ]
        # Starting near zero, where most of a heatmap is, spares the loss its first climb down.
        predict = layers.Conv2D(
            num_keypoints,
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype="float32",
            name=PREDICTION_LAYER,
        )

        # === Functional graph ===
        features = layers.Input(input_shape)
        x = features
        for layer in blocks:
            x = layer(x)
        super().__init__(inputs=features, outputs=predict(x), name=name, **kwargs)

        # === Config ===
        self.features_shape = tuple(input_shape)
        self.num_keypoints = num_keypoints
        self.channels = tuple(channels)
        self.kernel_size = kernel_size
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon

    @staticmethod
    def upsampling(filters: int, kernel_size: int, name: str) -> list[keras.layers.Layer]:
        """The layers from `(B, h, w, C)` to `(B, 2h, 2w, filters)`, without bias."""
        raise TypeError("Head is abstract: use DeconvHead, UpsampleHead or UpsampleLiteHead.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and what is frozen."""
        return {
            "input_shape": self.features_shape,
            "num_keypoints": self.num_keypoints,
            "channels": self.channels,
            "kernel_size": self.kernel_size,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "name": self.name,
            **frozen_config(self),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Head":
        """Builds the head that `get_config` describes."""
        head = cls(**{key: value for key, value in config.items() if key != FROZEN})
        freeze_layers(head, config.get(FROZEN, []))
        return head
