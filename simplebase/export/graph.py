"""What is exported: images to heatmaps, to keypoints, or to both, as a function of TensorFlow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from simplebase.estimator import SimpleBaseline
from simplebase.export.decoding import DarkDecoding
from simplebase.metadata import ModelMetadata, Output

INPUT = "images"
"""Name of the input in every format that has names."""

DECODING = "decoding"
"""In the names of all operations that decode, in every format that has names."""


class ExportGraph:
    """A model from RGB 0..255 to `outputs`.

    Args:
        model: normalises by itself.
        outputs: see `ModelMetadata.outputs`; keypoints are decoded by `dark`.
    """

    def __init__(self, model: SimpleBaseline, outputs: tuple[Output, ...]) -> None:
        self.model = model
        self.outputs = outputs
        self._decoding = DarkDecoding(model.metadata.codec, name=DECODING, dtype="float32")

    @property
    def metadata(self) -> ModelMetadata:
        """What the exported file will say of itself."""
        return replace(self.model.metadata, outputs=self.outputs)

    def __call__(self, images: Any) -> dict[str, Any]:
        """`(B, H, W, 3)` to heatmaps `(B, h, w, K)` and keypoints `(B, K, 3)`, by name."""
        heatmaps = self.model(images, training=False)
        answers = {"heatmaps": heatmaps}
        if "keypoints" in self.outputs:
            answers["keypoints"] = self._decoding(heatmaps)
        return {name: answers[name] for name in self.outputs}

    def signature(self, batch: int | None, dtype: str = "float32") -> list[tf.TensorSpec]:
        """Of the input, `(batch, H, W, 3)`; a batch of None takes any number."""
        shape = (batch, *self.model.metadata.input_size, 3)
        return [tf.TensorSpec(shape, dtype, name=INPUT)]

    def function(self, batch: int | None, dtype: str = "float32") -> Any:
        """The graph as a `tf.function` of that one signature."""
        signature = self.signature(batch, dtype)
        return tf.function(self.__call__, input_signature=signature, jit_compile=False)

    def write_saved_model(self, folder: Path, batch: int | None) -> None:
        """Writes a SavedModel folder with a serving signature."""
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        archive.add_endpoint("serve", self.__call__, self.signature(batch))
        archive.write_out(folder, verbose=False)
