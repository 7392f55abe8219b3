"""PeleeNet, implemented from the paper."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from simplebase.backbones.backbone import Backbone, Padding
from simplebase.backbones.convolution import Convolution
from simplebase.geometry import Size


@keras.saving.register_keras_serializable(package="simplebase")
class PeleeNetBackbone(Backbone):
    """PeleeNet without its classifier (Wang et al., 2018, https://arxiv.org/abs/1804.06882).

    It has a stem of two branches and four stages of two-way dense layers. Each stage ends with a
    1x1 transition that keeps the number of channels. Average pooling halves the resolution between
    the stages. Each convolution is followed by BatchNorm and ReLU.

    Args:
        input_size: `(height, width)` in pixels, each a multiple of 32.
        depths: number of dense layers in each stage.
        growth_rate: channels that a dense layer adds, half of them by each of its two branches.
        bottleneck_widths: width of the 1x1 convolutions in each stage, in units of half of
            `growth_rate`. As in the paper, it is limited to half of the stage's input channels.
        stem_channels: channels of the stem.
        bn_momentum: momentum of every BatchNorm, in Keras's convention.
        bn_epsilon: epsilon of every BatchNorm.
        padding: `same` pads strided convolutions as Keras does, `symmetric` as PyTorch does.
        normalisation: the normalisation that its weights expect, a name of
            `simplebase.normalisation`. The default is that of the family's ImageNet weights.

    Input `(B, H, W, 3)`, normalised; output `(B, H/32, W/32, 704)`.
    """

    normalisation = "torch"

    def __init__(
        self,
        input_size: Size = (256, 256),
        depths: Sequence[int] = (3, 4, 8, 6),
        growth_rate: int = 32,
        bottleneck_widths: Sequence[int] = (1, 2, 4, 4),
        stem_channels: int = 32,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1e-3,
        padding: Padding = "same",
        normalisation: str | None = None,
        name: str = "peleenet",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        convolve = Convolution(bn_momentum, bn_epsilon, padding)

        def stem(x: Any) -> Any:
            x = convolve(x, stem_channels, 3, strides=2, name="stem1")
            narrow = convolve(x, stem_channels // 2, 1, name="stem2a")
            narrow = convolve(narrow, stem_channels, 3, strides=2, name="stem2b")
            pooled = layers.MaxPooling2D(2, name="stem_pool")(x)
            x = layers.Concatenate(name="stem_concat")([pooled, narrow])
            return convolve(x, stem_channels, 1, name="stem3")

        def dense_layer(x: Any, width: int, name: str) -> Any:
            added = growth_rate // 2
            near = convolve(x, width, 1, name=f"{name}_near1")
            near = convolve(near, added, 3, name=f"{name}_near2")
            far = convolve(x, width, 1, name=f"{name}_far1")
            far = convolve(far, added, 3, name=f"{name}_far2")
            far = convolve(far, added, 3, name=f"{name}_far3")
            return layers.Concatenate(name=f"{name}_concat")([x, near, far])

        # === Functional graph ===
        images = layers.Input((*input_size, 3))
        x = stem(images)
        channels = stem_channels
        for stage, (depth, factor) in enumerate(zip(depths, bottleneck_widths, strict=True), 1):
            # A multiple of four, as in the authors' code.
            width = min(growth_rate // 2 * factor, channels // 8 * 4)
            for layer in range(1, depth + 1):
                x = dense_layer(x, width, name=f"stage{stage}_layer{layer}")
            channels += depth * growth_rate
            x = convolve(x, channels, 1, name=f"transition{stage}")
            if stage < len(depths):
                x = layers.AveragePooling2D(2, name=f"transition{stage}_pool")(x)
        super().__init__(inputs=images, outputs=x, name=name, **kwargs)

        # === Config ===
        self.input_size = tuple(input_size)
        self.depths = tuple(depths)
        self.growth_rate = growth_rate
        self.bottleneck_widths = tuple(bottleneck_widths)
        self.stem_channels = stem_channels
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon
        self.padding = padding
        self.normalisation = normalisation or type(self).normalisation

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, the frozen layers and the dtype policies."""
        return {
            **super().get_config(),
            "input_size": self.input_size,
            "depths": self.depths,
            "growth_rate": self.growth_rate,
            "bottleneck_widths": self.bottleneck_widths,
            "stem_channels": self.stem_channels,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "padding": self.padding,
            "normalisation": self.normalisation,
        }
