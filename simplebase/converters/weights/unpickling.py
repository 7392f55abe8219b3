"""Reads a pickle of tensors without running anything that it names.

A pickle is a program: it may name and call any function that can be imported. Here, names are
looked up in a table instead. A name that is not in the table is an error before anything is called.
"""

import io
import pickle
from typing import Any, NamedTuple

from simplebase.converters.weights.opcodes import require_harmless
from simplebase.converters.weights.stand_ins import (
    PASSED_OVER,
    STORAGES,
    IgnoredObject,
    MakeOrderedDict,
    MakeSize,
    Parameter,
    RebuildParameter,
    RebuildTensor,
    Storage,
    StorageType,
    StorageView,
    counting_numbers,
)
from simplebase.errors import cut, shown


class ForbiddenNameError(Exception):
    """The pickle names something that is neither a tensor nor a plain container."""


class Unpickled(NamedTuple):
    """The content of a pickle, and the storages to which it refers, by key."""

    value: Any
    storages: dict[str, Storage]


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes) -> None:
        # Strings of Python 2 are bytes. With this encoding, any bytes can be decoded.
        super().__init__(io.BytesIO(content), encoding="latin-1")
        self.storages: dict[str, Storage] = {}
        self._make_ordered_dict = MakeOrderedDict()

    def find_class(self, module: str, name: str) -> Any:
        """Returns the replacement for a name; the names themselves are never imported."""
        full = f"{module.replace('__builtin__', 'builtins')}.{name}"
        if full == "collections.OrderedDict":
            return self._make_ordered_dict
        if full in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
            return RebuildTensor()
        if full in (
            "torch._utils._rebuild_parameter",
            "torch._utils._rebuild_parameter_with_state",
        ):
            return RebuildParameter()
        if full == "torch.nn.parameter.Parameter":
            return Parameter
        if full == "torch.Size":
            return MakeSize
        if module in ("torch", "torch.storage") and name in STORAGES:
            return StorageType(STORAGES[name])
        if full in PASSED_OVER:
            return IgnoredObject
        raise ForbiddenNameError(cut(full) if full.isprintable() else shown(full))

    def persistent_load(self, reference: Any) -> Storage | StorageView:
        """Returns a storage, named by a tuple: "storage", its type, key, device and count.

        The stream format adds None, or key, start and count of a part.
        """
        match reference:
            case ("storage", StorageType(dtype=dtype), str(key), str(), int(count), *part) if (
                count >= 0
            ):
                storage = self.storages.setdefault(key, Storage(dtype, key, count))
                if storage != Storage(dtype, key, count):
                    raise pickle.UnpicklingError("a storage of two kinds or sizes")
            case _:
                raise pickle.UnpicklingError("a reference to something other than a storage")
        match part:
            case [] | [None]:
                return storage
            case [(str(), begin, size)]:
                begin, size = counting_numbers((begin, size))
                if begin + size <= count:
                    return StorageView(storage, begin, size)
        raise pickle.UnpicklingError("a part of a storage that reaches beyond it")


def unpickle(stream: io.BytesIO) -> Unpickled:
    """Reads the next pickle of a stream: containers, numbers, strings and `TensorView` objects.

    Raises:
        ForbiddenNameError: it names something else.
        Exception: any error that a damaged pickle causes.
    """
    begin = stream.tell()
    require_harmless(stream)
    with stream.getbuffer() as content:
        unpickler = _Unpickler(bytes(content[begin : stream.tell()]))
    return Unpickled(unpickler.load(), unpickler.storages)
