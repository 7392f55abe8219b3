"""Folders that the demo writes, and may replace."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simplebase.files import replacing, write_text

MARKER = "simplebase.txt"
_TEXT = "Written by `simplebase demo`, which replaces this folder if --overwrite is given.\n"


@contextmanager
def demo_folder(path: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Yields a temporary folder that becomes `path` when the block succeeds.

    Raises:
        OutputExistsError: `path` exists, and `overwrite` is off or somebody else wrote it.
    """
    with replacing(path, overwrite=overwrite, folder_markers=(MARKER,)) as partial:
        partial.mkdir()
        write_text(partial / MARKER, _TEXT)
        yield partial
