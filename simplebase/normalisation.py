"""From RGB 0..255 to what a backbone's weights were trained on, inside the graph."""

from typing import Any

import keras
import numpy as np

from simplebase.errors import ArgumentError

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

NORMALISATIONS: dict[str, dict[str, Any]] = {
    # The three modes of keras.applications: -1 to 1; ImageNet statistics; BGR less its mean.
    "tf": {"mean": (127.5, 127.5, 127.5), "std": (127.5, 127.5, 127.5)},
    "torch": {
        "mean": tuple(255 * mean for mean in _IMAGENET_MEAN),
        "std": tuple(255 * std for std in _IMAGENET_STD),
    },
    # The official Simple Baselines: BGR, as OpenCV reads images, but statistics in the order RGB.
    # (github.com/microsoft/human-pose-estimation.pytorch, issue 73 and lib/dataset)
    "torch_bgr": {
        "mean": tuple(255 * mean for mean in reversed(_IMAGENET_MEAN)),
        "std": tuple(255 * std for std in reversed(_IMAGENET_STD)),
        "bgr": True,
    },
    "caffe": {"mean": (123.68, 116.779, 103.939), "std": (1.0, 1.0, 1.0), "bgr": True},
    # The tf.keras project that simplebase re-implements: 0 to 1, less the mean of its data.
    "upstream": {"mean": (112.302, 113.22, 110.3385), "std": (255.0, 255.0, 255.0)},
    # For a backbone that takes 0 to 255, such as EfficientNet of keras.applications.
    "none": {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
}


@keras.saving.register_keras_serializable(package="simplebase")
class Normalisation(keras.layers.Layer):
    """`(x - mean) / std` a channel, then perhaps the order BGR.

    It computes in float32 whatever the precision policy, since bfloat16 cannot tell 254 from 255.

    Args:
        mode: a name in `NORMALISATIONS`: `tf`, `torch`, `torch_bgr`, `caffe`, `upstream`,
            `none`.

    Input `(B, H, W, 3)` RGB 0..255, any float or uint8; output the same shape, float32.

    Raises:
        ArgumentError: an unknown mode.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if mode not in NORMALISATIONS:
            raise ArgumentError(
                f"normalisation is one of {', '.join(NORMALISATIONS)}. Received: {mode!r}."
            )
        self.mode = mode

    def call(self, images: Any) -> Any:
        """Normalised images."""
        settings = NORMALISATIONS[self.mode]
        # uint8 would be computed in uint8.
        centred = keras.ops.cast(images, "float32") - np.array(settings["mean"], np.float32)
        scaled = centred * (1 / np.array(settings["std"], np.float32))
        return keras.ops.flip(scaled, axis=-1) if settings.get("bgr") else scaled

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """`mode`, besides the base's."""
        return {**super().get_config(), "mode": self.mode}
