"""Packing and reading back: the same records and canvases, whatever happened on the way."""

import errno
import json
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from simplebase import Crop, KeypointDataset, load_dataset
from simplebase.data.packed import pack_dataset, writer
from simplebase.data.packed.location import unfinished
from simplebase.data.packed.manifest import Manifest
from simplebase.data.packed.shards import ShardSettings, shard_examples
from simplebase.data.pipeline import BatchSource
from simplebase.data.records import Records
from simplebase.errors import (
    ArgumentError,
    DataError,
    InUseError,
    MissingFileError,
    OutputExistsError,
    SimplebaseError,
    SimplebaseWarning,
)
from simplebase.geometry import invert, transform_points
from simplebase.images import decode_image

CROP = Crop()
SIZE, CANVAS = (64, 64), (80, 72)
A_SHARD = 8  # records: four train shards and one val shard

SHARDS = [*(f"train-{number:05d}.tfrecord" for number in range(4)), "val-00004.tfrecord"]


def pack(dataset: KeypointDataset, output: object, **changes: Any) -> Manifest:
    values = {"crop": CROP, "input_size": SIZE, "canvas_size": CANVAS, "records_a_shard": A_SHARD}
    return pack_dataset(dataset, output, **(values | changes))  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def packed_folder(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written to."""
    folder = tmp_path_factory.mktemp("packed") / "figures"
    pack(figures, folder)
    return folder


@pytest.fixture(scope="module")
def packed(packed_folder: Path) -> KeypointDataset:
    return load_dataset(packed_folder)


def rows_of(packed: Records, original: Records) -> np.ndarray:
    """Where each packed record stands in the original; each figure has its own image."""
    places = {path: row for row, path in enumerate(original.paths)}
    return np.array([places[path] for path in packed.paths])


def test_a_packed_folder_is_a_manifest_a_table_and_its_shards(packed_folder: Path) -> None:
    assert sorted(files(packed_folder)) == sorted(["manifest.json", "records.npz", *SHARDS])
    manifest = json.loads((packed_folder / "manifest.json").read_text())
    assert (manifest["records"], manifest["input_size"], manifest["canvas_size"]) == (
        40,
        [64, 64],
        [80, 72],
    )
    assert [(shard["name"], shard["records"]) for shard in manifest["shards"]] == [
        (name, 8) for name in SHARDS
    ]
    for shard in manifest["shards"]:
        assert shard["bytes"] == (packed_folder / shard["name"]).stat().st_size


def test_the_columns_are_those_of_the_dataset(
    packed: KeypointDataset, figures: KeypointDataset
) -> None:
    rows = rows_of(packed.records, figures.records)
    assert sorted(rows) == list(range(40))
    for name in ("paths", "centers", "scales", "validation", "headboxes", "boxes", "areas"):
        np.testing.assert_array_equal(
            getattr(packed.records, name), getattr(figures.records, name)[rows], err_msg=name
        )
    for name in ("image_ids", "annotation_ids"):
        np.testing.assert_array_equal(
            getattr(packed.records, name), getattr(figures.records, name)[rows]
        )
    # Below 512 pixels, a float32 is exact to 2**-15.
    np.testing.assert_allclose(
        packed.records.keypoints, figures.records.keypoints[rows], rtol=0, atol=2**-15
    )
    assert packed.skeleton == figures.skeleton
    assert packed.images.manifest.input_size == SIZE


def test_train_records_are_shuffled_and_val_records_stay_in_order(
    packed: KeypointDataset, figures: KeypointDataset
) -> None:
    rows = rows_of(packed.records, figures.records)
    held_out = list(range(4, 40, 5))
    assert list(rows[32:]) == held_out
    assert list(rows[:32]) != sorted(rows[:32])
    assert sorted(rows[:32]) == sorted(set(range(40)) - set(held_out))
    assert (len(packed.train), len(packed.validation)) == (32, 8)


def test_the_seed_sets_the_order_of_the_train_records(
    packed: KeypointDataset, figures: KeypointDataset, tmp_path: Path
) -> None:
    pack(figures, tmp_path / "other", seed=1)
    other = load_dataset(tmp_path / "other")
    assert list(other.records.paths[:32]) != list(packed.records.paths[:32])
    assert list(other.records.paths[32:]) == list(packed.records.paths[32:])


def test_packed_canvases_are_the_unpacked_ones_but_for_jpeg(
    packed: KeypointDataset, figures: KeypointDataset
) -> None:
    rows = rows_of(packed.records, figures.records)
    ours = next(BatchSource(packed, CROP, SIZE, 40, CANVAS).batches())
    theirs = next(BatchSource(figures, CROP, SIZE, 40, CANVAS).batches(rows))
    np.testing.assert_allclose(ours["matrices"], theirs["matrices"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours["keypoints"], theirs["keypoints"], rtol=0, atol=1e-4)
    difference = np.abs(ours["images"].astype(int) - theirs["images"])
    assert 0 < difference.mean() < 2.5


@pytest.mark.parametrize("input_size, canvas", [((64, 64), (64, 64)), ((48, 64), (60, 40))])
def test_labels_and_canvases_of_a_packed_set_are_in_the_original_pixels(
    packed: KeypointDataset,
    figures: KeypointDataset,
    input_size: tuple[int, int],
    canvas: tuple[int, int],
) -> None:
    """Cut smaller, or for another network: the matrix leads from the original image all the way."""
    rows = rows_of(packed.records, figures.records)
    batch = next(BatchSource(packed, CROP, input_size, 40, canvas).batches())
    original = figures.records.keypoints[rows]
    expected = transform_points(batch["matrices"], original[..., :2])
    np.testing.assert_allclose(batch["keypoints"][..., :2], expected, atol=1e-3)
    back = transform_points(invert(batch["matrices"]), batch["keypoints"][..., :2])
    np.testing.assert_allclose(back, original[..., :2], atol=1e-3)
    # As anybody else would cut it, by up to half a pixel.
    ideal = CROP.canvas_matrix(
        figures.records.centers[rows], figures.records.scales[rows], input_size, canvas
    )
    np.testing.assert_allclose(batch["matrices"][..., :2], ideal[..., :2], rtol=1e-9)
    np.testing.assert_allclose(batch["matrices"][..., 2], ideal[..., 2], rtol=0, atol=0.5 + 1e-6)


def test_a_shard_holds_what_the_package_says_of_it(
    packed_folder: Path, packed: KeypointDataset
) -> None:
    """Read by TensorFlow alone, as another program would."""
    features = {
        "image": tf.io.FixedLenFeature((), tf.string),
        "keypoints": tf.io.FixedLenFeature((16, 3), tf.float32),
        "matrix": tf.io.FixedLenFeature((2, 3), tf.float32),
        "index": tf.io.FixedLenFeature((), tf.int64),
    }
    paths = [str(packed_folder / name) for name in SHARDS]
    examples = [
        tf.io.parse_single_example(serialized, features)
        for serialized in tf.data.TFRecordDataset(paths)
    ]
    assert [int(example["index"]) for example in examples] == list(range(40))
    records = packed.records
    for index in (0, 7, 8, 39):
        example = examples[index]
        assert decode_image(example["image"].numpy(), "example").shape == (80, 72, 3)
        moved = transform_points(example["matrix"].numpy(), records.keypoints[index, :, :2])
        np.testing.assert_allclose(example["keypoints"][:, :2], moved, atol=1e-3)
        np.testing.assert_array_equal(example["keypoints"][:, 2], records.keypoints[index, :, 2])
        assert example["image"].numpy() == packed.images.read(index)


def test_packing_twice_gives_the_same_bytes(
    packed_folder: Path, figures: KeypointDataset, tmp_path: Path
) -> None:
    pack(figures, tmp_path / "again")
    # A zip file has the time in it: of the table, only the content is the same.
    ours, theirs = files(tmp_path / "again"), files(packed_folder)
    assert {k: v for k, v in ours.items() if k != "records.npz"} == {
        k: v for k, v in theirs.items() if k != "records.npz"
    }


def test_progress_counts_records_up_to_all(figures: KeypointDataset, tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    pack(figures, tmp_path / "out", progress=lambda done, total: reported.append((done, total)))
    assert reported == [(8, 40), (16, 40), (24, 40), (32, 40), (40, 40)]


def test_a_split_may_be_missing(figures: KeypointDataset, tmp_path: Path) -> None:
    manifest = pack(figures.validation, tmp_path / "val")
    assert [shard.name for shard in manifest.shards] == ["val-00000.tfrecord"]
    with pytest.raises(DataError, match="the train split is empty"):
        _ = load_dataset(tmp_path / "val").train


@pytest.mark.parametrize("scheme", ["file", "ram"])
def test_whatever_tensorflow_opens_is_written_and_read(
    figures: KeypointDataset, packed_folder: Path, tmp_path: Path, scheme: str
) -> None:
    """`ram://` is TensorFlow's own file system, as little a folder as a bucket is."""
    address = f"file://{tmp_path}/packed" if scheme == "file" else f"ram://{os.getpid()}/packed"
    pack(figures, address)
    dataset = load_dataset(address)
    assert dataset.name == address and len(dataset.train) == 32
    dataset.images.require()
    assert dataset.images.verify() == []
    remote, local = (
        next(BatchSource(opened, CROP, SIZE, 40, CANVAS).batches())
        for opened in (dataset, load_dataset(packed_folder))
    )
    np.testing.assert_array_equal(remote["images"], local["images"])
    with pytest.raises(OutputExistsError, match="--overwrite"):
        pack(figures, address)
    pack(figures, address, overwrite=True, canvas_size=(32, 32))
    assert load_dataset(address).images.manifest.canvas_size == (32, 32)
    if scheme == "file":
        assert [path.name for path in tmp_path.iterdir()] == ["packed"]


@pytest.mark.parametrize("address", ["ftp://host/packed", "s4://bucket/packed"])
def test_an_address_that_tensorflow_does_not_know_is_refused(
    figures: KeypointDataset, address: str
) -> None:
    with pytest.raises(DataError, match=f"{address}.* cannot be read: File system scheme"):
        load_dataset(address)
    with pytest.raises(DataError, match=f"{address}.* File system scheme"):
        pack(figures, address)


def stop_in_the_third_shard(dataset: KeypointDataset, output: Path) -> Path:
    """Returns the folder of the two shards that are done.

    An image of the third shard is unreadable at first; repaired, it is the same to the clock.
    """
    index = writer._layout(dataset, 0, A_SHARD)[0][2 * A_SHARD + 5]
    path = dataset.images.path(index)
    content, status = path.read_bytes(), path.stat()
    # As large as before, or the repaired one would be other data.
    path.write_bytes(bytes(len(content)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DataError, match=rf"{path.name} cannot be read as an image"):
        pack(dataset, output)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not output.exists()
    return Path(unfinished(output))


def test_a_stopped_packing_goes_on_and_gives_the_same_shards(
    copied: KeypointDataset, packed_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    stopped = stop_in_the_third_shard(copied, output)
    assert sorted(files(stopped)) == ["packing.json", *SHARDS[:2]]
    with pytest.raises(MissingFileError, match="is not completely packed. Run the same"):
        load_dataset(output)
    for name in SHARDS[:2]:
        os.utime(stopped / name, ns=(0, 0))
    pack(copied, output)
    assert not stopped.exists()
    assert [name for name in SHARDS if (output / name).stat().st_mtime_ns == 0] == SHARDS[:2]
    ours, theirs = files(output), files(packed_folder)
    assert ours.keys() == theirs.keys()
    for name in SHARDS:
        assert ours[name] == theirs[name], name
    shards = [json.loads(found["manifest.json"])["shards"] for found in (ours, theirs)]
    assert shards[0] == shards[1]
    assert load_dataset(output).images.verify() == []


def test_a_missing_image_is_told_as_one_and_not_as_a_full_disk(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    copied.images.path(3).unlink()
    with pytest.raises(MissingFileError, match=r"000003\.jpg: the image does not exist"):
        pack(copied, tmp_path / "out")


def no_space(message: str) -> list[Exception]:
    return [
        tf.errors.ResourceExhaustedError(None, None, message),
        OSError(errno.ENOSPC, message),
    ]


@pytest.mark.parametrize("error", no_space("No space left on device"), ids=["tf", "os"])
def test_a_full_disk_keeps_what_was_packed_and_says_that_it_goes_on(
    figures: KeypointDataset,
    packed_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    write, left = tf.io.TFRecordWriter.write, [2 * A_SHARD + 3]

    def until_full(to: Any, example: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise error
        write(to, example)

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", until_full)
    with pytest.raises(DataError) as caught:
        pack(figures, tmp_path / "out")
    said = str(caught.value)
    assert "packing stopped after 2 shards" in said and "No space left on device" in said
    assert "Run the same command again to continue." in said
    assert sorted(files(Path(unfinished(tmp_path / "out")))) == ["packing.json", *SHARDS[:2]]
    monkeypatch.undo()
    pack(figures, tmp_path / "out")
    for name in SHARDS:
        assert (tmp_path / "out" / name).read_bytes() == (packed_folder / name).read_bytes()


def change_a_scale(dataset: KeypointDataset) -> KeypointDataset:
    path = Path(dataset.name) / "annotations.json"
    records = json.loads(path.read_text())
    records[0]["scale_provided"] *= 1.1
    path.write_text(json.dumps(records))
    return load_dataset(dataset.name)


def change_an_image(dataset: KeypointDataset) -> KeypointDataset:
    shutil.copy(dataset.images.path(0), dataset.images.path(1))
    return dataset


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"crop": Crop(padding=1.5)},
        {"input_size": (96, 96)},
        {"canvas_size": (96, 96)},
        {"records_a_shard": 9},
        change_a_scale,
        change_an_image,
    ],
    ids=["seed", "crop", "input size", "canvas size", "shard size", "scale", "image"],
)
def test_a_stopped_packing_of_something_else_is_not_gone_on_with(
    copied: KeypointDataset, tmp_path: Path, change: Any
) -> None:
    output = tmp_path / "out"
    stopped = stop_in_the_third_shard(copied, output)
    before = files(stopped)
    options = change if isinstance(change, dict) else {}
    dataset = copied if isinstance(change, dict) else change(copied)
    with pytest.raises(
        OutputExistsError, match="of other data or settings. Remove it.* or pass --overwrite"
    ):
        pack(dataset, output, **options)
    assert files(stopped) == before
    manifest = pack(dataset, output, overwrite=True, **options)
    fresh = pack(dataset, tmp_path / "fresh", **options)
    assert manifest == fresh
    assert load_dataset(output).images.verify() == []


def test_a_damaged_note_of_a_stopped_packing_is_not_gone_on_with(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    note = stop_in_the_third_shard(copied, output) / "packing.json"
    for content in (b"", b"[]", b"{}", b'{"fingerprint": 1', b"\xff"):
        note.write_bytes(content)
        with pytest.raises(OutputExistsError, match="--overwrite"):
            pack(copied, output)
    pack(copied, output, overwrite=True)
    assert load_dataset(output).images.verify() == []


@pytest.mark.parametrize("lost", SHARDS[:2])
def test_a_shard_that_a_stopped_packing_lost_is_packed_again(
    copied: KeypointDataset, tmp_path: Path, lost: str
) -> None:
    output = tmp_path / "out"
    shard = stop_in_the_third_shard(copied, output) / lost
    shard.write_bytes(shard.read_bytes()[:100])
    pack(copied, output)
    assert load_dataset(output).images.verify() == []


def test_a_complete_packing_is_replaced_only_when_asked(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    pack(figures, output)
    before = files(output)
    with pytest.raises(OutputExistsError, match=r"out exists.*--overwrite"):
        pack(figures, output, canvas_size=(32, 32))
    assert files(output) == before
    pack(figures, output, canvas_size=(32, 32), records_a_shard=40, overwrite=True)
    assert sorted(files(output)) == [
        "manifest.json",
        "records.npz",
        "train-00000.tfrecord",
        "val-00001.tfrecord",
    ]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["notes.txt", "manifest.json", "annotations.json"])
def test_something_else_is_never_replaced(
    figures: KeypointDataset, tmp_path: Path, overwrite: bool, name: str
) -> None:
    """Web pages and phone apps have a `manifest.json` too."""
    output = tmp_path / "out"
    output.mkdir()
    (output / name).write_text("{}")
    for path in (output, output / name):
        with pytest.raises(SimplebaseError):
            pack(figures, path, overwrite=overwrite)
        assert files(output) == {name: b"{}"}


def test_a_packing_with_something_else_in_its_folder_is_not_replaced(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    pack(figures, output)
    (output / "notes.txt").write_text("mine")
    before = files(output)
    with pytest.raises(OutputExistsError, match=r"not part of a packed .*notes\.txt"):
        pack(figures, output, canvas_size=(32, 32), overwrite=True)
    assert files(output) == before


def test_an_empty_folder_is_filled(figures: KeypointDataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pack(figures, tmp_path / "out")
    assert len(load_dataset(tmp_path / "out")) == 40


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_packed_set_may_be_packed_into_itself(
    packed_folder: Path, tmp_path: Path, slash: str
) -> None:
    """What is read is there until all is written."""
    folder = shutil.copytree(packed_folder, tmp_path / "packed")
    before = load_dataset(folder)
    pack(before, f"{folder}{slash}", canvas_size=(48, 48), overwrite=True)
    after = load_dataset(folder)
    assert after.images.verify() == [] and after.images.manifest.canvas_size == (48, 48)
    rows = rows_of(after.records, before.records)
    np.testing.assert_array_equal(after.records.keypoints, before.records.keypoints[rows])


def test_a_packed_set_may_be_packed_again_for_another_size(
    packed: KeypointDataset, tmp_path: Path
) -> None:
    pack(packed, tmp_path / "smaller", input_size=(32, 32), canvas_size=(32, 32))
    smaller = load_dataset(tmp_path / "smaller")
    batch = next(BatchSource(smaller, CROP, (32, 32), 40).batches())
    expected = transform_points(batch["matrices"], smaller.records.keypoints[..., :2])
    np.testing.assert_allclose(batch["keypoints"][..., :2], expected, atol=1e-3)
    ideal = CROP.matrix(smaller.records.centers, smaller.records.scales, (32, 32))
    np.testing.assert_allclose(batch["matrices"], ideal, rtol=1e-9, atol=0.5 + 1e-6)


def test_no_records_a_shard_is_refused(figures: KeypointDataset, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="at least 1. Received: 0"):
        pack(figures, tmp_path / "out", records_a_shard=0)
    assert not (tmp_path / "out").exists()


def test_an_output_below_a_file_is_told(figures: KeypointDataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/out.*file is not a directory"):
        pack(figures, tmp_path / "file" / "out")


def test_what_else_is_in_a_packed_folder_is_never_removed(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    output, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    pack(figures, output)
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("mine")
    (output / "link").symlink_to(elsewhere)
    with pytest.raises(OutputExistsError, match=r"not part of a packed dataset \(link\)"):
        pack(figures, output, overwrite=True)
    assert (elsewhere / "precious.txt").read_text() == "mine"


def test_a_link_to_a_packed_folder_stays_a_link(figures: KeypointDataset, tmp_path: Path) -> None:
    pack(figures, tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    pack(figures, tmp_path / "link", overwrite=True, canvas_size=(32, 32))
    assert (tmp_path / "link").is_symlink()
    assert load_dataset(tmp_path / "real").images.manifest.canvas_size == (32, 32)


def test_the_earlier_packing_stays_until_the_new_one_is_complete(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    pack(copied, output)
    before = files(output)
    copied.images.path(7).write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"000007\.jpg"):
        pack(copied, output, overwrite=True)
    assert files(output) == before


def test_a_shard_that_was_deleted_meanwhile_is_written_again(
    copied: KeypointDataset, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    stop_in_the_third_shard(copied, output)
    (tmp_path / ".out.packing" / SHARDS[1]).unlink()
    pack(copied, output)
    assert load_dataset(output).images.verify() == []


@pytest.mark.parametrize(
    "input_size, canvas, said",
    [
        (SIZE, (96, 72), "but this run needs crops of 96x72"),
        ((96, 96), (96, 96), "magnified by 1.50"),
    ],
)
def test_looking_beyond_or_closer_than_was_packed_is_told(
    packed: KeypointDataset, input_size: tuple[int, int], canvas: tuple[int, int], said: str
) -> None:
    with pytest.warns(SimplebaseWarning, match=said):
        BatchSource(packed, CROP, input_size, 8, canvas)


def test_a_manifest_beside_annotations_is_somebody_elses(copied: KeypointDataset) -> None:
    (Path(copied.name) / "manifest.json").write_text("{}")
    assert len(load_dataset(copied.name)) == 40


def test_two_processes_do_not_pack_to_one_output(figures: KeypointDataset, tmp_path: Path) -> None:
    output = tmp_path / "new" / "out"
    refused: list[str] = []

    def second(done: int, total: int) -> None:
        with pytest.raises(InUseError) as caught:
            pack(figures, output, overwrite=True)
        refused.append(str(caught.value))

    pack(figures, output, progress=second)
    assert len(refused) == 5
    assert refused[0].startswith(f"{output} is in use: process {os.getpid()} on ")
    assert load_dataset(output).images.verify() == []
    assert [path.name for path in output.parent.iterdir()] == ["out"]


def test_a_packing_that_ends_before_its_first_shard_leaves_nothing(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: object) -> Iterator[bytes]:
        raise SystemExit(143)

    monkeypatch.setattr(writer, "examples", stopped)
    with pytest.raises(SystemExit):
        pack(figures, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_shard_that_another_process_makes_is_the_same_to_the_byte(
    figures: KeypointDataset, packed_folder: Path
) -> None:
    order = np.concatenate(
        [
            np.random.default_rng(0).permutation(np.flatnonzero(~figures.records.validation)),
            np.flatnonzero(figures.records.validation),
        ]
    )
    rows = np.arange(2 * A_SHARD, 3 * A_SHARD)
    sent = pickle.loads(pickle.dumps(figures.select(order).select(rows)))
    made = shard_examples(sent, ShardSettings(CROP, SIZE, CANVAS), rows)
    stored = tf.data.TFRecordDataset(str(packed_folder / SHARDS[2]))
    assert made == [example.numpy() for example in stored]
