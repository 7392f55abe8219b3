"""Reading packed shards: in an order that needs few of them at a time, and not if damaged."""

import shutil
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset, load_dataset
from simplebase.data.packed import load_packed, pack_dataset
from simplebase.data.packed.location import MANIFEST
from simplebase.data.packed.manifest import Manifest, Shard, read_manifest
from simplebase.data.packed.reader import _KEPT, _MIXED, PackedImages
from simplebase.data.pipeline import BatchSource
from simplebase.errors import DataError, MissingFileError
from simplebase.skeletons import Skeleton, load_skeleton

CROP = Crop()
SIZE = (32, 32)
SHARDS, A_SHARD = 60, 50


@pytest.fixture(scope="module")
def packed_folder(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four train shards and one val shard of eight records; not to be written to."""
    folder = tmp_path_factory.mktemp("packed") / "figures"
    pack_dataset(figures, folder, crop=CROP, input_size=SIZE, canvas_size=SIZE, records_a_shard=8)
    return folder


@pytest.fixture
def copied(packed_folder: Path, tmp_path: Path) -> Path:
    """A packed dataset to damage."""
    return shutil.copytree(packed_folder, tmp_path / "packed")


def images_of(shards: int, records: int) -> PackedImages:
    """Images of shards that are nowhere: for what does not read them."""
    listed = tuple(Shard(f"train-{n:05d}.tfrecord", records, 1, "") for n in range(shards))
    manifest = Manifest(Skeleton("dot", ("dot",)), CROP, SIZE, SIZE, 95, listed)
    count = shards * records
    return PackedImages("nowhere", manifest, np.arange(count), np.tile(np.eye(2, 3), (count, 1, 1)))


class CountedLoads:
    """Stands in for the reading of a shard: slow, and it counts."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.loads: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._seconds = seconds

    def __call__(self, number: int) -> list[bytes]:
        with self._lock:
            self.loads[number] += 1
        time.sleep(self._seconds)
        return [f"{number}/{row}".encode() for row in range(A_SHARD)]


def counted_images(seconds: float = 0.0) -> tuple[PackedImages, CountedLoads]:
    images, loads = images_of(SHARDS, A_SHARD), CountedLoads(seconds)
    images._shards._load = loads
    return images, loads


def test_a_shuffled_order_is_a_permutation() -> None:
    images = images_of(SHARDS, A_SHARD)
    np.testing.assert_array_equal(np.sort(images.shuffled(0, 1)), np.arange(SHARDS * A_SHARD))


def test_a_shuffled_order_follows_from_seed_and_epoch() -> None:
    images = images_of(SHARDS, A_SHARD)
    orders = [images.shuffled(seed, epoch) for seed, epoch in [(0, 1), (0, 2), (1, 1), (1, 2)]]
    np.testing.assert_array_equal(orders[0], images.shuffled(0, 1))
    for row, first in enumerate(orders):
        for second in orders[row + 1 :]:
            # Two random orders agree in about one place.
            assert (first == second).sum() < 20


def test_a_batch_looks_into_few_shards_and_mixes_about_sixteen() -> None:
    images = images_of(SHARDS, A_SHARD)
    numbers = images.shuffled(0, 1) // A_SHARD
    # In the time that one shard takes to be passed by, `_MIXED` of them are open, or one more.
    batches = numbers.reshape(-1, A_SHARD // 2)
    kinds = np.array([len(set(batch)) for batch in batches])
    assert kinds.max() <= _MIXED + 1
    assert np.median(kinds[5:-20]) > 10


def test_a_shard_is_done_with_after_a_share_of_the_epoch() -> None:
    images = images_of(SHARDS, A_SHARD)
    numbers = images.shuffled(3, 5) // A_SHARD
    spans = [np.ptp(np.flatnonzero(numbers == shard)) for shard in range(SHARDS)]
    assert max(spans) < (_MIXED + 1) * A_SHARD


def test_neighbours_in_a_shard_are_parted() -> None:
    images = images_of(SHARDS, A_SHARD)
    order = images.shuffled(0, 1)
    assert (np.abs(np.diff(order)) == 1).mean() < 0.02


def test_a_split_is_shuffled_within_its_own_records(packed_folder: Path) -> None:
    dataset = load_packed(packed_folder)
    for split, count in ((dataset.train, 32), (dataset.validation, 8)):
        order = split.images.shuffled(0, 1)
        np.testing.assert_array_equal(np.sort(order), np.arange(count))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_each_shard_is_read_once_an_epoch(workers: int) -> None:
    images, opened = counted_images(0.002)
    order = images.shuffled(0, 1)
    with ThreadPoolExecutor(workers) as pool:
        contents = list(pool.map(images.read, order))
    assert contents == [f"{i // A_SHARD}/{i % A_SHARD}".encode() for i in order]
    assert opened.loads == Counter(range(SHARDS))


def test_reading_in_order_reads_each_shard_once() -> None:
    images, opened = counted_images()
    for index in range(SHARDS * A_SHARD):
        images.read(index)
    assert opened.loads == Counter(range(SHARDS))


def test_only_the_shards_read_last_are_kept() -> None:
    images, opened = counted_images()
    for number in range(_KEPT + 1):
        images.read(number * A_SHARD)
    images.read(_KEPT * A_SHARD)
    images.read(1 * A_SHARD)
    assert set(opened.loads.values()) == {1}
    images.read(0)
    assert opened.loads[0] == 2


def test_threads_that_want_the_same_shard_wait_for_one_reading() -> None:
    images, opened = counted_images(0.05)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(images.read, range(8)))
    assert opened.loads == {0: 1}


def test_the_splits_share_the_shards_in_memory(packed_folder: Path) -> None:
    dataset = load_packed(packed_folder)
    first = dataset.select(np.array([0, 1]))
    opened = CountedLoads()
    dataset.images._shards._load = opened
    first.images.read(0)
    dataset.images.read(1)
    assert opened.loads == {0: 1}


def test_a_shard_that_failed_is_read_again_when_asked_again(copied: Path) -> None:
    dataset = load_packed(copied)
    shard = copied / "train-00000.tfrecord"
    shard.rename(copied / "aside")
    for _ in range(2):
        with pytest.raises(MissingFileError, match="train-00000.tfrecord: the shard does not"):
            dataset.images.read(3)
    (copied / "aside").rename(shard)
    assert dataset.images.read(3)[:2] == b"\xff\xd8"


def remove(shard: Path) -> None:
    shard.unlink()


def cut_off(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-40])


def flip_a_byte(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0x10
    shard.write_bytes(content)


DAMAGES = {
    "removed": (remove, "does not exist", "does not exist"),
    "cut off": (cut_off, "in the manifest. Copy it", "in the manifest. Copy it"),
    "one bit": (flip_a_byte, "is damaged", "has changed since it was packed"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_named_by_reading_and_by_verifying(copied: Path, damage: str) -> None:
    break_it, by_reading, by_verifying = DAMAGES[damage]
    break_it(copied / "train-00002.tfrecord")
    dataset = load_dataset(copied)
    batches = BatchSource(dataset, CROP, SIZE, 8).batches()
    next(batches), next(batches)
    with pytest.raises((DataError, MissingFileError), match=rf"train-00002.*{by_reading}"):
        next(batches)
    [problem] = dataset.images.verify()
    assert "train-00002.tfrecord" in problem and by_verifying in problem
    if damage == "one bit":
        dataset.images.require()
    else:
        with pytest.raises((DataError, MissingFileError), match="train-00002.tfrecord"):
            dataset.images.require()
    # A split without that shard is sound.
    assert dataset.validation.images.verify() == []
    dataset.validation.images.require()


def test_a_sound_dataset_verifies_with_progress(packed_folder: Path) -> None:
    reported: list[tuple[int, int]] = []
    images = load_packed(packed_folder).images
    assert images.verify(lambda done, total: reported.append((done, total))) == []
    assert reported == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_a_shard_with_other_records_than_listed_is_refused(copied: Path) -> None:
    """Two shards of the same size may be swapped by hand; one with fewer records is reported."""
    manifest = read_manifest(str(copied))
    shards = list(manifest.shards)
    shards[0], shards[1] = replace(shards[0], records=9), replace(shards[1], records=7)
    (copied / MANIFEST).write_text(replace(manifest, shards=tuple(shards)).to_json())
    with pytest.raises(DataError, match="train-00000.tfrecord does not contain records 0 to 8"):
        load_packed(copied).images.read(0)


def test_the_identity_changes_with_a_shard_and_with_the_choice(packed_folder: Path) -> None:
    dataset = load_packed(packed_folder)
    identity = dataset.images.identity()
    assert load_packed(packed_folder).images.identity() == identity
    assert dataset.train.images.identity() != identity
    manifest = dataset.images.manifest
    shards = (replace(manifest.shards[0], sha256="0" * 64), *manifest.shards[1:])
    other = PackedImages(
        str(packed_folder),
        replace(manifest, shards=shards),
        np.arange(40),
        dataset.images.matrices,
    )
    assert other.identity() != identity


def test_another_skeleton_may_name_the_keypoints(packed_folder: Path) -> None:
    mpii = load_skeleton("mpii")
    assert load_dataset(packed_folder, mpii).skeleton is mpii
    with pytest.raises(DataError, match="was packed with 16 keypoints, but skeleton 'coco' has 17"):
        load_dataset(packed_folder, load_skeleton("coco"))


def test_the_disk_cache_takes_packed_canvases(
    packed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path))
    plain = list(BatchSource(load_packed(packed_folder), CROP, SIZE, 8).batches())
    list(BatchSource(load_packed(packed_folder), CROP, SIZE, 8, cache="disk").batches())
    dataset = load_packed(packed_folder)
    dataset.images._shards._load = CountedLoads()  # nothing is read
    again = list(BatchSource(dataset, CROP, SIZE, 8, cache="disk").batches())
    for one, other in zip(plain, again, strict=True):
        np.testing.assert_array_equal(one["images"], other["images"])
    assert not dataset.images._shards._load.loads
