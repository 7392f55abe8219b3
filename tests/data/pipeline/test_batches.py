"""Batches are what the records say, in the order asked for, whatever the threads do."""

import threading
import time
from typing import Any

import cv2
import numpy as np
import pytest

from simplebase import Crop, KeypointDataset
from simplebase.data.pipeline import Batch, BatchSource
from simplebase.data.pipeline import batches as pipeline_batches
from simplebase.errors import DataError, MissingFileError
from simplebase.geometry import transform_points
from simplebase.images import read_image, warp_image

SIZE = (64, 64)
CROP = Crop()


def source(dataset: KeypointDataset, batch_size: int = 4, **options: Any) -> BatchSource:
    return BatchSource(dataset, CROP, SIZE, batch_size, **options)


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys() == {"images", "keypoints", "matrices"}
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def our_threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("batches")}


def test_a_batch_is_the_crop_of_each_image_and_its_keypoints(figures: KeypointDataset) -> None:
    batch = next(source(figures).batches())
    assert batch["images"].shape == (4, 64, 64, 3) and batch["images"].dtype == "uint8"
    assert batch["keypoints"].shape == (4, 16, 3) and batch["keypoints"].dtype == "float32"
    assert batch["matrices"].shape == (4, 2, 3) and batch["matrices"].dtype == "float64"
    records = figures.records
    for index in range(4):
        x, y = records.centers[index]
        magnification = 64 / (200 * records.scales[index] * 1.25)
        matrix = np.array(
            [
                [magnification, 0, 31.5 - x * magnification],
                [0, magnification, 31.5 - y * magnification],
            ]
        )
        # The crop lies on whole pixels: within half of one of where the records put it.
        np.testing.assert_allclose(batch["matrices"][index], matrix, atol=0.5 + 1e-9)
        matrix = batch["matrices"][index]
        image = warp_image(read_image(figures.images.path(index)), matrix, SIZE)
        inner = np.abs(batch["images"][index].astype(int) - image)[2:-2, 2:-2]
        assert inner.mean() < 1
        expected = transform_points(matrix, records.keypoints[index, :, :2])
        np.testing.assert_allclose(batch["keypoints"][index, :, :2], expected, atol=1e-4)
        np.testing.assert_array_equal(
            batch["keypoints"][index, :, 2], records.keypoints[index, :, 2]
        )


def test_the_matrices_are_those_that_are_planned(figures: KeypointDataset) -> None:
    batches = source(figures, 8)
    planned = batches.plan_matrices(np.arange(40))
    given = np.concatenate([batch["matrices"] for batch in batches.batches()])
    np.testing.assert_array_equal(given, planned)


def test_without_an_order_all_records_come_in_theirs(figures: KeypointDataset) -> None:
    batches = list(source(figures, 16).batches())
    assert [len(batch["images"]) for batch in batches] == [16, 16, 8]
    keypoints = np.concatenate([batch["keypoints"] for batch in batches])
    np.testing.assert_array_equal(keypoints[..., 2], figures.records.keypoints[..., 2])


def test_an_order_is_followed_and_may_repeat(figures: KeypointDataset) -> None:
    everything = source(figures, 40)
    in_order = next(everything.batches())
    order = np.array([7, 3, 3, 39, 0])
    batch = next(everything.batches(order))
    np.testing.assert_array_equal(batch["images"], in_order["images"][order])
    np.testing.assert_array_equal(batch["keypoints"], in_order["keypoints"][order])


def test_an_empty_order_gives_no_batch(figures: KeypointDataset) -> None:
    assert list(source(figures).batches(np.array([], int))) == []


@pytest.mark.parametrize("count, full", [(40, 2), (32, 2), (15, 0)])
def test_drop_remainder_leaves_out_the_batch_that_is_not_full(
    figures: KeypointDataset, count: int, full: int
) -> None:
    batches = list(source(figures, 16).batches(np.arange(count), drop_remainder=True))
    assert [len(batch["images"]) for batch in batches] == [16] * full


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_threads_changes_nothing(figures: KeypointDataset, workers: int) -> None:
    order = np.random.default_rng(0).integers(0, 40, 50)
    alone = list(source(figures, 4, workers=1).batches(order))
    assert_same(list(source(figures, 4, workers=workers).batches(order)), alone)


def test_threads_that_finish_out_of_turn_change_nothing(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(source(figures, 4).batches())
    read, finished = type(figures.images).read, []

    def slow_at_first(images: Any, index: int) -> bytes:
        time.sleep(0.02 if index < 4 else 0)
        finished.append(index)
        return read(images, index)

    monkeypatch.setattr(type(figures.images), "read", slow_at_first)
    assert_same(list(source(figures, 4, workers=3).batches()), expected)
    assert finished != sorted(finished)


def test_a_batch_is_not_overwritten_by_a_later_one(figures: KeypointDataset) -> None:
    batches = source(figures, 4).batches()
    first = next(batches)
    kept = {key: value.copy() for key, value in first.items()}
    for later in batches:
        later["images"][:] = 0
    assert_same([first], [kept])


def test_batches_are_made_ahead_but_not_all(figures: KeypointDataset) -> None:
    """Of ten batches, one thread makes one and keeps two; the first of the four is handed out."""
    asked: list[int] = []
    read = figures.images.read
    dataset = figures.select(np.arange(40))
    dataset.images.read = lambda index: (asked.append(index), read(index))[1]  # type: ignore
    batches = source(dataset, 4, workers=1).batches()
    next(batches)
    time.sleep(0.5)
    assert max(asked) == 4 * 4 - 1
    batches.close()


MIB = 2**20


@pytest.mark.parametrize(
    ("memory", "ahead"),
    # A batch of 4 canvases of 64x64 is 48 KiB: what is allowed is a sixteenth of the memory.
    [(None, 8 + 2), (1024 * MIB, 8 + 2), (4 * MIB, 5), (MIB, 1), (1, 1)],
)
def test_fewer_batches_are_made_ahead_where_memory_is_small(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch, memory: int | None, ahead: int
) -> None:
    monkeypatch.setattr(pipeline_batches, "usable_memory", lambda: memory)
    batches = source(figures, 4, workers=8)
    assert batches.ahead == ahead
    assert_same(list(batches.batches()), list(source(figures, 4, workers=1).batches()))


def test_one_thread_a_usable_core_reads(
    figures: KeypointDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_batches, "usable_cores", lambda: 3)
    assert source(figures).workers == 3


def test_a_larger_canvas_shows_more_at_the_same_magnification(figures: KeypointDataset) -> None:
    plain = next(source(figures).batches())
    roomy = next(source(figures, canvas_size=(96, 80)).batches())
    assert roomy["images"].shape == (4, 96, 80, 3)
    # The input lies in the middle, 16 rows above it and 8 columns to its left, but for less than a
    # pixel by which either canvas is moved to whole pixels.
    moved = roomy["matrices"] - plain["matrices"]
    np.testing.assert_allclose(moved[:, :, :2], 0, atol=1e-12)
    np.testing.assert_allclose(moved[:, :, 2], [[8, 16]] * 4, atol=1)
    shift = roomy["keypoints"] - plain["keypoints"]
    np.testing.assert_allclose(shift[..., :2], moved[:, None, :, 2].repeat(16, 1), atol=1e-4)
    np.testing.assert_array_equal(shift[..., 2], 0)


def test_a_missing_image_is_told_with_its_path(copied: KeypointDataset) -> None:
    copied.images.path(5).unlink()
    with pytest.raises(MissingFileError, match=r"copy/images/000005\.jpg: the image does"):
        list(source(copied).batches())


def test_an_unreadable_image_is_told_with_its_path(copied: KeypointDataset) -> None:
    copied.images.path(9).write_bytes(b"not a jpeg")
    with pytest.raises(DataError, match=r"copy/images/000009\.jpg cannot be read as an image"):
        list(source(copied).batches())


@pytest.mark.parametrize("workers", [1, 5])
def test_an_error_comes_after_the_batches_before_it(copied: KeypointDataset, workers: int) -> None:
    copied.images.path(21).write_bytes(b"")
    before = our_threads()
    batches = source(copied, 4, workers=workers).batches()
    for number in range(5):
        np.testing.assert_array_equal(
            next(batches)["keypoints"][..., 2],
            copied.records.keypoints[4 * number : 4 * number + 4, :, 2],
        )
    with pytest.raises(DataError, match=r"000021\.jpg"):
        next(batches)
    assert our_threads() <= before


def test_whoever_stops_early_leaves_no_thread(figures: KeypointDataset) -> None:
    before = our_threads()
    batches = source(figures, 4, workers=3).batches()
    next(batches)
    assert our_threads() > before
    batches.close()
    assert our_threads() <= before


def test_opencvs_threads_are_as_many_as_before(figures: KeypointDataset) -> None:
    """Also if two sources are read at once, and whichever of them ends first."""
    before = cv2.getNumThreads()
    first, second = source(figures, 4).batches(), source(figures, 4).batches()
    next(first), next(second)
    first.close()
    second.close()
    assert cv2.getNumThreads() == before


def test_a_pass_to_the_end_leaves_no_thread(figures: KeypointDataset) -> None:
    before = our_threads()
    assert len(list(source(figures, 16).batches())) == 3
    assert our_threads() <= before
