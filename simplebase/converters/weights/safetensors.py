"""Reads `.safetensors` files, https://github.com/huggingface/safetensors#format."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from simplebase.errors import DataError, cut, first_line, shown

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads all tensors; bfloat16, which NumPy lacks, as float32.

    Raises:
        DataError: the file is damaged or incomplete, a name occurs twice, or a tensor has an
            unsupported type of numbers.
    """
    content = path.read_bytes()
    try:
        names = _names(content)
        repeated = [name for name, count in Counter(names).items() if count > 1]
        tensors = {} if repeated else dict(deserialize(content))
    except (SafetensorError, RecursionError, ValueError) as error:
        reason = cut(first_line(error).removeprefix("Error while deserializing: "))
        raise DataError(f"{path} is damaged or incomplete: {reason}. Download it again.") from error
    if repeated:  # The library would silently keep one of two entries.
        raise DataError(f"{path} is damaged: its header has {shown(repeated[0])} twice.")
    return {name: _array(name, tensors[name], path) for name in names if name in tensors}


def _names(content: bytes) -> list[str]:
    """Returns the header's names in order, which the library does not preserve.

    The header is a mapping, because the format was detected by its first brace.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length], object_pairs_hook=list)
    return [name for name, _ in header]


def _array(name: str, tensor: dict[str, Any], path: Path) -> np.ndarray:
    dtype, shape = tensor["dtype"], tensor["shape"]
    if dtype not in _DTYPES:
        raise DataError(
            f"{path}: tensor {shown(name)} holds numbers of type {dtype}. Expected one of "
            f"{', '.join(_DTYPES)}."
        )
    try:
        array = np.frombuffer(tensor["data"], _DTYPES[dtype]).reshape(shape)
    except (ValueError, OverflowError) as error:  # More axes, or a longer axis, than NumPy allows.
        raise DataError(
            f"{path}: tensor {shown(name)} has a shape that no array can have: {cut(str(shape))}."
        ) from error
    if dtype == "BF16":  # The upper half of a float32.
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array
