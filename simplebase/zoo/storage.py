"""The folder of fetched models: its files, and what to do if it cannot be written."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simplebase.errors import DownloadError, SimplebaseError
from simplebase.files import cache_folder

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


def models_folder() -> Path:
    """Where fetched and converted models are kept; it need not exist yet."""
    return cache_folder() / "models"


def note_of(partial: Path) -> Path:
    """The file that says where a partial file is from."""
    return partial.with_name(f"{partial.name}.json")


def discard(partial: Path) -> None:
    """Removes what an interrupted download left, if anything."""
    note_of(partial).unlink(missing_ok=True)
    partial.unlink(missing_ok=True)


def in_megabytes(count: int) -> str:
    """`count` bytes as text, such as `136.4 MB`; below a kilobyte the bytes."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def require_room(folder: Path, count: int, what: str) -> None:
    """Raises DownloadError if the disk of `folder` has no room for `count` bytes more."""
    free = shutil.disk_usage(folder).free
    if free < count:
        raise DownloadError(
            f"{folder}: {what} takes {in_megabytes(count)}, but only {in_megabytes(free)} of the "
            f"disk are free. {_MAKE_ROOM}"
        )


@contextmanager
def storing(folder: Path, what: str) -> Iterator[None]:
    """Says what to do where the block cannot write `what` into `folder`, or below it.

    Raises:
        DownloadError: the disk is full, or the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, SimplebaseError):
            raise
        # HDF5 puts the system's words into a text of its own.
        if error.errno in _FULL or os.strerror(errno.ENOSPC) in str(error):
            raise DownloadError(
                f"{folder}: the disk is full, so {what} was not kept. {_MAKE_ROOM}"
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise DownloadError(
                f"{folder}: {what} cannot be kept there, because the folder cannot be written "
                f"({error.strerror}). Set SIMPLEBASE_CACHE to a folder that can be."
            ) from error
        raise


_MAKE_ROOM = "Free some of it, or set SIMPLEBASE_CACHE to a folder on another disk."
