"""Reads a weights file of any supported kind, which is detected by its first bytes."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.converters.weights.checkpoint import Checkpoint, Tensors, shortened
from simplebase.converters.weights.keras2 import read_keras2
from simplebase.converters.weights.mmpose_meta import skeleton_of, spare_copies
from simplebase.converters.weights.safetensors import read_safetensors
from simplebase.converters.weights.torch_stream import (
    is_torch_stream,
    is_torch_tar,
    read_torch_stream,
)
from simplebase.converters.weights.torch_zip import read_torch_zip
from simplebase.errors import DataError
from simplebase.files import require_file

_HEAD = 512
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"

# Prefixes that wrappers of a model add to every name.
_WRAPPERS = ("module.", "_orig_mod.")


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Reads the tensors of a weights file without executing anything in it.

    Args:
        path: `.h5` of Keras 2, `.pth` or `.pth.tar` of PyTorch, or `.safetensors`.

    Raises:
        MissingFileError: the file does not exist.
        DataError: it is of another kind, damaged, or names code.
    """
    path = require_file(path, "the weights file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_HDF5):
        return read_keras2(path)
    if head.startswith(_ZIP):
        arrays, rest = read_torch_zip(path)
        return _torch_checkpoint(path, "PyTorch", arrays, rest)
    if is_torch_stream(head):
        arrays, rest = read_torch_stream(path)
        return _torch_checkpoint(path, "PyTorch's older format", arrays, rest)
    if is_torch_tar(head):
        raise DataError(
            f"{path} is a tar archive of PyTorch's first releases (2016), which is not supported. "
            "Look for a newer file. Or, if you trust this one, load it with "
            "torch.load(FILE, weights_only=False), which executes its code, and save it again."
        )
    if _looks_like_safetensors(head):
        return _torch_checkpoint(path, "safetensors", read_safetensors(path), {})
    if head.startswith(_PICKLE):
        raise DataError(
            f"{path} is a bare pickle, which is a program and is not read. Expected a file that "
            "torch.save wrote."
        )
    raise DataError(
        f"{path} is not a supported weights file. Expected an HDF5 file of Keras 2, a file that "
        "torch.save wrote, or .safetensors. Is it complete?"
    )


def _looks_like_safetensors(head: bytes) -> bool:
    """Returns whether the file starts with a length and a JSON mapping."""
    return len(head) > 9 and head[8:9] == b"{"


def _torch_checkpoint(
    path: Path, container: str, arrays: dict[str, np.ndarray], rest: dict[str, Any]
) -> Checkpoint:
    for wrapper in _WRAPPERS:
        if arrays and all(name.startswith(wrapper) for name in arrays):
            arrays = {name.removeprefix(wrapper): array for name, array in arrays.items()}
    left_out = {}
    if rest:
        left_out[f"entries beside the weights ({shortened(rest)})"] = len(rest)
    if copies := spare_copies(arrays):
        left_out["copies before averaging (ema_)"] = len(copies)
        arrays = {name: array for name, array in arrays.items() if name not in copies}
    return Checkpoint(
        path=path,
        layout="torch",
        container=container,
        tensors=Tensors(arrays, path),
        skeleton=skeleton_of(rest),
        left_out=left_out,
    )
