"""GhostNet, implemented from the paper."""

from typing import Any, NamedTuple

import keras
from keras import layers

from simplebase.backbones.backbone import Backbone, Padding
from simplebase.backbones.convolution import Convolution
from simplebase.geometry import Size


class _Row(NamedTuple):
    """A ghost bottleneck, a row of the paper's Table 1."""

    kernel: int
    expanded: int
    out: int
    squeeze_excite: bool
    strides: int


_TABLE_1 = (
    _Row(3, 16, 16, False, 1),
    _Row(3, 48, 24, False, 2),
    _Row(3, 72, 24, False, 1),
    _Row(5, 72, 40, True, 2),
    _Row(5, 120, 40, True, 1),
    _Row(3, 240, 80, False, 2),
    _Row(3, 200, 80, False, 1),
    _Row(3, 184, 80, False, 1),
    _Row(3, 184, 80, False, 1),
    _Row(3, 480, 112, True, 1),
    _Row(3, 672, 112, True, 1),
    _Row(5, 672, 160, True, 2),
    _Row(5, 960, 160, False, 1),
    _Row(5, 960, 160, True, 1),
    _Row(5, 960, 160, False, 1),
    _Row(5, 960, 160, True, 1),
)
_STEM, _LAST = 16, 960


@keras.saving.register_keras_serializable(package="simplebase")
class GhostNetBackbone(Backbone):
    """GhostNet without its classifier (Han et al., 2020, https://arxiv.org/abs/1911.11907).

    A ghost module computes half of its channels with a 1x1 convolution, and the other half from
    these with a cheap depthwise convolution. Ghost bottlenecks follow Table 1. Squeeze-excite has a
    quarter of the channels and a hard sigmoid. The last layer is the 1x1 convolution to 960
    channels.

    Args:
        input_size: `(height, width)` in pixels, each a multiple of 32.
        alpha: width multiplier.
        bn_momentum: momentum of every BatchNorm, in Keras's convention.
        bn_epsilon: epsilon of every BatchNorm.
        padding: `same` pads strided convolutions as Keras does, `symmetric` as PyTorch does.
        normalisation: the normalisation that its weights expect, a name of
            `simplebase.normalisation`. The default is that of the family's ImageNet weights.

    Input `(B, H, W, 3)`, normalised; output `(B, H/32, W/32, 960)` for `alpha` 1.
    """

    normalisation = "torch"

    def __init__(
        self,
        input_size: Size = (256, 256),
        alpha: float = 1.0,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1e-3,
        padding: Padding = "same",
        normalisation: str | None = None,
        name: str = "ghostnet",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        convolve = Convolution(bn_momentum, bn_epsilon, padding)

        def ghost(x: Any, filters: int, activation: str | None, name: str) -> Any:
            x = convolve(x, filters // 2, 1, activation=activation, name=f"{name}_primary")
            cheap = convolve.depthwise(x, 3, activation=activation, name=f"{name}_cheap")
            return layers.Concatenate(name=f"{name}_concat")([x, cheap])

        def squeeze_excite(x: Any, name: str) -> Any:
            channels = x.shape[-1]
            gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
            gate = layers.Conv2D(
                _multiple_of(4, channels / 4), 1, activation="relu", name=f"{name}_reduce"
            )(gate)
            gate = layers.Conv2D(channels, 1, name=f"{name}_expand")(gate)
            gate = layers.Activation("hard_sigmoid", name=f"{name}_gate")(gate)
            return layers.Multiply(name=f"{name}_scale")([x, gate])

        def bottleneck(x: Any, row: _Row, name: str) -> Any:
            out, shortcut = _multiple_of(4, row.out * alpha), x
            x = ghost(x, _multiple_of(4, row.expanded * alpha), "relu", f"{name}_ghost1")
            if row.strides > 1:
                x = convolve.depthwise(
                    x, row.kernel, strides=row.strides, activation=None, name=f"{name}_middle"
                )
            if row.squeeze_excite:
                x = squeeze_excite(x, f"{name}_se")
            x = ghost(x, out, None, f"{name}_ghost2")
            if row.strides > 1 or shortcut.shape[-1] != out:
                shortcut = convolve.depthwise(
                    shortcut,
                    row.kernel,
                    strides=row.strides,
                    activation=None,
                    name=f"{name}_shortcut1",
                )
                shortcut = convolve(shortcut, out, 1, activation=None, name=f"{name}_shortcut2")
            return layers.Add(name=f"{name}_add")([x, shortcut])

        # === Functional graph ===
        images = layers.Input((*input_size, 3))
        x = convolve(images, _multiple_of(4, _STEM * alpha), 3, strides=2, name="stem")
        for number, row in enumerate(_TABLE_1, start=1):
            x = bottleneck(x, row, f"block{number}")
        x = convolve(x, _multiple_of(4, _LAST * alpha), 1, name="last")
        super().__init__(inputs=images, outputs=x, name=name, **kwargs)

        # === Config ===
        self.input_size = tuple(input_size)
        self.alpha = alpha
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon
        self.padding = padding
        self.normalisation = normalisation or type(self).normalisation

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


def _multiple_of(divisor: int, channels: float) -> int:
    """Rounds `channels` to a multiple of `divisor`, at least one, at most a tenth lower."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest
