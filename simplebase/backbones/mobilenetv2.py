"""MobileNetV2 on `keras.applications`."""

from typing import Any

import keras

from simplebase.backbones.applications import Padding, rebuilt
from simplebase.backbones.backbone import Backbone
from simplebase.geometry import Size


@keras.saving.register_keras_serializable(package="simplebase")
class MobileNetV2Backbone(Backbone):
    """MobileNetV2 without its classifier (Sandler et al., 2018, https://arxiv.org/abs/1801.04381).

    Args:
        input_size: `(height, width)` in pixels, each a multiple of 32.
        alpha: width multiplier.
        bn_momentum: of every BatchNorm, in Keras's convention. The 0.999 of `keras.applications`
            leaves a short training with the statistics that it began with.
        bn_epsilon: of every BatchNorm.
        padding: `same` as Keras pads strided convolutions, `symmetric` as PyTorch does.

    Input `(B, H, W, 3)`, normalised; output `(B, H/32, W/32, 1280)` for `alpha` up to 1.
    """

    normalisation = "tf"
    application = keras.applications.MobileNetV2

    def __init__(
        self,
        input_size: Size = (256, 256),
        alpha: float = 1.0,
        bn_momentum: float = 0.9,
        bn_epsilon: float = 1e-3,
        padding: Padding = "same",
        name: str = "mobilenetv2",
        **kwargs: Any,
    ) -> None:
        # === Layers and functional graph ===
        base = rebuilt(
            keras.applications.MobileNetV2(
                input_shape=(*input_size, 3), alpha=alpha, include_top=False, weights=None
            ),
            bn_momentum=bn_momentum,
            bn_epsilon=bn_epsilon,
            padding=padding,
        )
        super().__init__(inputs=base.inputs[0], outputs=base.outputs[0], name=name, **kwargs)

        # === Config ===
        self.input_size = tuple(input_size)
        self.alpha = alpha
        self.bn_momentum = bn_momentum
        self.bn_epsilon = bn_epsilon
        self.padding = padding

    def application_arguments(self) -> dict[str, Any]:
        """Adds the width multiplier."""
        return {**super().application_arguments(), "alpha": self.alpha}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "input_size": self.input_size,
            "alpha": self.alpha,
            "bn_momentum": self.bn_momentum,
            "bn_epsilon": self.bn_epsilon,
            "padding": self.padding,
            "name": self.name,
        }
