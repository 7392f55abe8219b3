"""Opening files with libraries that chatter and raise what they like."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from simplebase.errors import DataError, SimplebaseError, first_line


@contextmanager
def opening(path: str | os.PathLike[str]) -> Iterator[None]:
    """Makes one sentence of whatever the block raises over `path`, and keeps it quiet.

    Cut and garbled files are the libraries' to find: LiteRT and MNN verify their flatbuffers,
    ONNX Runtime and TensorFlow parse protocol buffers. None of them crashed on those of the tests.

    Raises:
        DataError: the block raised, and not an error of ours.
    """
    try:
        with silenced():
            yield
    except SimplebaseError:
        raise
    except Exception as error:  # Each library has its own kinds, and some raise a bare Exception.
        raise DataError(
            f"{path} cannot be opened: {first_line(error).rstrip('.')}. It may be damaged or "
            "incomplete; export it again."
        ) from error


@contextmanager
def silenced() -> Iterator[None]:
    """Drops what is written to standard output and error, by native code too.

    MNN prints what the processor can do and LiteRT that it made a delegate; neither has a switch
    for it in Python. It is for short blocks: what other threads write meanwhile is lost as well.
    """
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        yield
    finally:
        for descriptor, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, descriptor)
        for descriptor in (nowhere, *kept):
            os.close(descriptor)
