"""The base class of the heads: blocks that double the resolution, then a 1x1 prediction."""

import os
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
from keras import layers

from simplebase.dtypes import DTYPES, build_with, dtypes_config
from simplebase.errors import ArgumentError
from simplebase.freezing import FROZEN, freeze_layers, frozen_config
from simplebase.layers import BatchNormalization, Conv2D
from simplebase.presets.loader import as_preset
from simplebase.presets.preset import Preset

PREDICTION_LAYER = "heatmaps"
"""Name of every head's last layer, the only layer whose shape depends on the keypoints."""


class Head(keras.Model):
    """Base class of the heads: doubles the resolution in each block, then predicts heatmaps.

    The structure is that of Simple Baselines (Xiao et al., 2018, https://arxiv.org/abs/1804.06208).
    A block is an upsampling convolution, BatchNorm and ReLU. The last layer is a linear 1x1
    convolution that stays float32 under mixed precision. Subclasses define how a block upsamples.

    Args:
        input_shape: `(h, w, C)` of the backbone's output.
        num_keypoints: `K`.
        channels: filters of each block, one value per block.
        kernel_size: kernel size of the blocks' convolutions. The default is the subclass's
            `default_kernel_size`.
        bn_momentum: momentum of every BatchNorm, in Keras's convention. (Upstream copied PyTorch's
            0.1, which is 0.9 in Keras. In Keras, 0.1 forgets nine tenths at each step.)
        bn_epsilon: epsilon of every BatchNorm.

    Input: `(B, h, w, C)`.
    Output: `(B, 8h, 8w, K)` for three blocks.
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
                BatchNormalization(
                    momentum=bn_momentum, epsilon=bn_epsilon, name=f"block{block}_bn"
                ),
                layers.ReLU(name=f"block{block}_relu"),
            ]
        # Most of a heatmap is zero, so starting near zero saves the first steps of training.
        predict = Conv2D(
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

    @classmethod
    def from_preset(
        cls,
        preset: str | os.PathLike[str] | Preset,
        num_keypoints: int,
        input_shape: tuple[int, int, int],
    ) -> Self:
        """Builds the head of a preset, with random weights.

        Args:
            preset: a preset's name, the path of a YAML file, or a loaded preset. `Head` accepts
                presets with any head, a subclass only those with its own.
            num_keypoints: `K`.
            input_shape: `(h, w, C)` of the backbone's output: `backbone.output_shape[1:]`.

        Raises:
            ArgumentError: the preset is unknown or has another head, or a size is invalid.
            MissingFileError: the YAML file does not exist.
            DataError: the YAML file has an unknown key or an invalid value.
        """
        # Imported here: that package imports the heads, which import this module.
        from simplebase.heads import HEADS

        preset = as_preset(preset)
        kind = HEADS[preset.head.name]
        if not issubclass(kind, cls):
            raise ArgumentError(
                f"preset {preset.name!r} is built with {kind.__name__}, not {cls.__name__}. Call "
                f"{kind.__name__}.from_preset, or choose another preset."
            )
        if num_keypoints < 1:
            raise ArgumentError(f"num_keypoints must be at least 1. Received: {num_keypoints!r}.")
        if len(input_shape) != 3 or not all(
            isinstance(size, int) and size > 0 for size in input_shape
        ):
            raise ArgumentError(
                "input_shape must be (h, w, C), three numbers above 0, such as "
                f"backbone.output_shape[1:]. Received: {input_shape!r}."
            )
        settings = preset.head.model_dump(exclude={"name"}, exclude_none=True)
        return kind(input_shape, num_keypoints, **settings)

    @staticmethod
    def upsampling(filters: int, kernel_size: int, name: str) -> list[keras.layers.Layer]:
        """Returns the layers that map `(B, h, w, C)` to `(B, 2h, 2w, filters)`, without bias."""
        raise TypeError("Head is abstract: use DeconvHead, UpsampleHead or UpsampleLiteHead.")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the frozen layers and the dtype policies."""
        return {
            "input_shape": self.features_shape,
            "num_keypoints": self.num_keypoints,
            "channels": self.channels,
            "kernel_size": self.kernel_size,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "name": self.name,
            **frozen_config(self),
            **dtypes_config(self),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Head":
        """Builds the head that `get_config` describes."""
        arguments = {key: value for key, value in config.items() if key not in (DTYPES, FROZEN)}
        head = build_with(config.get(DTYPES, {}), lambda: cls(**arguments))
        freeze_layers(head, config.get(FROZEN, []))
        return head
