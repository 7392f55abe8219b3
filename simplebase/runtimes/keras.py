"""`.keras` files, and models in memory."""

import os

import numpy as np
import tensorflow as tf

from simplebase.estimator import SimpleBaseline, load_model


class KerasRuntime:
    """Runs a `SimpleBaseline`, traced once for all batch sizes."""

    def __init__(self, model: SimpleBaseline) -> None:
        """`model`: its later changes of weights are seen."""
        self.metadata = model.metadata
        shape = (None, *model.metadata.input_size, 3)
        self._heatmaps = tf.function(
            lambda images: model(images, training=False),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            jit_compile=False,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "KerasRuntime":
        """Opens a file that simplebase saved."""
        return cls(load_model(path))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """`(B, H, W, 3)` uint8 RGB to `(B, h, w, K)` float32."""
        return self._heatmaps(tf.convert_to_tensor(images)).numpy()
