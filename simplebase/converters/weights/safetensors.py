"""The format `.safetensors`: a JSON table of names, types, shapes and places, then the numbers.

https://github.com/huggingface/safetensors#format
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import DataError

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}

# As NumPy had them for long; a kernel has four.
_MOST_AXES = 32


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads all tensors.

    Raises:
        DataError: the file is damaged or incomplete.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = path.stat().st_size
        if not 2 <= length <= size - 8:
            raise DataError(f"{path} is damaged or incomplete: its table is longer than the file.")
        try:
            table = json.loads(file.read(length), object_pairs_hook=_unique)
        except _TwiceError as error:
            raise DataError(f"{path} is damaged: its table has {error} twice.") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is damaged: its table is no JSON.") from error
        numbers = file.read()
    if not isinstance(table, dict):
        raise DataError(f"{path} is damaged: its table is no mapping.")
    table.pop("__metadata__", None)
    arrays, places = {}, []
    for name, entry in table.items():
        arrays[name], place = _tensor(name, entry, numbers, path)
        places.append(place)
    _require_tiles(places, len(numbers), path)
    return arrays


class _TwiceError(ValueError):
    """A mapping of JSON has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping; Python's own reader keeps the last of two entries of the same name."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(repr(key))
        found[key] = value
    return found


def _require_tiles(places: list[tuple[int, int]], length: int, path: Path) -> None:
    """As the specification has it: the tensors fill the file, none over another.

    Raises:
        DataError: there is a gap or an overlap.
    """
    reached = 0
    for begin, end in [*sorted(places), (length, length)]:
        if begin != reached:
            kind = "a gap" if begin > reached else "an overlap"
            raise DataError(f"{path} is damaged: its table leaves {kind} at byte {reached}.")
        reached = end


def _tensor(
    name: str, entry: Any, numbers: bytes, path: Path
) -> tuple[np.ndarray, tuple[int, int]]:
    """A tensor, and where in `numbers` it begins and ends."""
    match entry:
        case {
            "dtype": str(dtype),
            "shape": [*shape],
            "data_offsets": [int(begin), int(end)],
        } if (
            dtype in _DTYPES
            and len(shape) <= _MOST_AXES
            and all(type(side) is int and side >= 0 for side in shape)
        ):
            pass
        case _:
            raise DataError(f"{path}: the entry of {name} in its table is none that can be read.")
    kind = np.dtype(_DTYPES[dtype])
    if not 0 <= begin <= end <= len(numbers) or end - begin != math.prod(shape) * kind.itemsize:
        raise DataError(f"{path} is damaged or incomplete: {name} is not where its table says.")
    try:
        array = np.frombuffer(numbers[begin:end], kind).reshape(shape)
    except (ValueError, OverflowError) as error:  # Empty, and a side that no array can have.
        raise DataError(f"{path}: the shape of {name} in its table is none of an array.") from error
    if dtype == "BF16":  # The upper half of a float32.
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array, (begin, end)
