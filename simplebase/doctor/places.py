"""The folders that simplebase writes to: whether it can, free space, and what caches hold."""

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
        path: the folder, which need not exist yet.
        problem: why nothing can be written there; None if something can.
        free: bytes that are free on its disk; None if unknown.
    """

    purpose: str
    path: Path
    problem: str | None
    free: int | None

    def to_config(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True)
class Cache:
    """A part of the cache folder.

    Args:
        purpose: what it keeps.
        path: the folder.
        bytes: what its files take.
        removal: the command line that empties it; None if it has to be removed by hand.
    """

    purpose: str
    path: Path
    bytes: int
    removal: str | None = None

    def to_config(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return asdict(self) | {"path": str(self.path)}


def find_places() -> tuple[Place, ...]:
    """The folders that commands write to by default."""
    return (
        _place("cache", cache_folder()),
        _place("runs and outputs", Path.cwd()),
        _place("temporary files", Path(tempfile.gettempdir())),
    )


def find_caches() -> tuple[Cache, ...]:
    """What lies in the cache folder, by purpose; empty if it does not exist."""
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
    """Bytes of all files below a folder; those that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total


def _place(purpose: str, path: Path) -> Place:
    """Tries to write a file that has no name; the folder itself is not made."""
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
