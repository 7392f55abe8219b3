"""MobileNet, version 1."""

import keras

from simplebase.backbones.applications import ApplicationBackbone


@keras.saving.register_keras_serializable(package="simplebase")
class MobileNetV1Backbone(ApplicationBackbone):
    """MobileNet without its classifier (Howard et al., 2017, https://arxiv.org/abs/1704.04861).

    For the arguments see `ApplicationBackbone`. Input `(B, H, W, 3)`, normalised; output
    `(B, H/32, W/32, 1024)` for `alpha` 1.
    """

    normalisation = "tf"
    application = keras.applications.MobileNet
