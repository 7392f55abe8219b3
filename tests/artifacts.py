"""One small model in every format that a runtime opens, each written when it is first asked for.

The model is shallow, with all kinds of operations of the larger ones: a deep network of random
weights makes so much of the smallest difference that nothing could be said of float16 and int8.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
from model_checks import OneLayerBackbone

from simplebase import Crop, HeatmapCodec, SimpleBaseline, load_skeleton
from simplebase.export.export_settings import FORMATS, ExportSettings
from simplebase.export.graph import ExportGraph
from simplebase.export.mnn import onnx_to_mnn, run_tool
from simplebase.export.onnx import converted
from simplebase.extras import import_with_extras
from simplebase.heads import HEADS, PREDICTION_LAYER
from simplebase.metadata import ModelMetadata, write_metadata

# Neither is square, nor is K a side of the heatmap: swapped axes cannot hide.
SIZE = (64, 96)
SKELETON = "lsp"

MNN_FROM = {"float.mnn": "float.onnx", "free.mnn": "free.onnx", "nchw.mnn": "nchw.onnx"}


class Artifacts:
    """Paths of the model's files by name, and what the model itself answers.

    Args:
        folder: to write to.
        head: of the model.
        skeleton: of the model.
    """

    def __init__(self, folder: Path, head: str = "upsample_lite", skeleton: str = SKELETON) -> None:
        self.folder = folder
        keras.utils.set_random_seed(0)
        metadata = ModelMetadata(
            "shallow", SIZE, Crop(), HeatmapCodec(SIZE), load_skeleton(skeleton)
        )
        backbone = OneLayerBackbone(SIZE)
        layers = HEADS[head](
            input_shape=backbone.output_shape[1:],
            num_keypoints=metadata.skeleton.num_keypoints,
            channels=(16, 16, 16),
        )
        self.model = SimpleBaseline(backbone, layers, metadata)
        self.graph = ExportGraph(self.model, ("heatmaps",))
        # Large blots of colour: noise would look the same in every image.
        blots = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
        self.images = blots.repeat(16, axis=1).repeat(16, axis=2)
        self.heatmaps = self._with_lively_heatmaps()

    @property
    def metadata(self) -> ModelMetadata:
        return self.model.metadata

    def _with_lively_heatmaps(self) -> np.ndarray:
        """Spreads the heatmaps over 0 to 1: a new model answers almost 0 to everything."""
        # BatchNorms that know these images bring every layer's values into a range that quantises.
        layers = self.model.head.layers
        norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        momentum = norms[0].momentum
        for layer in norms:
            layer.momentum = 0.0
        self.model(self.images, training=True)
        for layer in norms:
            layer.momentum = momentum
        heatmaps = np.asarray(self.model(self.images, training=False))
        low, high = heatmaps.min(), heatmaps.max()
        last = self.model.head.get_layer(PREDICTION_LAYER)
        kernel, bias = last.get_weights()
        last.set_weights([kernel / (high - low), (bias - low) / (high - low)])
        return np.asarray(self.model(self.images, training=False))

    def path(self, name: str) -> Path:
        """The model as `name`, one of `ALL`, with its sidecar."""
        path = self.folder / name
        if not path.exists():
            WRITERS[name](self, path)
            write_metadata(path, self.metadata)
        return path

    def export(self, path: Path, **settings: Any) -> None:
        """As the command does."""
        chosen = ExportSettings(**settings)
        writer = import_with_extras(f"simplebase.export.{FORMATS[chosen.format].module}")
        writer.write(self.graph, path, chosen, self.images)

    def write_keras(self, path: Path) -> None:
        self.model.save(path)

    def write_int8(self, path: Path) -> None:
        """As the export's, but with images and heatmaps of int8."""
        converter = tf.lite.TFLiteConverter.from_saved_model(str(self.path("fixed")))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = self._representative
        converter.target_spec = tf.lite.TargetSpec([tf.lite.OpsSet.TFLITE_BUILTINS_INT8])
        converter.inference_input_type = converter.inference_output_type = tf.int8
        path.write_bytes(converter.convert())

    def _representative(self) -> Iterator[list[np.ndarray]]:
        for image in self.images:
            yield [image[None].astype(np.float32)]

    def write_onnx(self, path: Path, batch: int, channels_first: bool = False) -> None:
        """With a batch or a layout that the export does not offer."""
        onnx.save(converted(self.graph, batch, 18, channels_first=channels_first), path)

    def write_mnn(self, path: Path) -> None:
        run_tool("mnnconvert", [*onnx_to_mnn(self.path(MNN_FROM[path.name]), path)], path)


WRITERS: dict[str, Callable[[Artifacts, Path], None]] = {
    "model.keras": Artifacts.write_keras,
    "model.h5": Artifacts.write_keras,
    "fixed": lambda self, path: self.export(path, format="saved-model"),
    "free": lambda self, path: self.export(path, format="saved-model", free_batch=True),
    "model.pb": lambda self, path: self.export(path, format="frozen-graph", free_batch=True),
    "float.onnx": lambda self, path: self.export(path, format="onnx"),
    "free.onnx": lambda self, path: self.export(path, format="onnx", free_batch=True),
    "pairs.onnx": lambda self, path: self.write_onnx(path, 2),
    "nchw.onnx": lambda self, path: self.write_onnx(path, 1, channels_first=True),
    "float.tflite": lambda self, path: self.export(path, format="litert"),
    "float16.tflite": lambda self, path: self.export(path, format="litert", quantization="float16"),
    "uint8.tflite": lambda self, path: self.export(path, format="litert", quantization="int8"),
    "int8.tflite": Artifacts.write_int8,
    **{name: Artifacts.write_mnn for name in MNN_FROM},
}
ALL = tuple(WRITERS)
