"""Opens files with libraries that print messages and raise errors of many types."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from simplebase.errors import DataError, SimplebaseError, first_line
from simplebase.silence import silenced


@contextmanager
def opening(path: str | os.PathLike[str]) -> Iterator[None]:
    """Silences the block, and turns any error that it raises into a DataError about `path`.

    The libraries themselves detect damaged files: LiteRT and MNN verify their flatbuffers, ONNX
    Runtime and TensorFlow parse protocol buffers. Only MNN crashes, see its module.

    Raises:
        DataError: the block raised an error that is not one of ours.
    """
    try:
        with silenced():
            yield
    except SimplebaseError:
        raise
    except Exception as error:  # Each library has its own types, and some raise a bare Exception.
        raise DataError(
            f"{path} cannot be opened: {first_line(error).rstrip('.!')}. It may be damaged or "
            "incomplete; export it again."
        ) from error
