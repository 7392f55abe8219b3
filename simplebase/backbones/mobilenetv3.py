"""MobileNetV3, large and small."""

import keras

from simplebase.backbones.applications import ApplicationBackbone


@keras.saving.register_keras_serializable(package="simplebase")
class MobileNetV3LargeBackbone(ApplicationBackbone):
    """MobileNetV3-Large without its classifier (Howard et al., 2019, https://arxiv.org/abs/1905.02244).

    For the arguments see `ApplicationBackbone`. Input `(B, H, W, 3)`, normalised; output
    `(B, H/32, W/32, 960)` for `alpha` 1.
    """

    normalisation = "tf"
    application = keras.applications.MobileNetV3Large
    # With Keras's own rescaling, images would be normalised twice.
    application_arguments = {"include_preprocessing": False}


@keras.saving.register_keras_serializable(package="simplebase")
class MobileNetV3SmallBackbone(ApplicationBackbone):
    """MobileNetV3-Small without its classifier (Howard et al., 2019, https://arxiv.org/abs/1905.02244).

    For the arguments see `ApplicationBackbone`. Input `(B, H, W, 3)`, normalised; output
    `(B, H/32, W/32, 576)` for `alpha` 1.
    """

    normalisation = "tf"
    application = keras.applications.MobileNetV3Small
    application_arguments = {"include_preprocessing": False}
