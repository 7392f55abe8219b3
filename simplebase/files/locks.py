"""Locks that keep two processes from writing to the same place at the same time.

A lock is a file that the operating system locks for a process. The system releases it when the
process ends in any way, so a lock file that a crash left behind is harmless.
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

_PATIENCE = 0.3  # seconds: enough to try again while another process removes the file
_LONGEST = 4096  # bytes that are read of a lock file
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class _Holder:
    """The process that holds a lock, as written in its file.

    Args:
        pid: id of the process.
        host: its machine, which may be another one if the disk is shared.
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

    If the file system has no locks, a warning is given and the block runs without a lock.

    Args:
        path: the lock file, whose folder must exist.
        place: what it protects, for the start of the message.
        advice: what to do instead of waiting, for the end of the message.

    Raises:
        InUseError: another process, or another thread of this one, has the lock.
        OSError: the lock file cannot be made; `filename` is its folder.
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
    """Like `locked`, but waits until the lock is free; a warning names the other process."""
    lock = _Lock(Path(path), place)
    try:
        lock.acquire(_PATIENCE)
    except Timeout:
        warnings.warn(f"waiting for {place}: {lock.holder}.", SimplebaseWarning, stacklevel=3)
        lock.acquire(-1)
    with lock:
        yield


class _Lock:
    """A lock file that names its holder; as a context manager, it releases the acquired lock."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place
        self._earlier = b""
        # If the mere existence of a file were the lock, it would outlive a killed process.
        self._lock = FileLock(path, fallback_to_soft=False, on_acquired=self._sign)

    @property
    def holder(self) -> str:
        """Returns the holder, as part of a sentence."""
        try:
            return str(_Holder(**json.loads(self._path.read_text(encoding="utf-8"))))
        except (OSError, TypeError, ValueError):
            return "another process is writing there"

    def acquire(self, seconds: float) -> None:
        """Waits up to `seconds` for the lock, below 0 for ever; raises Timeout."""
        try:
            self._lock.acquire(seconds)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                if error.filename is not None and not self._path.exists():
                    # Users know the folder, but not the hidden file in it.
                    error.filename = os.path.abspath(self._path.parent)
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
        # Removed while it is still held, so that others who opened the file notice that it is gone.
        with suppress(OSError):
            if kind is not None and self._earlier:
                # After a failure, a lock file of an earlier crash stays: the folder is unchanged.
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
