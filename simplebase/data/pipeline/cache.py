"""Decoded canvases kept for the next epoch, in memory or on disk."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.files import cache_folder

CacheMode = Literal["none", "memory", "disk"]

Shape = tuple[int, int, int, int]

_VERSION = 1  # Count it up when canvases are sampled in another way.
_MEMORY_SHARE = 0.8  # of the machine's memory that canvases may take


class CanvasCache:
    """`N` canvases, each kept from when it was first read.

    Args:
        canvases: `(N, Hc, Wc, 3)` uint8 to keep them in.
        filled: `(N,)` uint8, 1 where a canvas is there.
    """

    def __init__(self, canvases: np.ndarray, filled: np.ndarray) -> None:
        self._canvases = canvases
        self._filled = filled

    def read_into(self, canvas: np.ndarray, index: int, read: Callable[[np.ndarray], None]) -> None:
        """Fills `canvas` `(Hc, Wc, 3)` with number `index`, which `read` makes if it is not here.

        Several threads may call it.
        """
        if self._filled[index]:
            np.copyto(canvas, self._canvases[index])
            return
        # Kept only when it is whole, and marked last: others may look at it meanwhile.
        read(canvas)
        np.copyto(self._canvases[index], canvas)
        self._filled[index] = 1


def open_cache(mode: CacheMode, shape: Shape, key: Callable[[], bytes]) -> CanvasCache | None:
    """A cache for canvases of `shape` `(N, Hc, Wc, 3)`, or none.

    Args:
        mode: `memory` lasts as long as the process; `disk` is found again by later ones.
        shape: of all canvases.
        key: everything that the canvases depend on; asked for `disk` only.

    Raises:
        ArgumentError: they do not fit into memory, or `mode` is not known.
        DataError: they do not fit on the disk.
    """
    if mode == "none":
        return None
    if mode == "memory":
        _require_memory(shape)
        # Pages that nothing was written to take no memory.
        return CanvasCache(np.empty(shape, np.uint8), np.zeros(shape[0], np.uint8))
    if mode == "disk":
        name = hashlib.sha256(_VERSION.to_bytes(4) + key()).hexdigest()[:32]
        return CanvasCache(*_disk_arrays(cache_folder() / "canvases" / name, shape))
    raise ArgumentError(f"cache is none, memory or disk. Received: {mode!r}.")


def _require_memory(shape: Shape) -> None:
    needed = int(np.prod(shape, dtype=np.int64))
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # not on Windows
        return
    if needed > _MEMORY_SHARE * total:
        raise ArgumentError(
            f"the canvases of {shape[0]} records take {needed / 2**30:.1f} GiB, and this machine "
            f"has {total / 2**30:.1f} GiB. Choose --cache disk or none."
        )


def _disk_arrays(folder: Path, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """The two files of a cache as arrays; both appear at once, with all their blocks.

    So writing to them cannot run out of disk, and another process that uses them keeps its own.
    """
    shapes = {"canvases.u8": shape, "filled.u8": shape[:1]}
    sizes = {name: int(np.prod(each, dtype=np.int64)) for name, each in shapes.items()}
    if not all(_has_size(folder / name, size) for name, size in sizes.items()):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, size in sizes.items():
                with (partial / name).open("wb") as file:
                    _allocate(file.fileno(), size)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
        except OSError as error:
            shutil.rmtree(partial)
            if error.errno != errno.ENOSPC:
                raise
            raise DataError(
                f"{folder}: the disk has no room for {sizes['canvases.u8'] / 2**30:.1f} GiB of "
                "canvases. Free some, set SIMPLEBASE_CACHE to another disk, or choose --cache none."
            ) from error
    canvases, filled = (
        np.memmap(folder / name, np.uint8, "r+", shape=each) for name, each in shapes.items()
    )
    return canvases, filled


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)
