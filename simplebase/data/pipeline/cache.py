"""Decoded canvases kept for the next epoch, in memory or on disk."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.files import cache_folder

CacheMode = Literal["none", "memory", "disk"]

Shape = tuple[int, int, int, int]

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
        if not self._filled[index]:
            read(self._canvases[index])
            # Set last: whoever sees the mark finds the whole canvas.
            self._filled[index] = 1
        np.copyto(canvas, self._canvases[index])


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
        folder = cache_folder() / "canvases" / hashlib.sha256(key()).hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        canvases, filled = folder / "canvases.u8", folder / "filled.u8"
        if not canvases.exists():
            filled.unlink(missing_ok=True)  # of canvases that somebody deleted
        return CanvasCache(_mapped(canvases, shape), _mapped(filled, shape[:1]))
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


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A file as an array; all its blocks are taken at once, so that writing cannot run out."""
    size = int(np.prod(shape, dtype=np.int64))
    if not path.exists() or path.stat().st_size != size:
        try:
            with path.open("wb") as file:
                _allocate(file.fileno(), size)
        except OSError as error:
            path.unlink(missing_ok=True)
            if error.errno != errno.ENOSPC:
                raise
            raise DataError(
                f"{path}: the disk has no room for {size / 2**30:.1f} GiB of canvases. Free some, "
                "set SIMPLEBASE_CACHE to another disk, or choose --cache none."
            ) from error
    return np.memmap(path, np.uint8, "r+", shape=shape)


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)
