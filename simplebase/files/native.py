"""Paths for C libraries that cannot open every name on Windows.

OpenCV's videos, MNN and LiteRT open files by C functions that take names in the system's code page.
If the code page lacks a character of the path, the file cannot be opened. Images are read and
written through Python's own files instead, see `simplebase.images`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def native_name(path: str | os.PathLike[str]) -> str:
    """Returns a name of an existing file or folder that a C library can open.

    This is `path` itself, except on Windows for a path that is not plain ASCII. There it is NTFS's
    short name (`KHE~1.MP4`), or `path` if short names are disabled, which FFmpeg can still open.
    """
    name = os.fspath(path)
    return name if name.isascii() else short_name(name) or name


@contextmanager
def natively_written(path: Path) -> Iterator[str]:
    """Yields a name under which a C library can write a new file, and moves the file to `path`.

    On Windows the folder has a short name, but a short file name would cut the suffix by which
    libraries choose the format. So the file is written as `output` and renamed at the end.
    """
    if str(path).isascii() or (folder := short_name(str(path.parent))) is None:
        yield str(path)
        return
    written = os.path.join(folder, f"output{path.suffix}")
    yield written
    if os.path.exists(written):
        os.replace(written, path)


def short_name(path: str) -> str | None:
    """Returns Windows' short name of an existing file or folder; None if there is none."""
    if sys.platform != "win32":
        return None
    import ctypes

    ask = ctypes.windll.kernel32.GetShortPathNameW
    name = ctypes.create_unicode_buffer(ask(path, None, 0) + 1)
    ask(path, name, len(name))
    return name.value if name.value and name.value.isascii() else None
