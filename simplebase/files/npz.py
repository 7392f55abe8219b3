"""Reading our own `.npz` files without trusting what they say of their sizes.

`np.savez` stores its arrays as they are, so that none can be larger than the file. What claims
otherwise, a compressed member or a header of a larger shape, is refused before memory is taken.
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

# What zipfile and NumPy raise on damage.
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
    """What a stored array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class NpzFile:
    """The arrays of an opened file, each read when it is asked for.

    Args:
        archive: the file.
        headers: of each array, by its name; they fit the sizes in the archive.
    """

    def __init__(self, archive: zipfile.ZipFile, headers: dict[str, Header]) -> None:
        self.headers = headers
        self._archive = archive

    def __getitem__(self, name: str) -> np.ndarray:
        """Reads an array; KeyError if there is none of this name."""
        if name not in self.headers:
            raise KeyError(f"it has no {name}")
        with self._archive.open(f"{name}.npy") as member:
            array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
        return array


@contextmanager
def opened_npz(file: IO[bytes], name: str, what: str) -> Iterator[NpzFile]:
    """Opens what `np.savez` has written; errors of reading within the block count as damage.

    Args:
        file: opened for reading.
        name: of the file, for errors.
        what: a file like it is called, for errors: "a training-state file".

    Raises:
        DataError: it is another file or damaged, or an array says another size than is stored.
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
    """Raises ValueError if `member` is not stored as it is, or not of the size that it says."""
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
