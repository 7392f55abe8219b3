"""Reads our own `.npz` files without trusting the sizes in them.

`np.savez` stores arrays uncompressed, so none can be larger than the file. A compressed member, or
a header with a larger shape, is refused before memory is allocated.
"""

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import numpy as np

from simplebase.errors import DataError, cut, shown

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

# Errors of zipfile and NumPy for damaged files.
_BROKEN = (
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


class Header(NamedTuple):
    """The header of a stored array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class NpzFile:
    """The arrays of an opened file, each read on access.

    Args:
        archive: the file.
        headers: headers of the arrays by name, which agree with the sizes in the archive.
    """

    def __init__(self, archive: zipfile.ZipFile, headers: dict[str, Header]) -> None:
        self.headers = headers
        self._archive = archive

    def __getitem__(self, name: str) -> np.ndarray:
        """Reads an array; KeyError if there is none with this name."""
        if name not in self.headers:
            raise KeyError(f"it has no {name}")
        with self._archive.open(f"{name}.npy") as member:
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
        return array


@contextmanager
def opened_npz(file: IO[bytes], name: str, what: str) -> Iterator[NpzFile]:
    """Opens a file of `np.savez`; read errors within the block are reported as damage.

    Args:
        file: the file, opened for reading.
        name: name of the file, for messages.
        what: the kind of file, for messages: "a training-state file".

    Raises:
        DataError: it is not such a file, or damaged, or an array's header has a wrong size.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            headers = {}
            for member in archive.infolist():
                headers[member.filename.removesuffix(".npy")] = _header(archive, member)
            yield NpzFile(archive, headers)
    except DataError:
        raise
    except _BROKEN as error:
        problem = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise DataError(f"{name} is not {what}: {cut(str(problem).rstrip('.'))}.") from error


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
    """Reads a header; raises ValueError if `member` is compressed or its size is wrong."""
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise ValueError(f"{shown(member.filename)} is compressed, which is never written")
    with archive.open(member) as content:
        version = np.lib.format.read_magic(content)
        if version not in _HEADERS:
            raise ValueError(f"{shown(member.filename)} has an array header of version {version}")
        shape, _, dtype = _HEADERS[version](content)
        stored = member.file_size - content.tell()
    if dtype.hasobject:
        raise ValueError(f"{shown(member.filename)} holds Python objects")
    if math.prod(shape) * dtype.itemsize != stored:
        raise ValueError(
            f"{shown(member.filename)} has {stored} bytes, but claims shape {shown(shape)} "
            f"of {dtype}"
        )
    return Header(shape, dtype)
