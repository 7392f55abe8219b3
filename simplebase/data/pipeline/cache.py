"""Keeps decoded canvases for the next epoch, in memory or on disk.

The system writes the pages of a file to disk in any order, so after a power loss a canvas may be
missing although it was marked as present. Therefore the mark is the canvas's checksum, and each
process verifies a canvas before its first use.
"""

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from simplebase.data.pipeline.memory import usable_memory
from simplebase.errors import ArgumentError, DataError
from simplebase.files import cache_folder, replacing
from simplebase.files.locks import turn

CacheMode = Literal["none", "memory", "disk"]

Shape = tuple[int, int, int, int]

_VERSION = 2  # Increment when canvases are sampled or stored differently.
_MEMORY_SHARE = 0.8  # fraction of the usable memory for canvases


class CanvasCache:
    """`N` canvases, each of which is kept after it was first read.

    Args:
        canvases: `(N, Hc, Wc, 3)` uint8 storage.
        marks: `(N,)` uint32 checksums of the canvases that are present, else 0.
    """

    def __init__(self, canvases: np.ndarray, marks: np.ndarray) -> None:
        self._canvases = canvases
        self._marks = marks
        self._sound = np.zeros(len(marks), bool)  # verified or written by this process

    def read_into(self, canvas: np.ndarray, index: int, read: Callable[[np.ndarray], None]) -> None:
        """Fills `canvas` `(Hc, Wc, 3)` with number `index`, calling `read` if it is not cached.

        Several threads may call it.
        """
        if self._marks[index]:
            np.copyto(canvas, self._canvases[index])
            if self._sound[index] or self._marks[index] == _mark(canvas):
                self._sound[index] = True
                return
        # Stored only when complete, and marked last, because other threads may read it meanwhile.
        read(canvas)
        np.copyto(self._canvases[index], canvas)
        self._marks[index] = _mark(canvas)
        self._sound[index] = True


def open_cache(mode: CacheMode, shape: Shape, key: Callable[[], bytes]) -> CanvasCache | None:
    """Opens a cache for canvases of `shape` `(N, Hc, Wc, 3)`; None if `mode` is `none`.

    Args:
        mode: `memory` lasts as long as the process; `disk` is reused by later processes.
        shape: shape of all canvases.
        key: returns everything that the canvases depend on; only called for `disk`.

    Raises:
        ArgumentError: they do not fit into memory, or `mode` is unknown.
        DataError: they do not fit on the disk.
    """
    if mode == "none":
        return None
    if mode == "memory":
        _require_memory(shape)
        try:
            # Pages without data take no memory, except on Windows.
            return CanvasCache(np.empty(shape, np.uint8), np.zeros(shape[0], np.uint32))
        except MemoryError as error:
            raise ArgumentError(_too_large(shape, "cannot allocate that much")) from error
    if mode == "disk":
        name = hashlib.sha256(_VERSION.to_bytes(4) + key()).hexdigest()[:32]
        return CanvasCache(*_disk_arrays(cache_folder() / "canvases" / name, shape))
    raise ArgumentError(f"cache must be none, memory or disk. Received: {mode!r}.")


def _mark(canvas: np.ndarray) -> int:
    """Returns the CRC-32 of a canvas, but never 0, which means that it is not present."""
    return zlib.crc32(canvas.data) or 1


def _bytes(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _too_large(shape: Shape, machine: str) -> str:
    return (
        f"the decoded images of {shape[0]} records take {_bytes(shape) / 2**30:.1f} GiB, and this "
        f"machine {machine}. Choose --cache disk or none."
    )


def _require_memory(shape: Shape) -> None:
    total = usable_memory()
    if total is not None and _bytes(shape) > _MEMORY_SHARE * total:
        raise ArgumentError(_too_large(shape, f"has {total / 2**30:.1f} GiB"))


def _disk_arrays(folder: Path, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Opens the two files of a cache as arrays; both appear at once, with all blocks reserved.

    So writing to them cannot fail for lack of space. Processes with the same canvases share them.
    """
    canvases, marks = folder / "canvases.u8", folder / "marks.u4"
    sizes = {canvases: _bytes(shape), marks: 4 * shape[0]}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with turn(folder.with_name(f".{folder.name}.lock"), "the cache of decoded images"):
        if not all(_has_size(path, size) for path, size in sizes.items()):
            shutil.rmtree(folder, ignore_errors=True)
            _allocate_files(folder, sizes)
    return (
        np.memmap(canvases, np.uint8, "r+", shape=shape),
        np.memmap(marks, np.uint32, "r+", shape=shape[:1]),
    )


def _allocate_files(folder: Path, sizes: dict[Path, int]) -> None:
    try:
        with replacing(folder) as partial:
            partial.mkdir()
            for path, size in sizes.items():
                with (partial / path.name).open("wb") as file:
                    _allocate(file.fileno(), size, partial)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        total = sum(sizes.values())
        raise DataError(
            f"{folder}: the disk has no room for {total / 2**30:.1f} GiB of decoded images. Free "
            "some space, set SIMPLEBASE_CACHE to another disk, or choose --cache none."
        ) from error


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _allocate(descriptor: int, size: int, folder: Path) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        # On macOS and Windows the blocks may be reserved later, so the free space is checked first.
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(descriptor, size)
