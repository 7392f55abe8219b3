"""Kept canvases are those that would be read, and are found again only while they are right."""

import errno
import os
import shutil
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset
from simplebase.data.pipeline import Batch, BatchSource, CacheMode
from simplebase.data.pipeline.cache import open_cache
from simplebase.errors import ArgumentError, DataError, MissingFileError

SIZE = (64, 64)
CROP = Crop()
ORDER = np.random.default_rng(3).permutation(40)
CACHES = pytest.mark.parametrize("cache", ["memory", "disk"])


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `disk` writes."""
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def source(
    dataset: KeypointDataset, cache: CacheMode = "none", crop: Crop = CROP, **options: Any
) -> BatchSource:
    return BatchSource(dataset, crop, SIZE, 8, cache=cache, **options)


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    for one, other in zip(first, second, strict=True):
        for key in ("images", "keypoints", "matrices"):
            np.testing.assert_array_equal(one[key], other[key])


@CACHES
def test_a_cache_changes_nothing_but_who_reads(
    figures: KeypointDataset, cache: CacheMode, reads: list[int]
) -> None:
    expected = list(source(figures).batches(ORDER))
    cached = source(figures, cache)
    reads.clear()
    assert_same(list(cached.batches(ORDER)), expected)
    assert sorted(reads) == list(range(40))
    reads.clear()
    assert_same(list(cached.batches(ORDER)), expected)
    assert reads == []


@CACHES
def test_only_what_is_not_there_is_read(
    figures: KeypointDataset, cache: CacheMode, reads: list[int]
) -> None:
    cached = source(figures, cache)
    list(cached.batches(np.arange(24)))
    reads.clear()
    list(cached.batches())
    assert sorted(reads) == list(range(24, 40))


@CACHES
def test_a_caller_that_changes_a_batch_does_not_change_the_cache(
    figures: KeypointDataset, cache: CacheMode
) -> None:
    cached = source(figures, cache)
    for batch in cached.batches():
        batch["images"][:] = 7
    assert_same(list(cached.batches()), list(source(figures).batches()))


@CACHES
def test_an_image_that_could_not_be_read_is_not_taken_for_read(
    copied: KeypointDataset, cache: CacheMode
) -> None:
    cached = source(copied, cache)
    content = copied.images.path(5).read_bytes()
    copied.images.path(5).write_bytes(content[: len(content) // 2])
    for _ in range(2):
        with pytest.raises(DataError, match=r"000005\.jpg is cut off"):
            list(cached.batches())
    copied.images.path(5).write_bytes(content)
    assert_same(list(cached.batches()), list(source(copied).batches()))


def test_the_disk_is_found_again(figures: KeypointDataset, reads: list[int]) -> None:
    expected = list(source(figures, "disk").batches())
    reads.clear()
    assert_same(list(source(figures, "disk").batches()), expected)
    assert reads == []


def test_memory_ends_with_its_source(figures: KeypointDataset, reads: list[int]) -> None:
    list(source(figures, "memory").batches())
    reads.clear()
    list(source(figures, "memory").batches())
    assert len(reads) == 40


def rewrite_an_image(dataset: KeypointDataset) -> BatchSource:
    shutil.copy(dataset.images.path(0), dataset.images.path(7))
    return source(dataset, "disk")


def touch_an_image(dataset: KeypointDataset) -> BatchSource:
    path = dataset.images.path(7)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    return source(dataset, "disk")


@pytest.mark.parametrize(
    "change",
    [
        rewrite_an_image,
        touch_an_image,
        lambda dataset: source(dataset, "disk", Crop(padding=1.3)),
        lambda dataset: source(dataset, "disk", Crop(center_shift=15)),
        lambda dataset: source(dataset, "disk", canvas_size=(64, 80)),
        lambda dataset: BatchSource(dataset, CROP, (96, 96), 8, SIZE, cache="disk"),
        lambda dataset: source(dataset.select(np.arange(40)[::-1]), "disk"),
    ],
    ids=["rewritten", "touched", "padding", "shift", "canvas", "input", "order"],
)
def test_the_disk_is_not_used_where_something_changed(
    copied: KeypointDataset, change: Callable[[KeypointDataset], BatchSource], reads: list[int]
) -> None:
    list(source(copied, "disk").batches())
    reads.clear()
    changed = change(copied)
    list(changed.batches())
    assert len(reads) == 40
    list(changed.batches())
    assert len(reads) == 40


def test_the_disk_takes_a_byte_a_colour_below_the_cache_folder(
    figures: KeypointDataset, cache_home: Path
) -> None:
    list(source(figures, "disk").batches())
    files = {path.name: path for path in cache_home.rglob("*") if path.is_file()}
    assert {name: path.stat().st_size for name, path in files.items()} == {
        "canvases.u8": 40 * 64 * 64 * 3,
        "marks.u4": 4 * 40,
    }
    assert all(cache_home / "canvases" in path.parents for path in files.values())


@pytest.mark.parametrize("lost", ["canvases.u8", "marks.u4"])
def test_half_a_cache_is_made_anew(figures: KeypointDataset, cache_home: Path, lost: str) -> None:
    expected = list(source(figures, "disk").batches())
    next(cache_home.rglob(lost)).unlink()
    assert_same(list(source(figures, "disk").batches()), expected)


@CACHES
@pytest.mark.parametrize("workers", [2, 5])
def test_several_threads_may_ask_for_the_same_canvas(
    figures: KeypointDataset, cache: CacheMode, workers: int
) -> None:
    order = np.repeat(np.arange(10), 8)
    expected = list(source(figures).batches(order))
    cached = source(figures, cache, workers=workers)
    assert_same(list(cached.batches(order)), expected)


def test_two_passes_at_once_see_whole_canvases(figures: KeypointDataset) -> None:
    cached = source(figures, "memory", workers=2)
    expected = list(source(figures).batches())
    failures: list[BaseException] = []

    def check() -> None:
        try:
            assert_same(list(cached.batches()), expected)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=check) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_too_little_memory_is_told_before_anything_is_read(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch, reads: list[int]
) -> None:
    # 40 canvases take 480 kB; the machine has 512 kB, of which 80 % may be taken: 409 kB.
    machine = {"SC_PHYS_PAGES": 128, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", machine.__getitem__)
    with pytest.raises(ArgumentError, match=r"40 records take 0\.0 GiB.*--cache disk or none"):
        source(figures, "memory")
    machine["SC_PHYS_PAGES"] = 160
    source(figures, "memory")
    assert reads == []


def test_a_full_disk_is_told_and_leaves_no_file(
    figures: KeypointDataset, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(descriptor: int, offset: int, size: int) -> None:
        os.ftruncate(descriptor, size // 2)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    with pytest.raises(DataError, match=r"no room for 0\.0 GiB.*SIMPLEBASE_CACHE.*--cache none"):
        source(figures, "disk")
    assert not [path for path in cache_home.rglob("*") if path.is_file()]
    monkeypatch.undo()
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(cache_home))
    assert_same(list(source(figures, "disk").batches()), list(source(figures).batches()))


def test_a_system_that_reserves_no_blocks_is_asked_for_free_ones(
    figures: KeypointDataset, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and Windows."""
    monkeypatch.delattr(os, "posix_fallocate")
    # 40 canvases of 64x64x3 bytes, and a mark of 4 bytes for each.
    free = 40 * 64 * 64 * 3 - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(DataError, match=r"no room for 0\.0 GiB"):
        source(figures, "disk")
    assert not [path for path in cache_home.rglob("*") if path.is_file()]
    free += 1
    assert_same(list(source(figures, "disk").batches()), list(source(figures).batches()))


def test_memory_that_the_system_refuses_is_told(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no `sysconf`, and gives no memory that it does not have."""

    def refuse(*args: object) -> None:
        raise MemoryError

    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr("simplebase.data.pipeline.cache.np.empty", refuse)
    told = "cannot allocate that much. Choose --cache disk or none"
    with pytest.raises(ArgumentError, match=told):
        source(figures, "memory")


def test_another_error_of_the_disk_is_not_called_a_full_one(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "posix_fallocate", broken)
    with pytest.raises(OSError, match="Input/output error"):
        source(figures, "disk")


def test_a_missing_image_is_told_by_its_path(copied: KeypointDataset) -> None:
    copied.images.path(5).unlink()
    with pytest.raises(MissingFileError, match=r"copy/images/000005\.jpg: the image does not"):
        source(copied, "disk")


def test_an_unknown_cache_is_refused(figures: KeypointDataset) -> None:
    with pytest.raises(ArgumentError, match="none, memory or disk. Received: 'ram'"):
        source(figures, "ram")  # type: ignore[arg-type]


def test_a_mark_is_set_only_after_its_canvas() -> None:
    """A thread that sees the mark while another fills the canvas would read half of it."""
    cache = open_cache("memory", (1, 2, 2, 3), bytes)
    assert cache is not None
    canvas, reads = np.zeros((2, 2, 3), np.uint8), []

    def read(kept: np.ndarray) -> None:
        reads.append(len(reads))
        if len(reads) == 1:  # another thread asks meanwhile
            cache.read_into(np.zeros_like(canvas), 0, read)
        kept[:] = 9

    cache.read_into(canvas, 0, read)
    cache.read_into(canvas, 0, read)
    assert reads == [0, 1] and (canvas == 9).all()


def zero(path: Path, *canvases: int) -> None:
    """What a power loss leaves of a file whose pages were not written: the right size, zeros."""
    size = 64 * 64 * 3
    with path.open("r+b") as file:
        for index in canvases:
            file.seek(index * size)
            file.write(bytes(size))


def test_a_canvas_that_never_reached_the_disk_is_read_anew(
    figures: KeypointDataset, cache_home: Path, reads: list[int]
) -> None:
    expected = list(source(figures, "disk").batches())
    zero(next(cache_home.rglob("canvases.u8")), 3, 17)
    reads.clear()
    again = source(figures, "disk")
    assert_same(list(again.batches()), expected)
    assert sorted(reads) == [3, 17]
    # It is kept now, for this process and the next one.
    assert_same(list(again.batches()), expected)
    assert_same(list(source(figures, "disk").batches()), expected)
    assert sorted(reads) == [3, 17]


def test_a_mark_that_never_reached_the_disk_costs_a_reading(
    figures: KeypointDataset, cache_home: Path, reads: list[int]
) -> None:
    expected = list(source(figures, "disk").batches())
    path = next(cache_home.rglob("marks.u4"))
    marks = np.fromfile(path, np.uint32)
    marks[[0, 39]] = 0
    marks.tofile(path)
    reads.clear()
    assert_same(list(source(figures, "disk").batches()), expected)
    assert sorted(reads) == [0, 39]


def test_a_canvas_is_checked_once_in_a_process(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(source(figures, "disk").batches())
    sums: list[int] = []
    checksum = zlib.crc32
    monkeypatch.setattr(zlib, "crc32", lambda data: sums.append(1) or checksum(data))
    cached = source(figures, "disk")
    for _ in range(3):
        list(cached.batches())
    assert len(sums) == 40


@pytest.mark.filterwarnings("ignore:waiting for the cache")
def test_two_trainings_may_open_the_same_cache_at_once(
    figures: KeypointDataset, cache_home: Path, reads: list[int]
) -> None:
    """Neither removes what the other has made: both end with one folder that holds everything."""
    expected = list(source(figures).batches())
    start, failures = threading.Barrier(4), []

    def use() -> None:
        try:
            start.wait()
            assert_same(list(source(figures, "disk").batches()), expected)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(list((cache_home / "canvases").iterdir())) == 1
    reads.clear()
    list(source(figures, "disk").batches())
    assert reads == []
