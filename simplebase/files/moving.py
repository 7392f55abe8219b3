"""Moves files and folders into place, on POSIX systems and on Windows."""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from simplebase.errors import OutputExistsError

_IN_USE = {5, 32}
"""Windows' error numbers for a file that another program has open: access denied, sharing violation
(https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--0-499-)."""
_TRIES, _PAUSE = 10, 0.1
"""Seconds to retry: a virus scanner or a search index may keep a new file open for a moment."""


def replace(new: Path, path: Path) -> None:
    """Moves `new` to `path`, replacing an existing file.

    Windows cannot move an open file, so there it retries for a second.
    """
    _persistently(os.replace, new, path)


def _persistently(move: Callable[[Path, Path], None], new: Path, path: Path) -> None:
    for _ in range(_TRIES - 1):
        try:
            return move(new, path)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _IN_USE:
                raise
            time.sleep(_PAUSE)
    move(new, path)


def move_to_new(new: Path, path: Path) -> None:
    """Moves `new` to `path`, which must not exist.

    The system itself checks this while moving. A separate check would miss a file that another
    process writes between the check and the move.

    Raises:
        OutputExistsError: `path` exists.
    """
    try:
        if os.name == "nt":
            _persistently(os.rename, new, path)  # on Windows it never replaces a file
        elif new.is_dir():
            # A folder can only replace an empty folder, and this one is ours.
            path.mkdir()
            _move_onto(new, path, undo=path.rmdir)
        else:
            _move_file(new, path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise OutputExistsError(
            f"{path} appeared while this command was writing its own, and was left as it is. Is "
            "the same command running twice? Choose another path, or pass --overwrite."
        ) from error


def _move_file(new: Path, path: Path) -> None:
    try:
        os.link(new, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # Without hard links (FAT, some network file systems), an empty file reserves the name.
        path.touch(exist_ok=False)
        _move_onto(new, path, undo=path.unlink)
    else:
        new.unlink()


def _move_onto(new: Path, claimed: Path, undo: Callable[[], None]) -> None:
    try:
        os.rename(new, claimed)
    except BaseException:
        with suppress(OSError):
            undo()
        raise


def replace_folder(new: Path, path: Path, aside: Path) -> None:
    """Moves `new` to `path`. A file is replaced in one step; a folder is moved aside first."""
    replace(path, aside)
    try:
        replace(new, path)
    except BaseException:
        replace(aside, path)
        raise
