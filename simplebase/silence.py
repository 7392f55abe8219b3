"""Keeping libraries quiet that write past Python."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

_STDOUT, _STDERR = 1, 2


@contextmanager
def silenced(descriptors: tuple[int, ...] = (_STDOUT, _STDERR)) -> Iterator[None]:
    """Drops what this process writes to standard output and error meanwhile, by native code too.

    MNN prints what the processor can do and LiteRT that it made a delegate; neither has a switch
    for it in Python. It is for short blocks: what other threads write is lost as well.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in descriptors]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in descriptors:
            os.dup2(nowhere, descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip(descriptors, kept, strict=True):
            os.dup2(copy, descriptor)
        for descriptor in (nowhere, *kept):
            os.close(descriptor)


def silenced_stderr() -> AbstractContextManager[None]:
    """The same for standard error alone.

    TensorFlow's start-up notes come from C++ before any setting of its own can silence them.
    """
    return silenced((_STDERR,))
