"""Replacements for the names in a pickle of tensors.

A pickle calls the names in it, and may change the results (BUILD). These replacements only store
numbers, and checked objects refuse to be changed.
"""

import math
import pickle
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

# Storages by their name in torch. bfloat16 is half of a float32 and is widened when it is read.
STORAGES = {
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

# Objects that training frameworks store with the weights. They are replaced by an inert object.
PASSED_OVER = {
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

# Most axes: NumPy's former limit; a kernel has four.
_MOST_AXES = 32
# Most items of all ordered dicts that are made from lists.
_MOST_ITEMS = 2**20


_Made = TypeVar("_Made")


def _refuse_state(self: Any, state: Any) -> None:
    """Replaces `__setstate__`, by which a pickle could change objects after they were checked."""
    raise pickle.UnpicklingError(f"it changes a {type(self).__name__.strip('_')} afterwards")


def _refusing_state(made: type[_Made]) -> type[_Made]:
    """Decorates a dataclass with slots, which has a `__setstate__` that accepts any state.

    Python before 3.11.4 replaces a `__setstate__` in the class itself.
    """
    made.__setstate__ = _refuse_state  # type: ignore[attr-defined]
    return made


@_refusing_state
@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that are stored elsewhere in the file.

    Args:
        dtype: type of the numbers; NumPy does not have `bfloat16`.
        key: its key in the file.
        count: number of numbers.
    """

    dtype: str
    key: str
    count: int

    @property
    def itemsize(self) -> int:
        """Bytes per number."""
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize


@_refusing_state
@dataclass(frozen=True, slots=True)
class TensorView:
    """A tensor: a window onto a storage, with offset and strides counted in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def end(self) -> int:
        """The end of its last number in the storage; 0 if it has none."""
        if math.prod(self.shape) == 0:
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + self.offset + sum((size - 1) * stride for size, stride in steps)


@_refusing_state
@dataclass(frozen=True, slots=True)
class StorageView:
    """A part of a storage, which was a separate storage in PyTorch before 0.4."""

    storage: Storage
    begin: int
    count: int


class Parameter(TensorView):
    """A tensor as written for parameters by PyTorch before 1.1, with a state that is not needed."""

    __slots__ = ()

    def __new__(cls, tensor: Any, *rest: Any) -> "Parameter":
        """Returns the same window as this class."""
        if not isinstance(tensor, TensorView):
            raise pickle.UnpicklingError("a parameter without a tensor")
        made = super().__new__(cls)
        TensorView.__init__(made, tensor.storage, tensor.offset, tensor.shape, tensor.strides)
        return made

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        """Ignores the state: whether the parameter is trained, and how."""


class IgnoredObject:
    """Replaces an object that is not needed, and accepts any operation of a pickle."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **more: Any) -> "IgnoredObject":
        """Returns a new inert object."""
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **more: Any) -> "IgnoredObject":
        """Returns itself instead of the result of the call."""
        return self

    def __setstate__(self, state: Any) -> None:
        """Accepts any state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Accepts an item, like a dict."""

    def append(self, value: Any) -> None:
        """Accepts an item, like a list."""

    def extend(self, values: Any) -> None:
        """Accepts items, like a list."""


class _OrderedDict(dict[Any, Any]):
    """Replaces `collections.OrderedDict`; attributes that a pickle sets are ignored."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class MakeOrderedDict:
    """Makes an ordered dict for a pickle; Python 2 passes its items in a list."""

    __slots__ = ("_items_left",)
    __setstate__ = _refuse_state

    def __init__(self) -> None:
        self._items_left = _MOST_ITEMS

    def __call__(self, items: Any = ()) -> _OrderedDict:
        """Returns a dict with these items; Python 3 adds them later."""
        # A list may be referenced repeatedly; its items count each time.
        self._items_left -= len(items)
        if self._items_left < 0 or not isinstance(items, list | tuple):
            raise pickle.UnpicklingError("an ordered dict of what no weights file has")
        made = _OrderedDict()
        for item in items:
            match item:
                case [str(key), value]:
                    made[key] = value
                case _:
                    raise pickle.UnpicklingError("an ordered dict with an item that is no pair")
        return made


class RebuildTensor:
    """Makes a tensor from a storage for a pickle."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
    ) -> TensorView:
        """Returns a window onto `storage` or a part of it."""
        shape, strides = counting_numbers(shape), counting_numbers(strides)
        if len(shape) != len(strides):
            raise pickle.UnpicklingError("a tensor with other strides than its shape has")
        (begin,) = counting_numbers((offset,))
        if isinstance(storage, StorageView):
            view = TensorView(storage.storage, storage.begin + begin, shape, strides)
            if view.end > storage.begin + storage.count:
                raise pickle.UnpicklingError("a tensor that reaches beyond its storage")
            return view
        if not isinstance(storage, Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        return TensorView(storage, begin, shape, strides)


class RebuildParameter:
    """Marks a tensor as a parameter for a pickle."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(self, tensor: Any, *rest: Any) -> TensorView:
        """Returns the tensor itself."""
        if not isinstance(tensor, TensorView):
            raise pickle.UnpicklingError("a parameter without a tensor")
        return tensor


class MakeSize:
    """The class by which a pickle makes a shape."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __new__(cls, sizes: Any = ()) -> tuple[int, ...]:  # type: ignore[misc]
        """Returns a plain tuple."""
        return counting_numbers(sizes)


def counting_numbers(values: Any) -> tuple[int, ...]:
    """Returns a checked shape, strides or offset."""
    if not isinstance(values, tuple | list) or len(values) > _MOST_AXES:
        raise pickle.UnpicklingError("a shape or strides that are none")
    if any(type(value) is not int or value < 0 for value in values):
        raise pickle.UnpicklingError("a tensor whose shape or strides are no numbers")
    return tuple(values)


@_refusing_state
@dataclass(frozen=True, slots=True)
class StorageType:
    """The type of a storage's numbers, replacing a class of torch."""

    dtype: str
