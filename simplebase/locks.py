"""Locks that keep two processes from writing into one place at the same time.

A lock is a file that the operating system locks for a process. It is free when the process ends,
however it ends, so a lock file that a crash left behind is no obstacle.
"""

import errno
import json
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from simplebase.errors import InUseError, SimplebaseWarning

_PATIENCE = 0.3  # seconds: long enough to try again where another process removes the file
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class _Holder:
    """Who has a lock, as its file says.

    Args:
        pid: of the process.
        host: where it runs; on a shared disk that may be another machine.
        since: local time with its offset from UTC.
    """

    pid: int
    host: str
    since: str

    @classmethod
    def this_process(cls) -> "_Holder":
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        return cls(os.getpid(), socket.gethostname(), since)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} has been writing there since {self.since}"


@contextmanager
def locked(path: str | os.PathLike[str], place: str, advice: str) -> Iterator[None]:
    """Holds the lock file `path` while the block runs, and removes it at the end.

    Where the file system has no locks, a warning says so and the block runs without.

    Args:
        path: the lock file; its folder exists.
        place: what it protects, the first words of the error.
        advice: what else to do than wait, the last words of the error.

    Raises:
        InUseError: another process, or another thread of this one, has the lock.
    """
    path = Path(path)
    lock = _lock(path)
    try:
        held = _acquire(lock, path, place, _PATIENCE)
    except Timeout:
        raise InUseError(
            f"{place} is in use: {_holder(path)}. Wait until it ends, or {advice}."
        ) from None
    with _release_after(lock, path, held):
        yield


@contextmanager
def turn(path: str | os.PathLike[str], place: str) -> Iterator[None]:
    """As `locked`, but waits until the lock is free; a warning says for whom it waits."""
    path = Path(path)
    lock = _lock(path)
    try:
        held = _acquire(lock, path, place, _PATIENCE)
    except Timeout:
        warnings.warn(f"waiting for {place}: {_holder(path)}.", SimplebaseWarning, stacklevel=3)
        held = _acquire(lock, path, place, -1)
    with _release_after(lock, path, held):
        yield


def _lock(path: Path) -> FileLock:
    def sign(descriptor: int) -> None:
        content = json.dumps(asdict(_Holder.this_process())).encode()
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)

    # A lock that is a file's mere existence would outlive a process that was killed.
    return FileLock(path, fallback_to_soft=False, on_acquired=sign)


def _acquire(lock: FileLock, path: Path, place: str, seconds: float) -> bool:
    """Whether it is held; False where there are no locks."""
    try:
        lock.acquire(seconds)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(
            f"{path.parent}: this file system has no locks, so nothing keeps a second process from "
            f"writing {place} at the same time. Make sure that there is none.",
            SimplebaseWarning,
            stacklevel=4,
        )
        return False
    return True


@contextmanager
def _release_after(lock: FileLock, path: Path, held: bool) -> Iterator[None]:
    try:
        yield
    finally:
        # While it is still held: whoever opened the file meanwhile sees that it has gone.
        with suppress(OSError):
            path.unlink()
        if held:
            lock.release()


def _holder(path: Path) -> str:
    try:
        return str(_Holder(**json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, TypeError, ValueError):
        return "another process is writing there"
