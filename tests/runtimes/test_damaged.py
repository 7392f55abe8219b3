"""What cannot be opened is told in one sentence; nothing crashes."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from artifacts import Artifacts

from simplebase.errors import ArgumentError, DataError, MissingFileError, MissingPackageError
from simplebase.metadata import metadata_file, write_metadata
from simplebase.runtimes import load_runtime

# The formats are written once, on one worker.
pytestmark = pytest.mark.xdist_group("runtimes")

FILES = ("model.keras", "model.h5", "model.pb", "float.onnx", "float.tflite", "float.mnn")


def copied(artifacts: Artifacts, name: str, folder: Path) -> Path:
    """The model with its sidecar, to damage."""
    source, path = artifacts.path(name), folder / name
    (shutil.copytree if source.is_dir() else shutil.copy)(source, path)
    write_metadata(path, artifacts.metadata)
    return path


def noise(content: bytes) -> bytes:
    return np.random.default_rng(0).bytes(len(content))


DAMAGES = {
    "empty": lambda content: b"",
    "a quarter": lambda content: content[: len(content) // 4],
    "a half": lambda content: content[: len(content) // 2],
    "nine tenths": lambda content: content[: len(content) * 9 // 10],
    "a little missing": lambda content: content[:-100],
    "noise": noise,
    "a good start": lambda content: content[:64] + noise(content),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [*FILES, "uint8.tflite"])
def test_a_damaged_file_is_told_in_one_line(
    artifacts: Artifacts,
    name: str,
    damage: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = copied(artifacts, name, tmp_path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    capfd.readouterr()
    with pytest.raises(DataError) as caught:
        load_runtime(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


# Of the file: a name of its own metadata, of its output, of its input.
@pytest.mark.parametrize("text", [b'"preset"', b"heatmaps", b"images"])
def test_an_onnx_file_whose_texts_are_no_utf8_is_told_in_one_line(
    artifacts: Artifacts, text: bytes, tmp_path: Path
) -> None:
    path = copied(artifacts, "float.onnx", tmp_path)
    path.write_bytes(path.read_bytes().replace(text, b"\xff" * len(text)))
    with pytest.raises(DataError, match=rf"^{path} cannot be opened: 'utf-8' codec"):
        load_runtime(path)


# Single bytes on which MNN 3.6.1 crashes, at once or later, as the memory happens to be.
@pytest.mark.parametrize("place", [3779, 7368, 7738, 113_516])
def test_an_mnn_file_that_has_changed_is_refused_before_mnn_opens_it(
    artifacts: Artifacts, place: int, tmp_path: Path
) -> None:
    path = copied(artifacts, "float.mnn", tmp_path)
    content = bytearray(path.read_bytes())
    assert content[place] != 255
    content[place] = 255
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"float\.mnn cannot be opened: it is damaged, or not"):
        load_runtime(path)


def test_an_mnn_file_without_a_hash_in_its_sidecar_is_opened(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    """As earlier versions wrote it, and as one is that a user has changed."""
    path = copied(artifacts, "float.mnn", tmp_path)
    sidecar = metadata_file(path)
    config = json.loads(sidecar.read_text())
    del config["sha256"]
    sidecar.write_text(json.dumps(config))
    assert load_runtime(path).metadata.outputs == ("heatmaps",)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.index"])
def test_a_damaged_saved_model_is_told_in_one_line(
    artifacts: Artifacts, part: str, damage: str, tmp_path: Path
) -> None:
    path = copied(artifacts, "fixed", tmp_path)
    (path / part).write_bytes(DAMAGES[damage]((path / part).read_bytes()))
    with pytest.raises(DataError, match="cannot be opened|has no signature") as caught:
        load_runtime(path)
    assert "\n" not in str(caught.value)


def test_a_saved_model_without_its_variables_is_no_model(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    path = copied(artifacts, "fixed", tmp_path)
    shutil.rmtree(path / "variables")
    with pytest.raises(DataError, match="cannot be opened"):
        load_runtime(path)


@pytest.mark.parametrize("name", FILES[2:])
def test_the_content_of_another_format_is_refused(
    artifacts: Artifacts, name: str, tmp_path: Path
) -> None:
    other = FILES[(FILES.index(name) + 1) % len(FILES)]
    path = copied(artifacts, name, tmp_path)
    shutil.copy(artifacts.path(other), path)
    with pytest.raises(DataError, match=f"^{path} "):
        load_runtime(path)


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5", ".pb", ".onnx", ".tflite", ".MNN"])
def test_a_missing_file_is_called_missing(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(MissingFileError, match="absent.*: the model does not exist"):
        load_runtime(tmp_path / f"absent{suffix}")


@pytest.mark.parametrize("name", ["model.pt", "model"])
def test_another_suffix_is_answered_with_those_that_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    expected = r"a model ends in \.keras, \.h5, \.pb, \.onnx, \.tflite, \.mnn, or is a folder"
    with pytest.raises(ArgumentError, match=expected):
        load_runtime(tmp_path / name)


def test_a_folder_of_something_else_is_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder without a saved_model\.pb"):
        load_runtime(tmp_path)


def test_the_graph_file_of_a_saved_model_is_answered_with_its_folder(artifacts: Artifacts) -> None:
    with pytest.raises(DataError, match="a part of a SavedModel, not a frozen graph. Open its fol"):
        load_runtime(artifacts.path("fixed") / "saved_model.pb")


# The other formats hold it themselves.
@pytest.mark.parametrize("name", ["fixed", "model.pb", "float.mnn"])
def test_a_model_without_its_sidecar_says_what_writes_it(
    artifacts: Artifacts, name: str, tmp_path: Path
) -> None:
    path = copied(artifacts, name, tmp_path)
    (tmp_path / f"{name}.json").unlink()
    with pytest.raises(MissingFileError, match=rf"{name}\.json does not exist.*simplebase export"):
        load_runtime(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"is not valid JSON"),
        ("[]", r"\.json: the model's metadata is incomplete or damaged"),
        ("{}", r"\.json: the model's metadata is incomplete or damaged \(KeyError\('input_size"),
    ],
)
def test_a_damaged_sidecar_is_named(
    artifacts: Artifacts, text: str, message: str, tmp_path: Path
) -> None:
    path = copied(artifacts, "float.onnx", tmp_path)
    (tmp_path / "float.onnx.json").write_text(text)
    with pytest.raises(DataError, match=message):
        load_runtime(path)


SIZED = [
    ("fixed", "1, 64, 96, 3"),
    ("model.pb", "any, 64, 96, 3"),
    ("free.onnx", "any, 64, 96, 3"),
    ("nchw.onnx", "1, 3, 64, 96"),
    ("float.tflite", "1, 64, 96, 3"),
    ("nchw.mnn", "1, 3, 64, 96"),
]


@pytest.mark.parametrize(("name", "shape"), SIZED)
def test_a_sidecar_of_another_model_is_found_out_by_either_end(
    artifacts: Artifacts, name: str, shape: str, tmp_path: Path
) -> None:
    path = copied(artifacts, name, tmp_path)
    sidecar = tmp_path / f"{name}.json"
    config = artifacts.metadata.to_config()
    sidecar.write_text(json.dumps(config | {"input_size": [96, 64]}))
    with pytest.raises(DataError, match=rf"input is \({shape}\), but .*\(B, 96, 64, 3\), or"):
        load_runtime(path)
    skeleton = {"name": "two", "keypoints": ["a", "b"]}
    sidecar.write_text(json.dumps(config | {"skeleton": skeleton}))
    shape = r"1, 14, 16, 24" if "nchw" in name else r"1, 16, 24, 14"
    with pytest.raises(DataError, match=rf"output is \({shape}\), but .*\(B, 16, 24, 2\), or"):
        load_runtime(path)


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("onnx", "onnxruntime", "onnx"),
        ("litert", "ai_edge_litert", "litert"),
        ("mnn", "MNN", "mnn"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, package: str, extra: str
) -> None:
    suffix = {"litert": "tflite"}.get(module, module)
    path = tmp_path / f"model.{suffix}"
    path.touch()
    monkeypatch.delitem(sys.modules, f"simplebase.runtimes.{module}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as caught:
        load_runtime(path)
    assert f"the package {package} is needed" in str(caught.value)
    assert f'pip install "simplebase[{extra}]"' in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "error", "message"),
    [
        ("tensorflow", MissingPackageError, "tensorflow is needed .* Run: pip install simplebase$"),
        # That is no user's mistake.
        ("simplebase.cost", ModuleNotFoundError, "simplebase.cost"),
    ],
)
def test_a_missing_module_of_no_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    error: type[ImportError],
    message: str,
) -> None:
    (tmp_path / "model.keras").touch()
    monkeypatch.delitem(sys.modules, "simplebase.runtimes.keras", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(error, match=message):
        load_runtime(tmp_path / "model.keras")
    monkeypatch.undo()
    importlib.import_module("simplebase.runtimes.keras")


def test_weights_alone_are_no_model(artifacts: Artifacts, tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    artifacts.model.save_weights(path)
    with pytest.raises(DataError, match="at most weights, but no network to run"):
        load_runtime(path)


def foreign(path: Path, *layers: keras.layers.Layer) -> Path:
    """A model of Keras' own layers as `.h5`."""
    keras.Sequential([keras.Input((64, 96, 3)), *layers]).save(path)
    return path


def to_heatmaps(count: int) -> keras.layers.Layer:
    return keras.layers.Conv2D(count, 4, strides=4)


def test_a_foreign_hdf5_runs_by_its_sidecar(artifacts: Artifacts, tmp_path: Path) -> None:
    scale, convolution = keras.layers.Rescaling(1 / 255), to_heatmaps(14)
    path = foreign(tmp_path / "foreign.h5", scale, convolution)
    with pytest.raises(MissingFileError, match=r"foreign\.h5\.json does not exist"):
        load_runtime(path)
    write_metadata(path, artifacts.metadata)
    found = load_runtime(path).predict(artifacts.images)
    expected = convolution(scale(artifacts.images.astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_foreign_hdf5_of_another_output_is_found_out(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    path = foreign(tmp_path / "foreign.h5", to_heatmaps(3))
    write_metadata(path, artifacts.metadata)
    with pytest.raises(DataError, match=r"output is \(1, 16, 24, 3\), but .*\(B, 16, 24, 14\)"):
        load_runtime(path)


def test_python_code_in_an_hdf5_is_not_run(artifacts: Artifacts, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    name = str(witness)
    layer = keras.layers.Lambda(lambda images: (images, open(name, "w").close())[0])
    path = foreign(tmp_path / "lambda.h5", layer, to_heatmaps(14))
    write_metadata(path, artifacts.metadata)
    # Making the model has run it.
    witness.unlink()
    with pytest.raises(
        DataError, match="has a Lambda layer. It contains Python code, which is not"
    ):
        load_runtime(path)
    assert not witness.exists()


def test_models_of_the_old_keras_are_named_as_such(shared: Path) -> None:
    path = shared / "upstream_h5" / "peleenet_upsample_lite_16kp_128x128.h5"
    with pytest.raises(DataError, match=r"was saved by Keras 2\.15"):
        load_runtime(path)
