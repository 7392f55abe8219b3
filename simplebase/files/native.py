"""Paths for libraries in C that cannot open every name on Windows.

OpenCV's videos, MNN and LiteRT open files by functions of C that take names in the system's code
page. If the code page lacks a character of the path, the file cannot be opened. Images are read and
written through Python's own files instead, see `simplebase.images`.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def native_name(path: str | os.PathLike[str]) -> str:
    """A name of an existing file or folder that a library in C can open.

    That is `path` itself, except on Windows for a path that is not plain ASCII: there it is the
    short name that NTFS gives to each file (`KHE~1.MP4`). A disk may be set to have none; then it
    is `path` again, which FFmpeg still opens.
    """
    name = os.fspath(path)
    return name if name.isascii() else short_name(name) or name


@contextmanager
def natively_written(path: Path) -> Iterator[str]:
    """Yields a name under which a library in C writes the new file `path`; moves it there.

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
    """Windows' short name of an existing file or folder; None on other systems, or without one."""
    if sys.platform != "win32":
        return None
    import ctypes

    ask = ctypes.windll.kernel32.GetShortPathNameW
    name = ctypes.create_unicode_buffer(ask(path, None, 0) + 1)
    ask(path, name, len(name))
    return name.value if name.value and name.value.isascii() else None
