"""Keeping libraries quiet that write past Python."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

_STDOUT, _STDERR = 1, 2


@dataclass
class _Redirection:
    """A descriptor that leads nowhere for now.

    Args:
        original: a copy of what it was.
        users: how many blocks want it so.
    """

    original: int
    users: int = 0


# Of the whole process, as the descriptors are: blocks in several threads overlap in any order.
_redirections: dict[int, _Redirection] = {}
_lock = threading.RLock()


@contextmanager
def silenced(descriptors: tuple[int, ...] = (_STDOUT, _STDERR)) -> Iterator[None]:
    """Drops what this process writes to standard output and error meanwhile, by native code too.

    MNN prints what the processor can do and LiteRT that it made a delegate; neither has a switch
    for it in Python. It is for short blocks: what other threads write is lost as well. Blocks may
    overlap and nest; the last one to end restores the output. A descriptor that is closed stays
    closed.
    """
    entered: list[int] = []
    try:
        with _lock:
            for descriptor in descriptors:
                if _enter(descriptor):
                    entered.append(descriptor)
        yield
    finally:
        with _lock:
            for descriptor in entered:
                _leave(descriptor)


def silenced_stderr() -> AbstractContextManager[None]:
    """The same for standard error alone.

    TensorFlow's start-up notes come from C++ before any setting of its own can silence them.
    """
    return silenced((_STDERR,))


def _enter(descriptor: int) -> bool:
    """Leads `descriptor` nowhere, or counts one more who wants that; False if it is closed."""
    if descriptor not in _redirections:
        _flush()
        try:
            original = _copy(descriptor)
        except OSError:
            return False
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        except BaseException:
            os.close(original)
            raise
        _redirections[descriptor] = _Redirection(original)
    _redirections[descriptor].users += 1
    return True


def _copy(descriptor: int) -> int:
    """A copy above those that have a meaning, of which one may be closed and so be free."""
    copy = os.dup(descriptor)
    if copy > _STDERR:
        return copy
    try:
        return _copy(descriptor)
    finally:
        os.close(copy)


def _leave(descriptor: int) -> None:
    redirection = _redirections[descriptor]
    redirection.users -= 1
    if redirection.users == 0:
        _flush()
        os.dup2(redirection.original, descriptor)
        os.close(redirection.original)
        del _redirections[descriptor]


def _flush() -> None:
    """What Python has buffered belongs to before or after; a stream may be closed or missing."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
