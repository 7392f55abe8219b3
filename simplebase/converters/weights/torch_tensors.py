"""The common part of both PyTorch formats: the pickle of a state dict, and arrays from storages.

A tensor is a window onto a storage, so several may share one. The formats differ in where a
storage's bytes are, see `torch_zip` and `torch_stream`.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from simplebase.converters.weights.checkpoint import shortened
from simplebase.converters.weights.stand_ins import Storage, TensorView
from simplebase.converters.weights.unpickling import ForbiddenNameError, Unpickled, unpickle
from simplebase.errors import DataError, first_line, shown

LARGEST_PICKLE = 64 * 2**20
"""Most bytes of a pickle, which contains only names and shapes. ResNet-152's has 0.2 MB."""

# Tensors may share a storage and be copied. This limits the total to a multiple of the file size.
_MOST_COPIES = 4

# Errors of NumPy and of readers for damaged content.
_DAMAGE = (
    EOFError,
    OSError,
    MemoryError,
    LookupError,
    ArithmeticError,
    TypeError,
    ValueError,
    RuntimeError,
)

ByteOrder = Literal["<", ">"]


class StateDict(NamedTuple):
    """The tensors of a state dict by name, and the other content of the file."""

    views: dict[str, TensorView]
    rest: dict[str, Any]


@contextmanager
def damage_reported(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Turns the errors of damaged content, including `also`, into a `DataError`."""
    kinds: tuple[type[Exception], ...] = (*_DAMAGE, *also)
    try:
        yield
    except kinds as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is damaged or incomplete ({first_line(error)}). Fetch it again."
        ) from error


def read_pickle(stream: io.BytesIO, path: Path) -> Unpickled:
    """Reads the next pickle of a stream without executing anything in it.

    Raises:
        DataError: it is damaged, or names code.
    """
    try:
        return unpickle(stream)
    except ForbiddenNameError as error:
        raise DataError(
            f"{path} would run code: its pickle names {error}. Only tensors and plain containers "
            "are read. If you trust the file, save its weights alone, by "
            "torch.save(model.state_dict(), FILE)."
        ) from error
    except Exception as error:  # A damaged pickle can cause any type of error.
        raise DataError(
            f"{path} is damaged or incomplete: its pickle cannot be read "
            f"({type(error).__name__}: {first_line(error)}). Fetch it again."
        ) from error


def find_state_dict(content: Any, path: Path) -> StateDict:
    """Finds names and tensors; a checkpoint of a training run has them under a key.

    Raises:
        DataError: there is no state dict.
    """
    rest: dict[str, Any] = {}
    if isinstance(content, dict):
        for key in ("state_dict", "model", "model_state_dict"):
            if isinstance(content.get(key), dict):
                rest = {str(name): value for name, value in content.items() if name != key}
                content = content[key]
                break
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path} holds {_described(content)}, not a state dict.")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, TensorView):
            raise DataError(
                f"{path} holds no state dict: {shown(name)} in it is {_described(value)}, not a "
                "tensor."
            )
    return StateDict(content, rest)


def arrays_of(
    views: dict[str, TensorView],
    read: Callable[[Storage], bytes],
    file_size: int,
    order: ByteOrder = "<",
) -> dict[str, np.ndarray]:
    """Returns the numbers of tensors; bfloat16, which NumPy lacks, as float32.

    Args:
        views: tensors by name.
        read: returns the bytes of a storage. Each is read once.
        file_size: size of the file in bytes, which limits the memory.
        order: byte order of the numbers.

    Returns:
        Arrays in the order of `views`. Contiguous arrays share the storage's memory and are
        read-only.

    Raises:
        ValueError: a tensor reaches beyond its storage, or the tensors claim more numbers than the
            file can have.
    """
    shared: dict[Storage, list[str]] = {}
    for name, view in views.items():
        shared.setdefault(view.storage, []).append(name)
    numbers = sum(math.prod(view.shape) * view.storage.itemsize for view in views.values())
    stored = sum(storage.count * storage.itemsize for storage in shared)
    if numbers + stored > _MOST_COPIES * file_size:
        raise ValueError("its tensors claim more numbers than the file has")
    arrays: dict[str, np.ndarray] = {}
    for storage, names in shared.items():
        values = _numbers(read(storage), storage.dtype, order)
        arrays |= {name: windowed(values, views[name]) for name in names}
    return {name: arrays[name] for name in views}


def _numbers(content: bytes, dtype: str, order: ByteOrder) -> np.ndarray:
    if dtype == "bfloat16":  # The upper half of a float32.
        halves = np.frombuffer(content, f"{order}u2").astype(np.uint32)
        return (halves << 16).view(np.float32)
    return np.frombuffer(content, np.dtype(dtype).newbyteorder(order))


def windowed(storage: np.ndarray, view: TensorView) -> np.ndarray:
    """Returns the numbers of a tensor: a part of the storage, or a copy if not contiguous.

    Raises:
        ValueError: the tensor reaches beyond the storage, which `as_strided` does not check.
    """
    if any(type(n) is not int or n < 0 for n in (view.offset, *view.shape, *view.strides)):
        raise ValueError("a tensor's offset, shape and strides are not all numbers from 0 on")
    if math.prod(view.shape) == 0:
        return np.zeros(view.shape, storage.dtype)
    if view.end > len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    # The stride of an axis of length 1 is not used, and PyTorch writes any number there.
    strides = [
        stride if size > 1 else 0 for size, stride in zip(view.shape, view.strides, strict=True)
    ]
    if _in_one_piece(view.shape, strides):
        return storage[view.offset : view.end].reshape(view.shape)
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, steps).copy()


def _in_one_piece(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Returns whether the numbers are contiguous, with the last axis changing fastest."""
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != step:
            return False
        step *= size
    return True


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict of {shortened(value)}" if value else "an empty dict"
    return f"a {type(value).__name__.strip('_')}"
