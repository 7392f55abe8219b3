"""A pickle of tensors, read without running anything that it names.

A pickle is a program: it may name any function that can be imported, and call it. Here a name is
looked up in a table instead. What the table does not hold is an error, before anything is called.
A pickle can also change an object after it was made (BUILD): ours refuse that.
"""

import io
import pickle
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from simplebase.converters.weights.opcodes import require_harmless

# Storages by their name in torch; bfloat16 is half of a float32 and is widened when it is read.
_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}

# What training frameworks put beside the weights. It is passed over: an inert object stands for it.
_PASSED_OVER = {
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.getattr",
    "builtins.set",
    "collections.Counter",
    "collections.defaultdict",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.dtypes.Float32DType",
    "numpy.dtypes.Float64DType",
    "numpy.dtypes.Int64DType",
    "numpy.ndarray",
    "torch.device",
}


# As NumPy had them for long; a kernel has four.
_MOST_AXES = 32


class ForbiddenNameError(Exception):
    """The pickle names something that is neither a tensor nor a plain container."""


def _refuse_state(self: Any, state: Any) -> NoReturn:
    """In place of `__setstate__`, with which a pickle would rewrite what was checked before."""
    raise pickle.UnpicklingError(f"it changes a {type(self).__name__.strip('_')} afterwards")


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that lie in another file of the archive.

    Args:
        dtype: of the numbers; `bfloat16` is not one of NumPy's.
        key: name of the file.
        count: how many there are.
    """

    # In the class itself: otherwise `dataclass` writes one that takes any state.
    __setstate__ = _refuse_state

    dtype: str
    key: str
    count: int

    @property
    def itemsize(self) -> int:
        """Bytes a number."""
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class TensorView:
    """A tensor: a window onto a storage, offset and strides in numbers."""

    __setstate__ = _refuse_state

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _IgnoredObject:
    """Stands for an object that is not needed; takes whatever a pickle does to it."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **more: Any) -> "_IgnoredObject":
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **more: Any) -> "_IgnoredObject":
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Takes an item, as a list does."""

    def extend(self, values: Any) -> None:
        """Takes items, as a list does."""


class _OrderedDict(dict[Any, Any]):
    """Stands for `collections.OrderedDict`, of which a pickle sets attributes; here it has none."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


class _RebuildTensor:
    """What a pickle calls to make a tensor of a storage."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
    ) -> TensorView:
        if not isinstance(storage, Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        shape, strides = _numbers(shape), _numbers(strides)
        if len(shape) != len(strides):
            raise pickle.UnpicklingError("a tensor with other strides than its shape has")
        (begin,) = _numbers((offset,))
        return TensorView(storage, begin, shape, strides)


class _RebuildParameter:
    """What a pickle calls to mark a tensor as a parameter."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(self, tensor: Any, *rest: Any) -> TensorView:
        if not isinstance(tensor, TensorView):
            raise pickle.UnpicklingError("a parameter without a tensor")
        return tensor


class _MakeSize:
    """What a pickle calls to make a shape."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(self, sizes: Any = ()) -> tuple[int, ...]:
        return _numbers(sizes)


def _numbers(values: Any) -> tuple[int, ...]:
    """A shape, strides or an offset."""
    if not isinstance(values, tuple | list) or len(values) > _MOST_AXES:
        raise pickle.UnpicklingError("a shape or strides that are none")
    if any(type(value) is not int or value < 0 for value in values):
        raise pickle.UnpicklingError("a tensor whose shape or strides are no numbers")
    return tuple(values)


@dataclass(frozen=True, slots=True)
class _StorageType:
    __setstate__ = _refuse_state

    dtype: str


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name; the names themselves are never imported."""
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"
        if full == "collections.OrderedDict":
            return _OrderedDict
        if full in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
            return _RebuildTensor()
        if full in (
            "torch._utils._rebuild_parameter",
            "torch._utils._rebuild_parameter_with_state",
        ):
            return _RebuildParameter()
        if full == "torch.Size":
            return _MakeSize()
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        if full in _PASSED_OVER:
            return _IgnoredObject
        raise ForbiddenNameError(full)

    def persistent_load(self, reference: Any) -> Storage:
        """A storage, named by a tuple: "storage", its type, its key, the device, its count."""
        match reference:
            case ("storage", _StorageType(dtype=dtype), str(key), str(), int(count)) if count >= 0:
                return Storage(dtype, key, count)
        raise pickle.UnpicklingError("a reference to something other than a storage")


def unpickle(content: bytes) -> Any:
    """Reads one pickle: containers, numbers, texts and `TensorView`s.

    Raises:
        ForbiddenNameError: it names something else.
        Exception: whatever a damaged pickle causes.
    """
    require_harmless(content)
    return _Unpickler(io.BytesIO(content)).load()
