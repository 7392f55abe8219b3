"""PyTorch's format before 1.6 and with `_use_new_zipfile_serialization=False`.

```
magic number         0x1950a86a20f9469cfc6c
protocol             1001
facts                properties of the writing machine; its byte order is not that of the file
content              containers, names, shapes; refers to storages by key
keys                 a list of the storages' keys
one storage per key  an int64 with the count, then the numbers; always little-endian
```

The first five are pickles. MMPose publishes its models in this format. Tar archives of the first
releases are not supported.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from simplebase.converters.weights.stand_ins import Storage
from simplebase.converters.weights.torch_tensors import (
    LARGEST_PICKLE,
    arrays_of,
    damage_reported,
    find_state_dict,
    read_pickle,
)
from simplebase.errors import DataError, shown

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
# The instruction LONG1, its length and the number are in the first bytes for any pickle protocol.
_MAGIC_PICKLED = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")
_MAGIC_WITHIN = 32
_COUNT_BYTES = 8


def is_torch_stream(head: bytes) -> bool:
    """Returns whether a file starts like those of PyTorch before 1.6, with a pickled number."""
    return head.startswith(b"\x80") and _MAGIC_PICKLED in head[:_MAGIC_WITHIN]


def is_torch_tar(head: bytes) -> bool:
    """Returns whether a file is a tar archive of PyTorch's first releases."""
    return head[257:262] == b"ustar"


def read_torch_stream(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads the tensors of a state dict; other storages are skipped.

    Args:
        path: a file that `torch.save` wrote.

    Returns:
        The tensors by name, and the content besides the state dict.

    Raises:
        DataError: it is damaged, names code, or contains no state dict.
    """
    with damage_reported(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        stream = io.BytesIO(file.read(min(size, LARGEST_PICKLE)))
        _require_protocol(stream, path)
        content, storages = read_pickle(stream, path)
        views, rest = find_state_dict(content, path)
        keys = read_pickle(stream, path).value
        places = _places(file, _checked_keys(keys, storages), stream.tell(), size)
        arrays = arrays_of(views, lambda storage: _read(file, storage, places), size)
    return arrays, rest


def _require_protocol(stream: io.BytesIO, path: Path) -> None:
    """Reads the parts before the content.

    Raises:
        DataError: it has another version.
        ValueError: it is not in torch's format.
    """
    if read_pickle(stream, path).value != _MAGIC:
        raise ValueError("its magic number is not PyTorch's")
    protocol = read_pickle(stream, path).value
    if protocol != _PROTOCOL:
        raise DataError(
            f"{path} is of version {shown(protocol)} of PyTorch's older format, but only "
            f"{_PROTOCOL} is known. Is it damaged? Then fetch it again."
        )
    if not isinstance(read_pickle(stream, path).value, dict):
        raise ValueError("facts of the machine that wrote it are missing")


def _checked_keys(keys: Any, storages: dict[str, Storage]) -> list[Storage]:
    """Returns the storages in the order of the file."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("its list of storages is none")
    if len(keys) != len(storages) or set(keys) != set(storages):
        raise ValueError("its list of storages is not of those that its tensors lie in")
    return [storages[key] for key in keys]


def _places(
    file: BinaryIO, storages: list[Storage], position: int, size: int
) -> dict[Storage, int]:
    """Computes where the numbers of each storage start, from the counts.

    Raises:
        ValueError: a count differs from that in the pickle, or the file does not end with the last
            storage.
    """
    places = {}
    for storage in storages:
        file.seek(position)
        count = int.from_bytes(file.read(_COUNT_BYTES), "little", signed=True)
        position += _COUNT_BYTES
        places[storage] = position
        position += storage.count * storage.itemsize
        if position > size:
            raise ValueError(f"it has {size} bytes, but its storages reach to {position}")
        if count != storage.count:
            raise ValueError(
                f"storage {shown(storage.key)} has {count} numbers, but its tensors need "
                f"{storage.count}"
            )
    if position != size:
        raise ValueError(f"its storages end at byte {position}, but it has {size}")
    return places


def _read(file: BinaryIO, storage: Storage, places: dict[Storage, int]) -> bytes:
    file.seek(places[storage])
    return file.read(storage.count * storage.itemsize)
