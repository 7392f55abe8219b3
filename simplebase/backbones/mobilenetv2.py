"""MobileNetV2."""

import keras

from simplebase.backbones.applications import ApplicationBackbone


@keras.saving.register_keras_serializable(package="simplebase")
class MobileNetV2Backbone(ApplicationBackbone):
    """MobileNetV2 without its classifier (Sandler et al., 2018, https://arxiv.org/abs/1801.04381).

    For the arguments see `ApplicationBackbone`. Input `(B, H, W, 3)`, normalised; output
    `(B, H/32, W/32, 1280)` for `alpha` up to 1.
    """

    normalisation = "tf"
    application = keras.applications.MobileNetV2
