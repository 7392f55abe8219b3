"""A pickle of tensors, read without running anything that it names.

A pickle is a program: it may name any function that can be imported, and call it. Here a name is
looked up in a table instead. What the table does not hold is an error, before anything is called.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

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


class ForbiddenNameError(Exception):
    """The pickle names something that is neither a tensor nor a plain container."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that lie in another file of the archive.

    Args:
        dtype: of the numbers; `bfloat16` is not one of NumPy's.
        key: name of the file.
        count: how many there are.
    """

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

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _PassedOver:
    """Stands for an object that is not needed; takes whatever a pickle does to it."""

    def __new__(cls, *arguments: Any, **more: Any) -> "_PassedOver":
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **more: Any) -> "_PassedOver":
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Takes an item, as a list does."""

    def extend(self, values: Any) -> None:
        """Takes items, as a list does."""


class _RebuildTensor:
    """What a pickle calls to make a tensor of a storage."""

    __slots__ = ()

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
    ) -> TensorView:
        if not isinstance(storage, Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        numbers = (offset, *shape, *strides)
        if len(shape) != len(strides) or any(type(n) is not int or n < 0 for n in numbers):
            raise pickle.UnpicklingError("a tensor whose shape or strides are no numbers")
        return TensorView(storage, offset, tuple(shape), tuple(strides))


class _RebuildParameter:
    """What a pickle calls to mark a tensor as a parameter."""

    __slots__ = ()

    def __call__(self, tensor: Any, *rest: Any) -> Any:
        return tensor


class _MakeSize:
    """What a pickle calls to make a shape."""

    __slots__ = ()

    def __call__(self, sizes: Any = ()) -> tuple[Any, ...]:
        return tuple(sizes)


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: str


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name; the names themselves are never imported."""
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"
        if full == "collections.OrderedDict":
            return OrderedDict
        if full == "builtins.set":
            return set
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
            # A class of its own each time: what a pickle does to one stays there.
            return type("_PassedOver", (_PassedOver,), {})
        raise ForbiddenNameError(full)

    def persistent_load(self, reference: Any) -> Storage:
        """A storage, named by a tuple: "storage", its type, its key, the device, its count."""
        match reference:
            case ("storage", _StorageType(dtype=dtype), str(key), str(), int(count)) if count >= 0:
                return Storage(dtype, key, count)
        raise pickle.UnpicklingError("a reference to something other than a storage")


def unpickle(file: IO[bytes]) -> Any:
    """Reads one pickle: containers, numbers, texts and `TensorView`s.

    Raises:
        ForbiddenNameError: it names something else.
        Exception: whatever a damaged pickle causes.
    """
    return _Unpickler(file).load()
