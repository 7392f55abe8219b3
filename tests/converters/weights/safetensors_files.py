"""Writes `.safetensors` by its specification."""

import json
from pathlib import Path

import numpy as np

_DTYPES = {"float32": "F32", "int64": "I64"}


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Writes float32 and int64 arrays."""
    table, numbers = {}, bytearray()
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        offsets = [len(numbers), len(numbers) + len(content)]
        table[name] = {
            "dtype": _DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": offsets,
        }
        numbers += content
    head = json.dumps(table).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(numbers))
    return path
