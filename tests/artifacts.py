"""One small model in every format that a runtime opens, each written when it is first asked for.

The model is shallow, with all kinds of operations of the larger ones: a deep network of random
weights makes so much of the smallest difference that nothing could be said of float16 and int8.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from model_checks import OneLayerBackbone
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from simplebase import Crop, HeatmapCodec, SimpleBaseline, load_skeleton
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
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keras.utils.set_random_seed(0)
        metadata = ModelMetadata(
            "shallow", SIZE, Crop(), HeatmapCodec(SIZE), load_skeleton(SKELETON)
        )
        backbone = OneLayerBackbone(SIZE)
        head = HEADS["upsample_lite"](
            input_shape=backbone.output_shape[1:],
            num_keypoints=metadata.skeleton.num_keypoints,
            channels=(16, 16, 16),
        )
        self.model = SimpleBaseline(backbone, head, metadata)
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

    def signature(self, batch: int | None) -> list[tf.TensorSpec]:
        return [tf.TensorSpec((batch, *SIZE, 3), tf.float32, name="images")]

    def function(self, batch: int | None) -> Any:
        return tf.function(
            lambda images: self.model(images, training=False),
            input_signature=self.signature(batch),
        )

    def write_keras(self, path: Path) -> None:
        self.model.save(path)

    def write_saved_model(self, path: Path, batch: int | None) -> None:
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        archive.add_endpoint(
            "serve",
            lambda images: self.model(images, training=False),
            input_signature=self.signature(batch),
        )
        archive.write_out(path, verbose=False)

    def write_frozen_graph(self, path: Path) -> None:
        concrete = self.function(None).get_concrete_function()
        frozen = convert_variables_to_constants_v2(concrete)
        tf.io.write_graph(frozen.graph, str(path.parent), path.name, as_text=False)

    def write_litert(self, path: Path, **settings: Any) -> None:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(self.path("fixed")))
        for name, value in settings.items():
            setattr(converter, name, value)
        path.write_bytes(converter.convert())

    def write_int8(self, path: Path, dtype: tf.DType) -> None:
        self.write_litert(
            path,
            optimizations=[tf.lite.Optimize.DEFAULT],
            representative_dataset=self._representative,
            target_spec=tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]),
            inference_input_type=dtype,
            inference_output_type=dtype,
        )

    def _representative(self) -> Iterator[list[np.ndarray]]:
        for image in self.images:
            yield [image[None].astype(np.float32)]

    def write_onnx(self, path: Path, batch: int | None, channels_first: bool = False) -> None:
        layout: dict[str, Any] = {}
        if channels_first:
            layout = {"inputs_as_nchw": ["images:0"], "outputs_as_nchw": ["Identity:0"]}
        tf2onnx.convert.from_function(
            self.function(batch),
            input_signature=self.signature(batch),
            opset=18,
            output_path=str(path),
            **layout,
        )

    def write_mnn(self, path: Path) -> None:
        source = self.path(MNN_FROM[path.name])
        # The command `mnnconvert` would install packages and report over the network.
        code = "import _tools, sys; _tools.mnnconvert(sys.argv)"
        arguments = ["-f", "ONNX", "--modelFile", source, "--MNNModel", path, "--bizCode", "test"]
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


WRITERS: dict[str, Callable[[Artifacts, Path], None]] = {
    "model.keras": Artifacts.write_keras,
    "model.h5": Artifacts.write_keras,
    "fixed": lambda self, path: self.write_saved_model(path, 1),
    "free": lambda self, path: self.write_saved_model(path, None),
    "model.pb": Artifacts.write_frozen_graph,
    "float.onnx": lambda self, path: self.write_onnx(path, 1),
    "free.onnx": lambda self, path: self.write_onnx(path, None),
    "pairs.onnx": lambda self, path: self.write_onnx(path, 2),
    "nchw.onnx": lambda self, path: self.write_onnx(path, 1, channels_first=True),
    "float.tflite": Artifacts.write_litert,
    "float16.tflite": lambda self, path: self.write_litert(
        path,
        optimizations=[tf.lite.Optimize.DEFAULT],
        target_spec=tf.lite.TargetSpec(supported_types=[tf.float16]),
    ),
    "uint8.tflite": lambda self, path: self.write_int8(path, tf.uint8),
    "int8.tflite": lambda self, path: self.write_int8(path, tf.int8),
    **{name: Artifacts.write_mnn for name in MNN_FROM},
}
ALL = tuple(WRITERS)
