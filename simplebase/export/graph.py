"""What is exported: images to heatmaps, to keypoints, or to both, as a function of TensorFlow."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import tensorflow as tf

from simplebase.cost import count_cost
from simplebase.decoding import DarkDecoding
from simplebase.estimator import SimpleBaseline
from simplebase.metadata import ModelMetadata, Output

INPUT = "images"
"""Name of the input in every format that has names."""

DECODING = "decoding"
"""In the names of all operations that decode, in every format that has names."""


Made = TypeVar("Made")


class ExportGraph:
    """A model from RGB 0..255 to `outputs`, and what the files of several formats begin with.

    Args:
        model: normalises by itself.
        outputs: see `ModelMetadata.outputs`; keypoints are decoded by `dark`.
    """

    def __init__(self, model: SimpleBaseline, outputs: tuple[Output, ...]) -> None:
        self.model = model
        self.outputs = outputs
        self._decoding = DarkDecoding(model.metadata.codec, name=DECODING, dtype="float32")
        self._made: dict[Hashable, Any] = {}

    @property
    def metadata(self) -> ModelMetadata:
        """What the exported file will say of itself."""
        size = self.model.metadata.input_size
        cost = self.once("cost", lambda: count_cost(self.model, size))
        return replace(self.model.metadata, outputs=self.outputs, cost=cost)

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

    def once(self, what: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` returned when first asked for `what`; it is not to be changed."""
        if what not in self._made:
            self._made[what] = make()
        made: Made = self._made[what]
        return made

    def saved_model(self, batch: int | None) -> Path:
        """A SavedModel folder with a serving signature, which goes when the graph does."""
        return self.once(("saved model", batch), lambda: self._written_saved_model(batch))

    def _written_saved_model(self, batch: int | None) -> Path:
        private = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, private, ignore_errors=True)
        # A copy will have its permissions, and has to be readable by others.
        folder = Path(private) / "model"
        # Not Keras's ExportArchive, which writes every variable twice.
        module = tf.Module()
        module.weights = [variable.value for variable in self.model.variables]
        module.serve = self.function(batch)
        serve = module.serve.get_concrete_function()
        tf.saved_model.save(module, str(folder), {"serving_default": serve, "serve": serve})
        return folder
