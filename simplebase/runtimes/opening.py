"""Opening files with libraries that chatter and raise what they like."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from simplebase.errors import DataError, SimplebaseError, first_line
from simplebase.silence import silenced


@contextmanager
def opening(path: str | os.PathLike[str]) -> Iterator[None]:
    """Makes one sentence of whatever the block raises over `path`, and keeps it quiet.

    Cut and garbled files are the libraries' to find: LiteRT and MNN verify their flatbuffers,
    ONNX Runtime and TensorFlow parse protocol buffers. Only MNN crashed, see its module.

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
            f"{path} cannot be opened: {first_line(error).rstrip('.!')}. It may be damaged or "
            "incomplete; export it again."
        ) from error
