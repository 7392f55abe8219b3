"""Normalises RGB 0..255 within the graph, as the backbone's weights expect."""

from typing import Any

import keras
import numpy as np

from simplebase.errors import ArgumentError

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

NORMALISATIONS: dict[str, dict[str, Any]] = {
    # The three modes of keras.applications: -1 to 1; ImageNet statistics; BGR minus its mean.
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
    # The tf.keras project that simplebase re-implements: 0 to 1, minus the mean of its data.
    "upstream": {"mean": (112.302, 113.22, 110.3385), "std": (255.0, 255.0, 255.0)},
    # For a backbone that takes 0 to 255, such as EfficientNet of keras.applications.
    "none": {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
}


@keras.saving.register_keras_serializable(package="simplebase")
class Normalisation(keras.layers.Layer):
    """Computes `(x - mean) / std` per channel, and changes the order to BGR if the mode needs it.

    It always computes in float32, because bfloat16 cannot distinguish 254 from 255.

    Args:
        mode: a name in `NORMALISATIONS`: `tf`, `torch`, `torch_bgr`, `caffe`, `upstream`,
            `none`.

    Input: `(B, H, W, 3)` RGB 0..255, any float type or uint8.
    Output: the same shape, float32.

    Raises:
        ArgumentError: the mode is unknown.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if mode not in NORMALISATIONS:
            raise ArgumentError(
                f"normalisation must be one of {', '.join(NORMALISATIONS)}. Received: {mode!r}."
            )
        self.mode = mode

    def call(self, images: Any) -> Any:
        """Normalised images."""
        settings = NORMALISATIONS[self.mode]
        # Without the cast, uint8 images would be computed in uint8.
        centred = keras.ops.cast(images, "float32") - np.array(settings["mean"], np.float32)
        scaled = centred * (1 / np.array(settings["std"], np.float32))
        return keras.ops.flip(scaled, axis=-1) if settings.get("bgr") else scaled

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the base layer's config and `mode`."""
        return {**super().get_config(), "mode": self.mode}
