"""What a model says of itself, in its sidecar."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simplebase import Crop, HeatmapCodec, ModelMetadata, load_skeleton
from simplebase.errors import DataError, MissingFileError, OutputExistsError
from simplebase.metadata import Cost, metadata_file, read_metadata, write_metadata

SIZE = (64, 96)
METADATA = ModelMetadata(
    "mobilenetv2_upsample_lite",
    SIZE,
    Crop(padding=1.4, center_shift=15.0),
    HeatmapCodec(SIZE, sigma=1.5, alignment="corner"),
    load_skeleton("coco"),
    outputs=("heatmaps", "keypoints"),
    training_data="0123456789abcdef",
    min_score=0.25,
    cost=Cost(1_234_567, 0.25),
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/model.tflite", "a/model.tflite.json"),
        ("a/model.v2", "a/model.v2.json"),
        ("a/folder/", "a/folder.json"),
    ],
)
def test_the_sidecar_has_the_name_of_the_model_and_json(path: str, expected: str) -> None:
    assert metadata_file(path) == Path(expected)


def test_the_sidecar_of_the_current_folder_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    assert metadata_file(".") == tmp_path / "model.json"


def test_a_sidecar_brings_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_metadata(path, METADATA)
    read = read_metadata(path)
    assert (read, read.cost) == (METADATA, METADATA.cost)


def test_reading_a_sidecar_needs_neither_tensorflow_nor_the_schema_of_presets(
    tmp_path: Path,
) -> None:
    write_metadata(tmp_path / "model.onnx", METADATA)
    heavy = {"tensorflow", "keras", "pydantic", "simplebase.presets"}
    code = (
        "import sys\n"
        "from simplebase.metadata import read_metadata\n"
        f"read_metadata({str(tmp_path / 'model.onnx')!r})\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_further_keys_of_a_sidecar_are_left_alone(tmp_path: Path) -> None:
    further = {"licence": "none", "version": "1.0"}
    (tmp_path / "model.onnx.json").write_text(json.dumps(METADATA.to_config() | further))
    assert read_metadata(tmp_path / "model.onnx") == METADATA


def test_a_sidecar_from_before_outputs_were_told_has_heatmaps(tmp_path: Path) -> None:
    config = METADATA.to_config()
    del config["outputs"], config["training_data"], config["min_score"], config["cost"]
    (tmp_path / "model.onnx.json").write_text(json.dumps(config))
    read = read_metadata(tmp_path / "model.onnx")
    assert read.outputs == ("heatmaps",)
    assert read.training_data is read.min_score is read.cost is None


def test_a_sidecar_is_overwritten_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    metadata_file(path).write_text("{}")
    with pytest.raises(OutputExistsError, match=r"model\.onnx\.json exists"):
        write_metadata(path, METADATA)
    write_metadata(path, METADATA, overwrite=True)
    assert read_metadata(path) == METADATA


def test_a_missing_sidecar_is_said_to_be_what_export_writes(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"model\.mnn\.json does not exist.*`simplebase exp"):
        read_metadata(tmp_path / "model.mnn")


@pytest.mark.parametrize(
    "changes",
    [
        {"preset": None},
        {"input_size": [64]},
        {"input_size": [64, 96, 3]},
        {"input_size": [64.0, 96.0]},
        {"input_size": ["64", "96"]},
        {"input_size": [63, 96]},
        {"crop": None},
        {"crop": {"padding": "wide"}},
        {"crop": {"padding": 0}},
        {"crop": {"padding": float("nan")}},
        {"crop": {"margin": 1}},
        {"codec": {"stride": 0}},
        {"codec": {"sigma": float("nan")}},
        {"codec": {"sigma": 1e9}},
        {"codec": {"sigma": "2"}},
        {"codec": {"stride": 2.0}},
        {"crop": {"padding": float("inf")}},
        {"crop": {"padding": 1e300}},
        {"crop": {"center_shift": 1e300}},
        {"input_size": [1_000_000_000, 96]},
        {"skeleton": {"name": "s", "keypoints": [1, 2]}},
        {"skeleton": {"name": "s", "keypoints": [["a"], "b"]}},
        {"skeleton": {"name": "s", "keypoints": [""]}},
        {"skeleton": {"name": 7, "keypoints": ["a"]}},
        {"skeleton": {"name": "s", "keypoints": ["a"], "sigmas": [float("nan")]}},
        {"skeleton": {"name": "s", "keypoints": ["a"], "sigmas": ["1"]}},
        {"skeleton": {"name": "s", "keypoints": ["a"], "links": [[{}, "a", "r"]]}},
        {"training_data": ["x"]},
        {"min_score": 1.5},
        {"min_score": "0.2"},
        {"min_score": True},
        {"min_score": float("nan")},
        {"cost": {"params": float("inf"), "gflops": 1}},
        {"codec": {"alignment": "left"}},
        {"skeleton": {"name": "nothing"}},
        {"skeleton": []},
        {"outputs": []},
        {"outputs": ["boxes"]},
        {"outputs": ["keypoints", "heatmaps"]},
        {"cost": {"params": 1000}},
        {"cost": {"params": "many", "gflops": 1}},
        {"cost": [1000, 0.25]},
    ],
    ids=str,
)
def test_a_damaged_value_is_told_with_the_file(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "model.onnx"
    metadata_file(path).write_text(json.dumps(METADATA.to_config() | changes))
    with pytest.raises(DataError, match=r"^.*model\.onnx\.json: ") as caught:
        read_metadata(path)
    assert "\n" not in str(caught.value)


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(METADATA.to_config() | {"skeleton": {"name": "s", "keypoints": [LONG]}}),
        json.dumps(METADATA.to_config() | {"codec": {"alignment": LONG}}),
        json.dumps(METADATA.to_config() | {"outputs": [LONG]}),
        json.dumps(METADATA.to_config() | {"input_size": [1] * 100_000}),
        json.dumps(METADATA.to_config() | {"crop": {LONG: 1}}),
        json.dumps({"skeleton": {"name": "s", "keypoints": [f"k{n}" for n in range(100_000)]}}),
        "[" * 100_000,
        " " * (17 << 20),
    ],
    ids=["name", "alignment", "outputs", "sides", "key", "keypoints", "deep", "large"],
)
def test_a_sidecar_without_bounds_ends_in_a_short_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.onnx"
    metadata_file(path).write_text(text)
    for read in (lambda: read_metadata(path), lambda: read_metadata(tmp_path / "absent", text)):
        with pytest.raises(DataError) as caught:
            read()
        assert len(str(caught.value).replace(str(tmp_path), "")) < 400


def test_a_skeleton_of_too_many_keypoints_is_refused() -> None:
    config = METADATA.to_config()
    config["skeleton"] = {"name": "s", "keypoints": [f"k{n}" for n in range(10_001)]}
    with pytest.raises(DataError, match="has 10001 keypoints. At most 10000 are supported"):
        ModelMetadata.from_config(config)


def test_a_sidecar_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    metadata_file(path).write_text(json.dumps(METADATA.to_config()), encoding="utf-8-sig")
    assert read_metadata(path) == METADATA
