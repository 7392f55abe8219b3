"""The folder of fetched models, and errors of writing to it."""

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
    """Returns the folder of fetched and converted models, which may not exist yet."""
    return cache_folder() / "models"


def note_of(partial: Path) -> Path:
    """Returns the file that stores the origin of a partial file."""
    return partial.with_name(f"{partial.name}.json")


def discard(partial: Path) -> None:
    """Removes the files of an interrupted download, if there are any."""
    note_of(partial).unlink(missing_ok=True)
    partial.unlink(missing_ok=True)


def in_megabytes(count: int) -> str:
    """Formats `count` bytes as text, such as `136.4 MB`."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def require_room(folder: Path, count: int, what: str) -> None:
    """Raises DownloadError if the disk of `folder` does not have `count` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < count:
        raise DownloadError(
            f"{folder}: {what} takes {in_megabytes(count)}, but only {in_megabytes(free)} is free "
            f"on the disk. {_MAKE_ROOM}"
        )


@contextmanager
def storing(folder: Path, what: str) -> Iterator[None]:
    """Turns write errors of the block into messages with advice.

    Raises:
        DownloadError: the disk is full, or the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, SimplebaseError):
            raise
        # HDF5 puts the system's message into its own text.
        if error.errno in _FULL or os.strerror(errno.ENOSPC) in str(error):
            raise DownloadError(
                f"{folder}: the disk is full, so {what} was not stored. {_MAKE_ROOM}"
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise DownloadError(
                f"{folder}: {what} cannot be stored there, because the folder cannot be written "
                f"({error.strerror}). Set SIMPLEBASE_CACHE to another folder."
            ) from error
        raise


_MAKE_ROOM = "Free some space, or set SIMPLEBASE_CACHE to a folder on another disk."
