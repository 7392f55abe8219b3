"""Writes files of PyTorch's older format as its `torch.save` does, without torch.

A file is a list of parts, so that a test can leave one out or change it.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
FACTS = {
    "protocol_version": PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}

_KINDS = {
    "float16": "HalfStorage",
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "int64": "LongStorage",
    "uint8": "ByteStorage",
    # The bits of bfloat16, which NumPy lacks.
    "uint16": "BFloat16Storage",
}


@dataclass(frozen=True)
class Name:
    """A name in a module that need not be there."""

    module: str
    name: str

    def __call__(self) -> None:
        """Pickle asks whether what it is to call can be called."""


@dataclass(eq=False)
class Stored:
    """A storage; `claims` is how many numbers the pickle says it has."""

    numbers: np.ndarray
    key: str
    claims: int | None = None
    part: tuple[str, int, int] | None = None


@dataclass(eq=False)
class Tensor:
    """A window onto a storage; the function that makes it is that of torch 0.4 and later."""

    stored: Stored
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0
    function: str = "_rebuild_tensor_v2"


@dataclass(eq=False)
class Called:
    """What a function gives, in a pickle: `Called(Name("os", "system"), ("true",))`."""

    function: Name
    arguments: tuple[Any, ...]


@dataclass(eq=False)
class WithState:
    """An object of a class, made by NEWOBJ of one argument, that is then given a state (BUILD)."""

    made_of: Name
    argument: Any
    state: Any


def tensor(array: np.ndarray, key: str) -> Tensor:
    """A tensor with a storage of its own."""
    strides = tuple(step // array.itemsize for step in np.empty(array.shape, array.dtype).strides)
    return Tensor(Stored(np.ascontiguousarray(array).ravel(), key), array.shape, strides)


def parts_of(content: Any, protocol: int = 2) -> list[bytes]:
    """Magic number, version, facts, content, keys, then the storages in the order of the keys."""
    written, storages = _pickled(content, protocol)
    keys = sorted(storages)
    before = [pickle.dumps(value, protocol) for value in (MAGIC, PROTOCOL, FACTS)]
    return [
        *before,
        written,
        pickle.dumps(keys, protocol),
        *(storage_bytes(storages[key].numbers) for key in keys),
    ]


def storage_bytes(numbers: np.ndarray) -> bytes:
    """How many they are, then the numbers, little-endian whatever the machine."""
    content = numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()
    return len(numbers).to_bytes(8, "little") + content


def state_dict(tensors: Iterable[tuple[str, Any]]) -> OrderedDict[str, Any]:
    """Tensors by name; PyTorch gives such a dict an attribute, too."""
    state = OrderedDict(tensors)
    state._metadata = OrderedDict([("", {"version": 1})])  # type: ignore[attr-defined]
    return state


def _pickled(content: Any, protocol: int) -> tuple[bytes, dict[str, Stored]]:
    stream = io.BytesIO()
    pickler = _Pickler(stream, protocol)
    pickler.dump(content)
    return stream.getvalue(), pickler.storages


# The pickler that is written in Python: that in C insists on importing what it names.
class _Pickler(pickle._Pickler):  # type: ignore[name-defined, misc]
    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, stream: io.BytesIO, protocol: int) -> None:
        super().__init__(stream, protocol)
        self.storages: dict[str, Stored] = {}

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Stored):
            return None
        self.storages[value.key] = value
        kind = Name("torch", _KINDS[value.numbers.dtype.name])
        claims = len(value.numbers) if value.claims is None else value.claims
        return "storage", kind, value.key, "cpu", claims, value.part

    def save_name(self, name: Name) -> None:
        self.write(f"c{name.module}\n{name.name}\n".encode())

    def save_tensor(self, value: Tensor) -> None:
        arguments: tuple[Any, ...] = (value.stored, value.offset, value.shape, value.strides)
        if value.function.endswith("v2"):
            arguments += (False, OrderedDict())
        self.save_reduce(Name("torch._utils", value.function), arguments, obj=value)

    def save_called(self, value: Called) -> None:
        self.save_reduce(value.function, value.arguments, obj=value)

    def save_with_state(self, value: WithState) -> None:
        for part in (value.made_of, (value.argument,)):
            self.save(part)
        self.write(pickle.NEWOBJ)
        self.save(value.state)
        self.write(pickle.BUILD)

    dispatch[WithState] = save_with_state
    dispatch[Name] = save_name
    dispatch[Tensor] = save_tensor
    dispatch[Called] = save_called
