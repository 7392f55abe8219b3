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
_LONGEST = 4096  # bytes of a lock file
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
    lock = _Lock(Path(path), place)
    try:
        lock.acquire(_PATIENCE)
    except Timeout:
        raise InUseError(
            f"{place} is in use: {lock.holder}. Wait until it ends, or {advice}."
        ) from None
    with lock:
        yield


@contextmanager
def turn(path: str | os.PathLike[str], place: str) -> Iterator[None]:
    """As `locked`, but waits until the lock is free; a warning says for whom it waits."""
    lock = _Lock(Path(path), place)
    try:
        lock.acquire(_PATIENCE)
    except Timeout:
        warnings.warn(f"waiting for {place}: {lock.holder}.", SimplebaseWarning, stacklevel=3)
        lock.acquire(-1)
    with lock:
        yield


class _Lock:
    """A lock file that says who holds it; a context that gives it back, once acquired."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place
        self._earlier = b""
        # A lock that is a file's mere existence would outlive a process that was killed.
        self._lock = FileLock(path, fallback_to_soft=False, on_acquired=self._sign)

    @property
    def holder(self) -> str:
        """Who has it, for the middle of a sentence."""
        try:
            return str(_Holder(**json.loads(self._path.read_text(encoding="utf-8"))))
        except (OSError, TypeError, ValueError):
            return "another process is writing there"

    def acquire(self, seconds: float) -> None:
        """Waits up to `seconds` for it, below 0 for ever; raises Timeout."""
        try:
            self._lock.acquire(seconds)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            warnings.warn(
                f"{self._path.parent}: this file system has no locks, so a second process could "
                f"write {self._place} at the same time. Make sure that no other process does.",
                SimplebaseWarning,
                stacklevel=4,
            )

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        # While it is still held: whoever opened the file meanwhile sees that it has gone.
        with suppress(OSError):
            if kind is not None and self._earlier:
                # What fails leaves a folder as it was, with what a crash left in it before.
                self._path.write_bytes(self._earlier)
            else:
                self._path.unlink()
        self._lock.release()

    def _sign(self, descriptor: int) -> None:
        self._earlier = os.read(descriptor, _LONGEST)
        content = json.dumps(asdict(_Holder.this_process())).encode()
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)
