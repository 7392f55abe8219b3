"""Replaces Keras's nearest-neighbour upsampling in a `.tflite` file by one operation.

Keras tiles rows and columns, which becomes five operations on tensors of five axes. GPUs have no
such operations, so they could not run the network as a whole.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_RESIZE = schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR
_TILING = [
    getattr(schema.BuiltinOperator, name)
    for name in ("RESHAPE", "TILE", "RESHAPE", "TILE", "RESHAPE")
]
_VERSION = 2
"""The version of the operation that also takes int8."""


def with_resizing(content: Any) -> None:
    """Changes a `ModelT`: each chain of operations that upsamples becomes one that resizes."""
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in content.operatorCodes]
    for graph in content.subgraphs:
        kept: list[Any] = []
        for operator in graph.operators:
            kept.append(operator)
            chain = kept[-len(_TILING) :]
            if [codes[each.opcodeIndex] for each in chain] != _TILING:
                continue
            if (size := _upsampled_size(graph, chain)) is None:
                continue
            if _RESIZE not in codes:
                codes.append(_RESIZE)
                content.operatorCodes.append(_operator_code())
            resizing = schema.OperatorT()
            resizing.opcodeIndex = codes.index(_RESIZE)
            resizing.inputs = [chain[0].inputs[0], _constant(content, graph, size)]
            resizing.outputs = chain[-1].outputs
            resizing.builtinOptionsType = schema.BuiltinOptions.ResizeNearestNeighborOptions
            resizing.builtinOptions = schema.ResizeNearestNeighborOptionsT()
            kept[-len(_TILING) :] = [resizing]
        graph.operators = kept


def _upsampled_size(graph: Any, chain: Sequence[Any]) -> list[int] | None:
    """Returns height and width of the result, or None if the chain does something else.

    `(1, h, w, C)` becomes `(1, h, 1, w, C)`, `(1, h, a, w, C)`, `(1, h * a, w, 1, C)`,
    `(1, h * a, w, b, C)` and `(1, h * a, w * b, C)`.
    """
    links = zip(chain, chain[1:], strict=False)
    if any(after.inputs[0] != before.outputs[0] for before, after in links):
        return None
    shapes = [list(map(int, graph.tensors[each.outputs[0]].shape)) for each in chain]
    first = list(map(int, graph.tensors[chain[0].inputs[0]].shape))
    if len(first) != 4 or len(shapes[1]) != 5 or len(shapes[3]) != 5:
        return None
    batch, height, width, channels = first
    a, b = shapes[1][2], shapes[3][3]
    expected = [
        [batch, height, 1, width, channels],
        [batch, height, a, width, channels],
        [batch, height * a, width, 1, channels],
        [batch, height * a, width, b, channels],
        [batch, height * a, width * b, channels],
    ]
    return [height * a, width * b] if shapes == expected else None


def _constant(content: Any, graph: Any, values: list[int]) -> int:
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(np.array(values, np.int32).tobytes(), np.uint8)
    content.buffers.append(buffer)
    tensor.name, tensor.shape = f"resized_{len(graph.tensors)}", [len(values)]
    tensor.type, tensor.buffer = schema.TensorType.INT32, len(content.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator_code() -> Any:
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = _RESIZE
    code.version = _VERSION
    return code
