"""A manifest and a table are read back as written, and a damaged one is told, never trusted."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase import Crop, KeypointDataset
from simplebase.data.packed import load_packed, pack_dataset
from simplebase.data.packed.location import join
from simplebase.data.packed.manifest import (
    Manifest,
    Shard,
    read_columns,
    read_manifest,
    write_columns,
)
from simplebase.errors import DataError, MissingFileError, SimplebaseError
from simplebase.skeletons import load_skeleton

MANIFEST = Manifest(
    load_skeleton("coco"),
    Crop(padding=1.3, center_shift=15),
    (256, 192),
    (300, 240),
    95,
    (Shard("train-00000.tfrecord", 3, 100, "a" * 64), Shard("val-00001.tfrecord", 2, 50, "b" * 64)),
)


@pytest.fixture(scope="module")
def packed_folder(figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written to."""
    folder = tmp_path_factory.mktemp("packed") / "figures"
    pack_dataset(figures, folder, crop=Crop(), input_size=(32, 32), canvas_size=(32, 32))
    return folder


@pytest.fixture
def copied(packed_folder: Path, tmp_path: Path) -> Path:
    """A packed dataset to damage."""
    return shutil.copytree(packed_folder, tmp_path / "packed")


def test_a_manifest_is_read_back_as_written() -> None:
    assert Manifest.from_json(MANIFEST.to_json(), "manifest.json") == MANIFEST


@pytest.mark.parametrize("location", ["gs://bucket/packed", "gs://bucket/packed/", Path("/a/b")])
def test_a_file_beside_the_manifest_is_joined_with_one_slash(location: str | Path) -> None:
    assert join(location, "x").endswith(("packed/x", "/a/b/x"))
    assert "//x" not in join(location, "x")


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(MANIFEST.to_json()) | changes)


def shard(**changes: Any) -> str:
    first, second = json.loads(MANIFEST.to_json())["shards"]
    return changed(shards=[first, second | changes])


BAD_MANIFESTS = {
    "no JSON": "{",
    "nothing": "",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "another format": changed(format="my app"),
    "a later version": changed(version=2),
    "a web page's": '{"name": "my page", "icons": []}',
    "deep": "[" * 100_000,
    "a huge number": changed(quality=0).replace('"quality": 0', '"quality": 1e999'),
    "an endless size": changed().replace('"input_size": [256', '"input_size": [Infinity'),
    "a flat size": changed(input_size=256),
    "three sides": changed(canvas_size=[1, 2, 3]),
    "a strange skeleton": changed(skeleton={"name": "x", "keypoints": ["a", "a"]}),
    "no skeleton": changed(skeleton=None),
    "a strange crop": changed(crop={"padding": 1, "tilt": 3}),
    "shards that are a number": changed(shards=3),
    "shards that are words": changed(shards=["train"]),
    "a shard above": shard(name="../train-00000.tfrecord"),
    "a shard elsewhere": shard(name="/etc/passwd"),
    "a shard below": shard(name="a/b"),
    "a shard that is the folder": shard(name="."),
    "a shard that is a number": shard(name=7),
    "a shard of nothing": shard(records=0),
    "a shard of less": shard(records=-3),
    "a shard of a half": shard(records=1.5),
    "a shard of true": shard(records=True),
    "a shard of words": shard(records="2"),
    "bytes that are words": shard(bytes="50"),
    "a checksum that is a number": shard(sha256=3),
    "a shard with more to say": shard(colour="red"),
}


@pytest.mark.parametrize("case", BAD_MANIFESTS)
def test_a_bad_manifest_is_refused_with_its_name(case: str) -> None:
    with pytest.raises(DataError, match=r"^a/manifest\.json is not the manifest of a packed") as e:
        Manifest.from_json(BAD_MANIFESTS[case], "a/manifest.json")
    assert "simplebase data pack" in str(e.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_manifest_raises_anything_but_an_error_of_ours(data: st.DataObject) -> None:
    content = json.loads(MANIFEST.to_json())
    for _ in range(data.draw(st.integers(1, 3))):
        holder: Any = data.draw(
            st.sampled_from(
                [content, content.get("skeleton"), content.get("crop"), *content.get("shards", [])]
            )
        )
        if isinstance(holder, dict) and holder:
            key = data.draw(st.sampled_from(sorted(holder)))
            if data.draw(st.booleans()):
                holder[key] = data.draw(VALUES)
            elif len(holder) > 1 and key not in ("skeleton", "crop", "shards"):
                del holder[key]
        if not isinstance(content.get("shards"), list):
            break
    try:
        manifest = Manifest.from_json(json.dumps(content), "manifest.json")
    except SimplebaseError:
        return
    # What is accepted can be worked with.
    assert all(type(entry.records) is int and entry.records > 0 for entry in manifest.shards)
    assert all(type(side) is int for side in manifest.input_size + manifest.canvas_size)
    Manifest.from_json(manifest.to_json(), "manifest.json")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_no_text_raises_anything_but_an_error_of_ours(text: str) -> None:
    with pytest.raises(SimplebaseError):
        Manifest.from_json(text, "manifest.json")


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"has no manifest\.json. Is it a packed dataset"):
        read_manifest(str(tmp_path))


def test_a_manifest_that_is_no_text_is_told(copied: Path) -> None:
    (copied / "manifest.json").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(DataError, match=r"manifest\.json is not a text file"):
        load_packed(copied)


def test_a_manifest_of_other_records_than_the_table_is_refused(copied: Path) -> None:
    manifest = read_manifest(str(copied))
    more = tuple(replace(shard, records=shard.records + 1) for shard in manifest.shards)
    (copied / "manifest.json").write_text(replace(manifest, shards=more).to_json())
    with pytest.raises(DataError, match=r"records\.npz has keypoints of shape \(40, 16, 3\), but"):
        load_packed(copied)


def test_a_manifest_of_another_skeleton_than_the_table_is_refused(copied: Path) -> None:
    manifest = replace(read_manifest(str(copied)), skeleton=load_skeleton("coco"))
    (copied / "manifest.json").write_text(manifest.to_json())
    with pytest.raises(DataError, match=r"the manifest says \(40, 17, 3\)"):
        load_packed(copied)


def columns_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "records.npz") as archive:
        return dict(archive)


def test_a_table_is_read_back_as_written(figures: KeypointDataset, tmp_path: Path) -> None:
    paths = np.array(["a.jpg", "späte Äpfel/b c.jpg", "日本.png"] + ["x"] * 37, object)
    records = replace(
        figures.records,
        paths=paths,
        image_ids=np.arange(40) + 2**40,
        boxes=np.random.default_rng(0).random((40, 4)) * 1e6,
    )
    matrices = np.random.default_rng(1).random((40, 2, 3)) + [[1, 0, 0], [-1, 1, 0]]
    write_columns(str(tmp_path / "records.npz"), records, matrices)
    read, read_matrices = read_columns(str(tmp_path / "records.npz"))
    assert list(read.paths) == list(paths)
    np.testing.assert_array_equal(read.image_ids, records.image_ids)
    np.testing.assert_array_equal(read.boxes, records.boxes)
    np.testing.assert_array_equal(read_matrices, matrices)
    np.testing.assert_array_equal(read.keypoints, records.keypoints.astype(np.float32))


def test_a_large_table_takes_little_more_than_its_columns(packed_folder: Path) -> None:
    """A million people with float64 keypoints would be 400 MB more than need be."""
    records, _ = read_columns(str(packed_folder / "records.npz"))
    assert records.keypoints.dtype == np.float32


BAD_TABLES: dict[str, Callable[[dict[str, np.ndarray]], Any]] = {
    "a column less": lambda table: table.pop("scales"),
    "no matrices": lambda table: table.pop("matrices"),
    "a record less": lambda table: table.update(centers=table["centers"][1:]),
    "flat matrices": lambda table: table.update(matrices=table["matrices"].reshape(40, 6)),
    "flat keypoints": lambda table: table.update(keypoints=table["keypoints"].reshape(40, 48)),
    "points of two": lambda table: table.update(keypoints=table["keypoints"][..., :2]),
    "words for scales": lambda table: table.update(scales=np.array(["1.0"] * 40)),
    "numbers for paths": lambda table: table.update(paths=np.arange(40)),
    "a scale of 0": lambda table: table["scales"].__setitem__(3, 0),
    "points nowhere": lambda table: table["keypoints"].__setitem__((3, 2, 0), np.nan),
    "a matrix that is flat": lambda table: table["matrices"].__setitem__((3, 0), 0),
    "one scale": lambda table: table.update(scales=np.float64(1)),
    "numbers for splits": lambda table: table.update(validation=np.arange(40.0)),
    "objects": lambda table: table.update(scales=np.array([{}] * 40, object)),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused_with_its_name(copied: Path, case: str) -> None:
    table = columns_of(copied)
    BAD_TABLES[case](table)
    np.savez(copied / "records.npz", **table)
    with pytest.raises(DataError, match=r"packed/records\.npz "):
        load_packed(copied)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"hello"], ids=["empty", "zip", "text"])
def test_a_file_that_is_no_table_is_refused(copied: Path, content: bytes) -> None:
    (copied / "records.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"records\.npz is not the table of a packed dataset"):
        load_packed(copied)


def test_a_missing_table_is_told(copied: Path) -> None:
    (copied / "records.npz").unlink()
    with pytest.raises(DataError, match=r"records\.npz"):
        load_packed(copied)


@settings(deadline=None, max_examples=150)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    end=st.floats(0.5, 1),
)
def test_no_damage_of_a_table_raises_anything_but_an_error_of_ours(
    packed_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[float, int]],
    end: float,
) -> None:
    content = bytearray((packed_folder / "records.npz").read_bytes())
    for place, value in edits:
        content[int(place * (len(content) - 1))] = value
    del content[int(end * len(content)) + 1 :]
    path = tmp_path_factory.getbasetemp() / "fuzzed.npz"
    path.write_bytes(content)
    try:
        records, matrices = read_columns(str(path))
    except SimplebaseError:
        return
    assert len(records) == len(matrices) and records.keypoints.shape[2] == 3


def test_a_single_array_is_no_table(copied: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((40, 3)))
    (copied / "records.npz").write_bytes(file.getvalue())
    with pytest.raises(DataError, match="is not the table"):
        load_packed(copied)
