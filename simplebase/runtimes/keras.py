"""`.keras` files, and models in memory."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from simplebase.cost import count_cost
from simplebase.devices import explaining_out_of_memory
from simplebase.estimator import SimpleBaseline, load_model
from simplebase.metadata import Cost
from simplebase.runtimes.artifact import empty_output, require_images
from simplebase.runtimes.graph import set_threads


class KerasRuntime:
    """Runs a `SimpleBaseline`, traced once for all batch sizes."""

    def __init__(self, model: SimpleBaseline) -> None:
        """`model`: the model. Later changes of its weights take effect."""
        self.model = model
        self.metadata = model.metadata
        shape = (None, *model.metadata.input_size, 3)
        self._heatmaps = tf.function(
            lambda images: model(images, training=False),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            jit_compile=False,
        )

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Maps `(B, H, W, 3)` uint8 RGB to `(B, h, w, K)` float32.

        Raises:
            ArgumentError: the images have another size or type.
            OutOfMemoryError: the device does not have enough memory.
        """
        require_images(images, self.metadata.input_size)
        if len(images) == 0:
            return empty_output(self.metadata, "heatmaps")
        with explaining_out_of_memory(len(images)):
            return self._heatmaps(tf.convert_to_tensor(images)).numpy()

    def count_cost(self) -> Cost:
        """Returns the parameters, and the operations per image."""
        return count_cost(self.model, self.metadata.input_size)


def load(path: Path, threads: int | None) -> KerasRuntime:
    """Opens a file that simplebase saved; see `load_runtime`."""
    set_threads(threads)
    return KerasRuntime(load_model(path))
