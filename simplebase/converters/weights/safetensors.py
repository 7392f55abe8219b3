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
            table = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is damaged: its table is no JSON.") from error
        numbers = file.read()
    if not isinstance(table, dict):
        raise DataError(f"{path} is damaged: its table is no mapping.")
    table.pop("__metadata__", None)
    return {name: _tensor(name, entry, numbers, path) for name, entry in table.items()}


def _tensor(name: str, entry: Any, numbers: bytes, path: Path) -> np.ndarray:
    match entry:
        case {
            "dtype": str(dtype),
            "shape": [*shape],
            "data_offsets": [int(begin), int(end)],
        } if dtype in _DTYPES and all(type(side) is int and side >= 0 for side in shape):
            pass
        case _:
            raise DataError(f"{path}: the entry of {name} in its table is none that can be read.")
    kind = np.dtype(_DTYPES[dtype])
    if not 0 <= begin <= end <= len(numbers) or end - begin != math.prod(shape) * kind.itemsize:
        raise DataError(f"{path} is damaged or incomplete: {name} is not where its table says.")
    array = np.frombuffer(numbers[begin:end], kind).reshape(shape)
    # bfloat16 is the upper half of a float32.
    return (array.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else array
