"""A real model file that sees colours: keypoint k is where channel k is the brightest."""

from pathlib import Path

import numpy as np
import onnx
from coloured_dots import SIZE, SKELETON
from onnx import TensorProto, helper

from simplebase import Crop, HeatmapCodec, ModelMetadata
from simplebase.metadata import write_metadata


def write_colour_model(path: Path) -> Path:
    """Writes an `.onnx` file of 64x64 pixels and three keypoints: one average pooling.

    A channel counts by how much it exceeds the sum of the other two, as in pure colours.
    """
    weights = -np.ones((3, 3, 1, 1), np.float32) + 2 * np.eye(3, dtype=np.float32)[..., None, None]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Conv", ["floats", "weights"], ["colours"]),
            helper.make_node("Relu", ["colours"], ["pure"]),
            helper.make_node(
                "AveragePool", ["pure"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]
            ),
            helper.make_node("Div", ["pooled", "most"], ["heatmaps"]),
        ],
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, *SIZE])],
        [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["batch", 3, 16, 16])],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
            helper.make_tensor("most", TensorProto.FLOAT, [1], [255.0]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    write_metadata(path, ModelMetadata("colours", SIZE, Crop(), HeatmapCodec(SIZE), SKELETON))
    return path
