"""`.keras` files, and models in memory."""

import os

import numpy as np
import tensorflow as tf

from simplebase.cost import count_gflops, count_params
from simplebase.estimator import SimpleBaseline, load_model


class KerasRuntime:
    """Runs a `SimpleBaseline`, traced once for all batch sizes."""

    def __init__(self, model: SimpleBaseline) -> None:
        """`model`: its later changes of weights are seen."""
        self.model = model
        self.metadata = model.metadata
        shape = (None, *model.metadata.input_size, 3)
        self._heatmaps = tf.function(
            lambda images: model(images, training=False),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            jit_compile=False,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int | None = None) -> "KerasRuntime":
        """Opens a file that simplebase saved.

        Args:
            path: the file.
            threads: of TensorFlow in this process, which takes them only before its first use.
        """
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        return cls(load_model(path))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """`(B, H, W, 3)` uint8 RGB to `(B, h, w, K)` float32."""
        return self._heatmaps(tf.convert_to_tensor(images)).numpy()

    def count_cost(self) -> tuple[int, float]:
        """Trainable parameters, and GFLOPs of one image."""
        return count_params(self.model), count_gflops(self.model, self.metadata.input_size)
