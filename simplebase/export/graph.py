"""The exported graph: a TensorFlow function from images to heatmaps, keypoints, or both."""

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
"""Part of the names of all decoding operations, in every format that has names."""


Made = TypeVar("Made")


class ExportGraph:
    """A model from RGB 0..255 to `outputs`, and intermediate results that several formats share.

    Args:
        model: the model, which includes the normalisation.
        outputs: see `ModelMetadata.outputs`. Keypoints are decoded with `dark`.
    """

    def __init__(self, model: SimpleBaseline, outputs: tuple[Output, ...]) -> None:
        self.model = model
        self.outputs = outputs
        self._decoding = DarkDecoding(model.metadata.codec, name=DECODING, dtype="float32")
        self._made: dict[Hashable, Any] = {}

    @property
    def metadata(self) -> ModelMetadata:
        """The metadata of the exported file."""
        size = self.model.metadata.input_size
        cost = self.once("cost", lambda: count_cost(self.model, size))
        return replace(self.model.metadata, outputs=self.outputs, cost=cost)

    def __call__(self, images: Any) -> dict[str, Any]:
        """Maps `(B, H, W, 3)` to heatmaps `(B, h, w, K)` and keypoints `(B, K, 3)`, by name."""
        heatmaps = self.model(images, training=False)
        answers = {"heatmaps": heatmaps}
        if "keypoints" in self.outputs:
            answers["keypoints"] = self._decoding(heatmaps)
        return {name: answers[name] for name in self.outputs}

    def signature(self, batch: int | None, dtype: str = "float32") -> list[tf.TensorSpec]:
        """Returns the signature of the input, `(batch, H, W, 3)`; None stands for any number."""
        shape = (batch, *self.model.metadata.input_size, 3)
        return [tf.TensorSpec(shape, dtype, name=INPUT)]

    def function(self, batch: int | None, dtype: str = "float32") -> Any:
        """Returns the graph as a `tf.function` with only this signature."""
        signature = self.signature(batch, dtype)
        return tf.function(self.__call__, input_signature=signature, jit_compile=False)

    def once(self, what: Hashable, make: Callable[[], Made]) -> Made:
        """Returns the cached result of `make` for the key `what`. Do not modify it."""
        if what not in self._made:
            self._made[what] = make()
        made: Made = self._made[what]
        return made

    def saved_model(self, batch: int | None) -> Path:
        """Returns a SavedModel folder with a serving signature, deleted with the graph."""
        return self.once(("saved model", batch), lambda: self._written_saved_model(batch))

    def _written_saved_model(self, batch: int | None) -> Path:
        private = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, private, ignore_errors=True)
        # Copies keep its permissions and have to be readable by others.
        folder = Path(private) / "model"
        # Keras's ExportArchive is not used, because it writes every variable twice.
        module = tf.Module()
        module.weights = [variable.value for variable in self.model.variables]
        module.serve = self.function(batch)
        serve = module.serve.get_concrete_function()
        tf.saved_model.save(module, str(folder), {"serving_default": serve, "serve": serve})
        return folder
