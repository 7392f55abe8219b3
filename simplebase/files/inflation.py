"""Refuses archives that would unpack to far more than their size, before unpacking anything."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import h5py

from simplebase.errors import DataError, first_line

# Keras and h5py store weights uncompressed, and compression saves at most half. The allowance lets
# even a small network of zeros pass.
_MOST_TIMES = 20
_ALLOWANCE = 64 << 20


def require_sane_archive(path: Path, small: Sequence[str] = ()) -> None:
    """Checks the sizes of the files in a zip archive's directory.

    Args:
        path: a zip archive.
        small: text files in it that have to be small.

    Raises:
        DataError: it would unpack to implausibly much for its size.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    _require_sane(path, sum(member.file_size for member in members), path.stat().st_size)
    for member in members:
        if member.filename in small and member.file_size > _ALLOWANCE:
            raise DataError(
                f"{path}: its {member.filename} has {member.file_size} bytes; at most "
                f"{_ALLOWANCE} are expected. Is it the right file?"
            )


def read_tarball(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Reads files of a `.tar.gz` into memory, without unpacking anything to the disk.

    Args:
        path: the archive.
        wanted: names of the files to read.

    Raises:
        DataError: it is not such an archive, lacks one of the files, or would unpack to implausibly
            much for its size.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                _require_sane(path, member.offset_data + member.size, path.stat().st_size)
                if member.name in wanted and member.isfile() and member.name not in found:
                    content = archive.extractfile(member)
                    assert content is not None, "a file has content"
                    found[member.name] = content.read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged, or not a .tar.gz ({first_line(error)}).") from error
    if missing := sorted(set(wanted) - set(found)):
        raise DataError(f"{path} lacks {', '.join(missing)}. Is it the right archive?")
    return found


def require_sane_datasets(file: h5py.File, path: Path) -> None:
    """Checks the sizes of the arrays in an HDF5 file.

    Args:
        file: the opened file: a file in an archive, or `path` itself.
        path: the path, for messages.

    Raises:
        DataError: its arrays would take implausibly much memory for its size.
    """
    sizes: list[int] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(item.nbytes)

    file.visititems(add)
    _require_sane(path, sum(sizes), file.id.get_filesize())


def _require_sane(path: Path, unpacked: int, stored: int) -> None:
    if unpacked > _MOST_TIMES * stored + _ALLOWANCE:
        raise DataError(
            f"{path} has {stored} bytes, but would unpack to {unpacked}: it may be designed to "
            "fill the memory. Do not open it unless you know where it comes from."
        )
