"""Moving files and folders into place, on POSIX systems and on Windows."""

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
"""A virus scanner or a search index has a new file open for a part of a second."""


def replace(new: Path, path: Path) -> None:
    """Moves `new` to `path`, over a file that is there.

    Windows moves no file that is open, so there it tries again for a second.
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
    """Moves `new` to `path`, where nothing may be.

    The system checks that as it moves: a look before would miss what another process writes
    between the look and the move.

    Raises:
        OutputExistsError: something is there.
    """
    try:
        if os.name == "nt":
            _persistently(os.rename, new, path)  # on Windows it replaces nothing
        elif new.is_dir():
            # A folder takes the place of an empty one only, and this one is ours.
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
        # No hard links here (FAT, some network file systems): an empty file claims the name.
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
    """Moves `new` to `path`. A file is replaced in one step; a folder steps aside first."""
    replace(path, aside)
    try:
        replace(new, path)
    except BaseException:
        replace(aside, path)
        raise
