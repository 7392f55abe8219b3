"""The folders that simplebase writes to: permissions, free space and the size of caches."""

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simplebase.errors import os_sentence
from simplebase.files import cache_folder

_MODELS, _CANVASES, _FIGURES = "models", "canvases", "synthetic_"


@dataclass(frozen=True)
class Place:
    """A folder that simplebase writes to.

    Args:
        purpose: what is written there.
        path: the folder. It may not exist yet.
        problem: why nothing can be written there; None if writing works.
        free: free bytes on its disk; None if unknown.
    """

    purpose: str
    path: Path
    problem: str | None
    free: int | None

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True)
class Cache:
    """A part of the cache folder.

    Args:
        purpose: what the folder holds.
        path: the folder.
        bytes: total size of its files.
        removal: the command that empties it; None if it must be removed by hand.
    """

    purpose: str
    path: Path
    bytes: int
    removal: str | None = None

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return asdict(self) | {"path": str(self.path)}


def find_places() -> tuple[Place, ...]:
    """Returns the folders that commands write to by default."""
    return (
        _place("cache", cache_folder()),
        _place("runs and outputs", Path.cwd()),
        _place("temporary files", Path(tempfile.gettempdir())),
    )


def find_caches() -> tuple[Cache, ...]:
    """Returns the parts of the cache folder; empty if the folder does not exist."""
    folder = cache_folder()
    if not folder.is_dir():
        return ()
    return tuple(_cache(child) for child in sorted(folder.iterdir()) if child.is_dir())


def _cache(folder: Path) -> Cache:
    size = _size(folder)
    if folder.name == _MODELS:
        return Cache("pretrained models", folder, size, "simplebase models remove --all")
    if folder.name == _CANVASES:
        return Cache("decoded images of --cache disk", folder, size)
    if folder.name.startswith(_FIGURES):
        return Cache("drawn figures", folder, size)
    return Cache("other files", folder, size)


def _size(folder: Path) -> int:
    """Returns the total size of all files below a folder. Files that vanish meanwhile are 0."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _place(purpose: str, path: Path) -> Place:
    """Checks a folder by writing a file without a name. It does not create the folder."""
    existing = next(each for each in (path, *path.parents) if each.exists())
    problem = None
    try:
        # On Linux the file never has a name, so nothing can be left behind.
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"simplebase")
    except OSError as error:
        problem = f"{existing}: {error.strerror}." if error.strerror else os_sentence(error)
    try:
        free = shutil.disk_usage(existing).free
    except OSError:
        free = None
    return Place(purpose, path, problem, free)
