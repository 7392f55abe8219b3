"""What stands for the names in a pickle of tensors.

A pickle calls what it names, and may change what came of it (BUILD). Nothing here does more than
keep numbers, and what was checked refuses to be changed.
"""

import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

# Storages by their name in torch; bfloat16 is half of a float32 and is widened when it is read.
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

# What training frameworks put beside the weights. It is passed over: an inert object stands for it.
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

# As NumPy had them for long; a kernel has four.
_MOST_AXES = 32
# Of all ordered dicts that are made of a list.
_MOST_ITEMS = 2**20


def _refuse_state(self: Any, state: Any) -> None:
    """In place of `__setstate__`, with which a pickle would rewrite what was checked before."""
    raise pickle.UnpicklingError(f"it changes a {type(self).__name__.strip('_')} afterwards")


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers that lie elsewhere in the file.

    Args:
        dtype: of the numbers; `bfloat16` is not one of NumPy's.
        key: what the file calls it.
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

    @property
    def end(self) -> int:
        """Where in its storage its last number ends; 0 if it has none."""
        if math.prod(self.shape) == 0:
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + self.offset + sum((size - 1) * stride for size, stride in steps)


@dataclass(frozen=True, slots=True)
class StorageView:
    """A part of a storage that PyTorch before 0.4 had as a storage of its own."""

    __setstate__ = _refuse_state

    storage: Storage
    begin: int
    count: int


class Parameter(TensorView):
    """A tensor as PyTorch before 1.1 wrote parameters: its state says nothing of its numbers."""

    __slots__ = ()

    def __new__(cls, tensor: Any, *rest: Any) -> "Parameter":
        """The same window, of another class."""
        if not isinstance(tensor, TensorView):
            raise pickle.UnpicklingError("a parameter without a tensor")
        made = super().__new__(cls)
        TensorView.__init__(made, tensor.storage, tensor.offset, tensor.shape, tensor.strides)
        return made

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        """Takes what is not needed: whether it is trained, and how."""


class IgnoredObject:
    """Stands for an object that is not needed; takes whatever a pickle does to it."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **more: Any) -> "IgnoredObject":
        """One like all others."""
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **more: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **more: Any) -> "IgnoredObject":
        """Itself, in place of what the call would give."""
        return self

    def __setstate__(self, state: Any) -> None:
        """Takes any state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Takes an item, as a dict does."""

    def append(self, value: Any) -> None:
        """Takes an item, as a list does."""

    def extend(self, values: Any) -> None:
        """Takes items, as a list does."""


class _OrderedDict(dict[Any, Any]):
    """Stands for `collections.OrderedDict`, of which a pickle sets attributes; here it has none."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class MakeOrderedDict:
    """What a pickle calls to make an ordered dict; Python 2 passes its items in a list."""

    __slots__ = ("_items_left",)
    __setstate__ = _refuse_state

    def __init__(self) -> None:
        self._items_left = _MOST_ITEMS

    def __call__(self, items: Any = ()) -> _OrderedDict:
        """A dict with these items; Python 3 adds them later."""
        # One list may be named again and again: its items count each time.
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
    """What a pickle calls to make a tensor of a storage."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(
        self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
    ) -> TensorView:
        """A window onto `storage`, or onto a part of it."""
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
    """What a pickle calls to mark a tensor as a parameter."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __call__(self, tensor: Any, *rest: Any) -> TensorView:
        """The tensor itself."""
        if not isinstance(tensor, TensorView):
            raise pickle.UnpicklingError("a parameter without a tensor")
        return tensor


class MakeSize:
    """The class that a pickle calls to make a shape."""

    __slots__ = ()
    __setstate__ = _refuse_state

    def __new__(cls, sizes: Any = ()) -> tuple[int, ...]:  # type: ignore[misc]
        """A plain tuple."""
        return counting_numbers(sizes)


def counting_numbers(values: Any) -> tuple[int, ...]:
    """A shape, strides or an offset."""
    if not isinstance(values, tuple | list) or len(values) > _MOST_AXES:
        raise pickle.UnpicklingError("a shape or strides that are none")
    if any(type(value) is not int or value < 0 for value in values):
        raise pickle.UnpicklingError("a tensor whose shape or strides are no numbers")
    return tuple(values)


@dataclass(frozen=True, slots=True)
class StorageType:
    """What a storage's numbers are, in place of a class of torch."""

    __setstate__ = _refuse_state

    dtype: str
