"""Silences libraries whose native code writes to the terminal."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

_STDOUT, _STDERR = 1, 2


@dataclass
class _Redirection:
    """A file descriptor that is redirected to nowhere.

    Args:
        original: a copy of the original descriptor.
        users: number of blocks that need the redirection.
    """

    original: int
    users: int = 0


# Shared by the whole process, like the descriptors: blocks in several threads may overlap.
_redirections: dict[int, _Redirection] = {}
_lock = threading.RLock()


@contextmanager
def silenced(descriptors: tuple[int, ...] = (_STDOUT, _STDERR)) -> Iterator[None]:
    """Drops the process's standard output and error during the block, also of native code.

    MNN prints the processor's features and LiteRT its delegate, and neither can be told not to from
    Python. Use it for short blocks only, because the output of other threads is lost as well.
    Blocks may overlap and nest; the last one to end restores the output. A closed descriptor stays
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
    """Does the same for standard error only.

    TensorFlow's C++ code prints notes at start-up before any of its settings can silence them.
    """
    return silenced((_STDERR,))


def _enter(descriptor: int) -> bool:
    """Redirects `descriptor`, or counts one more user; returns False if it is closed."""
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
    """Copies to a number above the standard descriptors, one of which may be closed and free."""
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
    """Flushes Python's buffers before the change; a stream may be closed or missing."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
