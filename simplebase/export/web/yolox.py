"""Writes a YOLOX detector, which its authors publish as ONNX, as TFLite for LiteRT.js.

Only the operations of these networks are translated, one by one. A tensor `(1, C, H, W)` of ONNX
becomes `(1, H, W, C)`, and `(1, C, A)` becomes `(1, A, C)`. Weights are stored as float16, half the
size; browsers compute in float32.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import helper, numpy_helper

from simplebase.errors import DataError
from simplebase.export.flatbuffer import packed

_INPUT, _OUTPUT = "images", "rows"
_SAME, _VALID = schema.Padding.SAME, schema.Padding.VALID
_CHANNELS = 1
"""Axis of the channels in ONNX."""


def tflite_of(path: str | os.PathLike[str]) -> bytes:
    """Returns a YOLOX `.onnx` file as TFLite.

    Its input is `(1, H, W, 3)` float32, blue, green and red from 0 to 255. Its output is that of
    the ONNX file, `(1, A, 5 + classes)`, not decoded.

    Args:
        path: an `.onnx` file that `Detector` opens.

    Raises:
        DataError: the file has an operation, or a setting of one, that YOLOX detectors do not have.
    """
    graph = onnx.load(os.fspath(path)).graph
    try:
        return _Translation(graph).model()
    except (_ForeignError, KeyError, IndexError, ValueError) as error:
        raise DataError(
            f"{path} cannot run in a page, because it is not a YOLOX detector as its authors "
            f"export it: {error}. Use yolox-nano, or leave out --detector."
        ) from error


class _ForeignError(Exception):
    """Raised for what a YOLOX file does not have; the text is a clause."""


class _Translation:
    """The network while it is translated, node by node."""

    def __init__(self, graph: Any) -> None:
        self._constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self._tensors: list[Any] = []
        self._buffers = [schema.BufferT()]
        self._codes: list[tuple[int, int]] = []
        self._operators: list[Any] = []
        self._places: dict[str, int] = {}
        [source] = [each for each in graph.input if each.name not in self._constants]
        shape = [each.dim_value for each in source.type.tensor_type.shape.dim]
        self._places[source.name] = self._tensor(_INPUT, _channels_last(shape))
        self._input = self._places[source.name]
        for node in graph.node:
            if node.op_type not in _OPERATIONS:
                raise _ForeignError(f"it has the operation {node.op_type}")
            settings = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            place = _OPERATIONS[node.op_type](self, node.input, settings)
            self._places[node.output[0]] = place
        [answer] = graph.output
        self._output = self._places[answer.name]
        self._tensors[self._output].name = _OUTPUT

    def model(self) -> bytes:
        """Returns the file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.name = self._tensors, self._operators, "yolox"
        graph.inputs, graph.outputs = [self._input], [self._output]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs = [_named(_INPUT, self._input)]
        signature.outputs = [_named(_OUTPUT, self._output)]
        model = schema.ModelT()
        model.version, model.description = 3, "YOLOX, written by simplebase"
        model.operatorCodes = [_operator_code(*code) for code in self._codes]
        model.subgraphs, model.buffers = [graph], self._buffers
        model.signatureDefs = [signature]
        return packed(model)

    # --- Operations: names of inputs and settings -> index of the output ---

    def slice(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        shape = self._shape(source)
        starts, ends, axes = (self._constants[name].tolist() for name in names[1:4])
        steps = self._constants[names[4]].tolist() if len(names) > 4 else [1] * len(axes)
        begin, end, stride = [0] * len(shape), list(shape), [1] * len(shape)
        for start, stop, axis, step in zip(starts, ends, axes, steps, strict=True):
            place = _axis(axis, len(shape))
            if step < 1 or start < 0 or stop < 0:
                raise _ForeignError("it slices from the end")
            begin[place], end[place] = start, min(stop, shape[place])
            stride[place] = step
        result = [len(range(*each)) for each in zip(begin, end, stride, strict=True)]
        inputs = [source, *(self._integers(values) for values in (begin, end, stride))]
        options = schema.StridedSliceOptionsT()
        return self._operator("STRIDED_SLICE", inputs, result, "StridedSliceOptions", options)

    def concat(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        sources = [self._places[name] for name in names]
        shapes = [self._shape(source) for source in sources]
        axis = _axis(settings["axis"], len(shapes[0]))
        result = list(shapes[0])
        result[axis] = sum(shape[axis] for shape in shapes)
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        return self._operator("CONCATENATION", sources, result, "ConcatenationOptions", options)

    def conv(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        weights = self._constants[names[1]]
        bias = self._constants[names[2]] if len(names) > 2 else np.zeros(len(weights), np.float32)
        source, padding = self._padded(source, settings)
        height, width, channels = self._shape(source)[1:]
        rows, columns = weights.shape[2:]
        down, across = settings.get("strides", [1, 1])
        groups = settings.get("group", 1)
        if settings.get("dilations", [1, 1]) != [1, 1]:
            raise _ForeignError("it has a dilated convolution")
        if groups == 1:
            name, kernel = "CONV_2D", weights.transpose(0, 2, 3, 1)
            kind, options = "Conv2DOptions", schema.Conv2DOptionsT()
        elif groups == channels == len(weights):
            # (C, 1, h, w), in TFLite (1, h, w, C).
            name, kernel = "DEPTHWISE_CONV_2D", weights.transpose(1, 2, 3, 0)
            kind, options = "DepthwiseConv2DOptions", schema.DepthwiseConv2DOptionsT()
            options.depthMultiplier = 1
        else:
            raise _ForeignError(f"it has a convolution in {groups} groups")
        options.padding, options.strideH, options.strideW = padding, down, across
        options.dilationHFactor = options.dilationWFactor = 1
        if padding == _VALID:
            height, width = height - rows + 1, width - columns + 1
        result = [1, -(-height // down), -(-width // across), len(weights)]
        inputs = [source, self._weights(kernel), self._constant(bias.astype(np.float32))]
        return self._operator(name, inputs, result, kind, options)

    def max_pool(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        rows, columns = settings["kernel_shape"]
        down, across = settings.get("strides", [1, 1])
        if _padding(settings) != _SAME:
            raise _ForeignError("it pools to another size")
        options = schema.Pool2DOptionsT()
        options.padding, options.strideH, options.strideW = _SAME, down, across
        options.filterHeight, options.filterWidth = rows, columns
        shape = self._shape(source)
        return self._operator("MAX_POOL_2D", [source], shape, "Pool2DOptions", options)

    def resize(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        wanted = {
            "mode": b"nearest",
            "coordinate_transformation_mode": b"asymmetric",
            "nearest_mode": b"floor",
        }
        if any(settings.get(name) != value for name, value in wanted.items()):
            raise _ForeignError("it resizes other than by the nearest pixel")
        scales = self._constants[names[2]]
        _, height, width, channels = self._shape(source)
        size = [round(height * float(scales[2])), round(width * float(scales[3]))]
        options = schema.ResizeNearestNeighborOptionsT()
        return self._operator(
            "RESIZE_NEAREST_NEIGHBOR",
            [source, self._integers(size)],
            [1, *size, channels],
            "ResizeNearestNeighborOptions",
            options,
        )

    def sigmoid(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        return self._operator("LOGISTIC", [source], self._shape(source))

    def multiply(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        return self._of_two("MUL", names, "MulOptions", schema.MulOptionsT())

    def add(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        return self._of_two("ADD", names, "AddOptions", schema.AddOptionsT())

    def reshape(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        source = self._places[names[0]]
        _, height, width, channels = self._shape(source)
        wanted = self._constants[names[1]].tolist()
        if wanted[:2] != [1, channels] or wanted[2:] not in ([-1], [height * width]):
            raise _ForeignError(f"it reshapes to {wanted}")
        result = [1, height * width, channels]
        options = schema.ReshapeOptionsT()
        options.newShape = result
        inputs = [source, self._integers(result)]
        return self._operator("RESHAPE", inputs, result, "ReshapeOptions", options)

    def transpose(self, names: Sequence[str], settings: dict[str, Any]) -> int:
        # (1, C, A) to (1, A, C), which it is already.
        if settings["perm"] != [0, 2, 1]:
            raise _ForeignError(f"it transposes to {settings['perm']}")
        return self._places[names[0]]

    # --- Parts ---

    def _of_two(self, name: str, names: Sequence[str], kind: str, options: Any) -> int:
        sources = [self._places[each] for each in names]
        shapes = [self._shape(source) for source in sources]
        if shapes[0] != shapes[1]:
            raise _ForeignError(f"{name} has the shapes {shapes}")
        return self._operator(name, sources, shapes[0], kind, options)

    def _padded(self, source: int, settings: dict[str, Any]) -> tuple[int, int]:
        """Returns the input with its padding, as far as TFLite does not add the same, and which."""
        padding = _padding(settings)
        if padding is not None:
            return source, padding
        top, left, bottom, right = settings["pads"]
        shape = self._shape(source)
        result = [1, shape[1] + top + bottom, shape[2] + left + right, shape[3]]
        amounts = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        inputs = [source, self._constant(amounts)]
        return self._operator("PAD", inputs, result, "PadOptions", schema.PadOptionsT()), _VALID

    def _operator(
        self,
        name: str,
        inputs: list[int],
        shape: Sequence[int],
        kind: str = "NONE",
        options: Any = None,
    ) -> int:
        code = getattr(schema.BuiltinOperator, name), _VERSIONS.get(name, 1)
        if code not in self._codes:
            self._codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs = self._codes.index(code), inputs
        output = self._tensor(f"{name.lower()}_{len(self._tensors)}", shape)
        operator.outputs = [output]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = options
        self._operators.append(operator)
        return output

    def _weights(self, values: np.ndarray) -> int:
        stored = self._constant(values.astype(np.float16))
        options = schema.DequantizeOptionsT()
        return self._operator("DEQUANTIZE", [stored], values.shape, "DequantizeOptions", options)

    def _integers(self, values: Sequence[int]) -> int:
        return self._constant(np.array(values, np.int32))

    def _constant(self, values: np.ndarray) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        name, place = f"constant_{len(self._tensors)}", len(self._buffers) - 1
        return self._tensor(name, values.shape, _TYPES[values.dtype.name], place)

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: int = schema.TensorType.FLOAT32,
        buffer: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _shape(self, tensor: int) -> list[int]:
        shape: list[int] = self._tensors[tensor].shape
        return shape


_OPERATIONS: dict[str, Callable[[_Translation, Sequence[str], dict[str, Any]], int]] = {
    "Add": _Translation.add,
    "Concat": _Translation.concat,
    "Conv": _Translation.conv,
    "MaxPool": _Translation.max_pool,
    "Mul": _Translation.multiply,
    "Reshape": _Translation.reshape,
    "Resize": _Translation.resize,
    "Sigmoid": _Translation.sigmoid,
    "Slice": _Translation.slice,
    "Transpose": _Translation.transpose,
}

_VERSIONS = {"DEQUANTIZE": 3}
"""Versions of operations that are not the first: the third reads float16."""

_TYPES = {
    "float16": schema.TensorType.FLOAT16,
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
}


def _channels_last(shape: Sequence[int]) -> list[int]:
    return [shape[0], *shape[2:], shape[_CHANNELS]]


def _axis(axis: int, rank: int) -> int:
    """Returns the place of an axis of ONNX when the channels are last."""
    axis %= rank
    return axis if axis == 0 else rank - 1 if axis == _CHANNELS else axis - 1


def _padding(settings: dict[str, Any]) -> int | None:
    """Returns TFLite's padding; None if it has none that adds the same."""
    pads, kernel = settings.get("pads", [0, 0, 0, 0]), settings["kernel_shape"]
    if not any(pads):
        return int(_VALID)
    around = [(side - 1) // 2 for side in kernel]
    is_same = pads == [*around, *around] and all(side % 2 for side in kernel)
    # With a stride, SAME may add a pixel at the end only.
    return int(_SAME) if is_same and settings.get("strides", [1, 1]) == [1, 1] else None


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def _operator_code(builtin: int, version: int) -> Any:
    code = schema.OperatorCodeT()
    # Readers from before 2020 know the first 127 only, in the older field.
    code.deprecatedBuiltinCode, code.builtinCode, code.version = min(builtin, 127), builtin, version
    return code
