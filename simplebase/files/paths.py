"""Paths: required files, their size and hash, short names, and the cache folder."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from simplebase.errors import ArgumentError, MissingFileError


def require_file(path: str | os.PathLike[str], what: str) -> Path:
    """Returns `path` if it is a file, else raises an error that `what` is missing."""
    path = Path(path)
    if path.is_dir():
        raise MissingFileError(f"{path} is a folder, but {what} is a file.")
    if not path.is_file():
        raise MissingFileError(f"{path}: {what} does not exist. Check the path.")
    return path


def stored_bytes(path: str | os.PathLike[str]) -> int:
    """Returns the size of a file, or of all files in a folder together."""
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_exists(path: str | os.PathLike[str]) -> None:
    """Raises MissingFileError if neither a file nor a folder exists."""
    if not Path(path).exists():
        raise MissingFileError(f"{path} does not exist. Check the path.")


def short_names(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Returns each path's name, with as many parents as needed to make it unique.

    Raises:
        ArgumentError: a path is given twice.
    """
    absolute = [Path(os.path.abspath(path)) for path in paths]
    names = []
    for given, path in zip(paths, absolute, strict=True):
        if absolute.count(path) > 1:
            raise ArgumentError(f"{os.fspath(given)} is given twice.")
        for count in range(1, len(path.parts) + 1):
            tail = path.parts[-count:]
            if sum(other.parts[-count:] == tail for other in absolute) == 1:
                break
        # A name may not be valid text, which Matplotlib cannot draw.
        names.append(os.fsencode(Path(*tail)).decode(errors="backslashreplace"))
    return names


def cache_folder() -> Path:
    """Returns `$SIMPLEBASE_CACHE`, `$XDG_CACHE_HOME/simplebase` or `~/.cache/simplebase`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SIMPLEBASE_CACHE") or Path(base) / "simplebase")
