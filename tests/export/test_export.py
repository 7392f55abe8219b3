"""From a model file to a checked file of another format, or to none."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from artifacts import Artifacts

import simplebase.export.mnn
from simplebase import KeypointDataset, ModelMetadata
from simplebase.cost import count_cost
from simplebase.devices import processor
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingPackageError,
    OutOfMemoryError,
    OutputExistsError,
    ParityError,
    SimplebaseWarning,
)
from simplebase.evaluation import predict_dataset
from simplebase.export import Exporter, ExportSettings, export_all, parity_file
from simplebase.export.export_settings import plan_all_formats
from simplebase.export.graph import ExportGraph
from simplebase.export.litert import write as write_litert
from simplebase.metadata import metadata_file
from simplebase.runtimes import load_runtime

pytestmark = [
    pytest.mark.xdist_group("runtimes"),
    pytest.mark.filterwarnings("ignore:.*is calibrated on only"),
    pytest.mark.filterwarnings("ignore:.*the model itself has a PCK of"),
]
LITERT = ExportSettings("litert")


@pytest.fixture(scope="module")
def exporter(small: Artifacts, figures: KeypointDataset) -> Exporter:
    return Exporter(small.path("model.keras"), figures)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_with_its_metadata_and_its_comparison(
    exporter: Exporter, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    parity = exporter.export(path, LITERT)
    assert listing(tmp_path) == ["m.tflite", "m.tflite.json", "m.tflite.parity.json"]
    assert json.loads(parity_file(path).read_text()) == json.loads(json.dumps(parity.to_config()))
    assert parity.passed and parity.images == 8 and parity.labelled
    assert parity.heatmap_max is not None and parity.heatmap_max < 1e-5


def test_a_file_that_decodes_finds_what_the_model_finds(
    exporter: Exporter, figures: KeypointDataset, small: Artifacts, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    exporter.export(path, ExportSettings("onnx", outputs="keypoints"))
    expected = predict_dataset(load_runtime(small.path("model.keras")), figures.validation)
    found = predict_dataset(load_runtime(path), figures.validation)
    # In pixels of the images, of which some are magnified.
    np.testing.assert_allclose(found[..., :2], expected[..., :2], rtol=0, atol=0.05)


def test_what_exists_is_replaced_only_when_asked_to(exporter: Exporter, tmp_path: Path) -> None:
    for name in ("m.tflite", "m.tflite.json", "m.tflite.parity.json"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(OutputExistsError, match=f"{name} exists"):
            exporter.export(tmp_path / "m.tflite", LITERT)
        (tmp_path / name).unlink()
    (tmp_path / "m.tflite").write_text("mine")
    exporter.export(tmp_path / "m.tflite", LITERT, overwrite=True)
    load_runtime(tmp_path / "m.tflite")


def broken_mnn(graph: ExportGraph, path: Path, settings: Any, crops: np.ndarray) -> None:
    """By MNN's reader of TFLite, which makes wrong networks of transposed convolutions."""
    source = path.with_suffix(".tflite")
    write_litert(graph, source, LITERT, crops)
    arguments = ["-f", "TFLITE", "--modelFile", source, "--MNNModel", path, "--bizCode", "test"]
    simplebase.export.mnn.run_tool("mnnconvert", arguments, path)


def test_a_broken_file_is_refused_and_kept_apart(
    small_deconv: Artifacts,
    figures: KeypointDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = Exporter(small_deconv.path("model.keras"), figures)
    path = tmp_path / "m.mnn"
    exporter.export(path, ExportSettings("mnn"))
    good = path.read_bytes()
    monkeypatch.setattr(simplebase.export.mnn, "write", broken_mnn)
    with pytest.raises(
        ParityError, match="the results of m.mnn differ from those of the model"
    ) as caught:
        exporter.export(path, ExportSettings("mnn"), overwrite=True)
    assert caught.value.parity.heatmap_max > 0.1
    # What was there is still there.
    assert path.read_bytes() == good
    assert json.loads(parity_file(path).read_text())["passed"] is True
    rejected = tmp_path / "m.mnn.rejected"
    assert rejected.is_file() and metadata_file(rejected).is_file()
    assert json.loads(parity_file(rejected).read_text())["passed"] is False


def test_what_was_rejected_goes_when_an_export_succeeds(
    small_deconv: Artifacts,
    figures: KeypointDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = Exporter(small_deconv.path("model.keras"), figures)
    with monkeypatch.context() as patch:
        patch.setattr(simplebase.export.mnn, "write", lambda graph, path, *_: path.write_text("no"))
        # It does not even run.
        with pytest.raises(ParityError, match="it cannot be opened") as caught:
            exporter.export(tmp_path / "m.mnn", ExportSettings("mnn"))
    assert caught.value.parity is None
    assert (tmp_path / "m.mnn.rejected").read_text() == "no"
    exporter.export(tmp_path / "m.mnn", ExportSettings("mnn"))
    assert listing(tmp_path) == ["m.mnn", "m.mnn.json", "m.mnn.parity.json"]


def test_a_file_of_somebody_else_is_not_taken_for_a_rejected_one(
    exporter: Exporter, tmp_path: Path
) -> None:
    (tmp_path / "m.pb.rejected").write_text("mine")
    with pytest.raises(OutputExistsError, match="not a rejected export"):
        exporter.export(tmp_path / "m.pb", ExportSettings("frozen-graph"))


def test_what_a_converter_raises_is_one_sentence(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("no such operation.\nAt length.")

    monkeypatch.setattr(simplebase.export.mnn, "write", fail)
    with pytest.raises(DataError, match="^mnn cannot be written: no such operation\\.$"):
        exporter.export(tmp_path / "m.mnn", ExportSettings("mnn"))
    assert listing(tmp_path) == []


def test_a_saved_model_whose_name_has_a_dot_is_replaced(exporter: Exporter, tmp_path: Path) -> None:
    for overwrite in (False, True):
        exporter.export(tmp_path / "m.v2", ExportSettings("saved-model"), overwrite=overwrite)
    assert listing(tmp_path) == ["m.v2", "m.v2.json", "m.v2.parity.json"]


def test_a_writer_that_fails_leaves_nothing(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(graph: Any, path: Path, *settings: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(simplebase.export.mnn, "write", full)
    with pytest.raises(OSError, match="No space left"):
        exporter.export(tmp_path / "m.mnn", ExportSettings("mnn"))
    assert listing(tmp_path) == []


def test_a_package_that_is_missing_is_named_with_its_extra(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "simplebase.export.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(MissingPackageError, match=r'pip install "simplebase\[onnx\]"'):
        exporter.export(tmp_path / "m.onnx", ExportSettings("onnx"))
    assert listing(tmp_path) == []


def test_int8_of_another_kind_of_object_needs_a_dataset(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr("simplebase.data.synthetic.DEFAULT_COUNT", 10)
    of_lsp = Artifacts(tmp_path_factory.mktemp("lsp"))
    exporter = Exporter(of_lsp.path("model.keras"))
    with pytest.raises(ArgumentError, match="Give --calibration"):
        exporter.export(tmp_path / "m.tflite", ExportSettings("litert", "int8"))
    # Floats need no ranges, and are compared on the drawn figures.
    assert not exporter.export(tmp_path / "m.tflite", LITERT).labelled


def test_few_images_are_warned_of_once(small: Artifacts, figures: KeypointDataset) -> None:
    exporter = Exporter(small.path("model.keras"), figures)
    with pytest.warns(SimplebaseWarning, match="only 32 objects and compared on 8"):
        exporter.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exporter.prepare()


@pytest.mark.parametrize(
    ("output", "format", "message"),
    [
        ("m.onnx", "litert", "a litert export ends in .tflite"),
        ("m", "onnx", "a onnx export ends in .onnx"),
        ("m.pb", "saved-model", "a saved-model export is a folder"),
    ],
)
def test_a_name_of_another_format_is_refused(
    exporter: Exporter, tmp_path: Path, output: str, format: Any, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        exporter.export(tmp_path / output, ExportSettings(format))


def test_a_training_is_no_model(small: Artifacts, figures: KeypointDataset, tmp_path: Path) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    expected = f"simplebase dump {checkpoints / 'best.keras'} MODEL.keras"
    for path in (checkpoints / "state.npz", checkpoints, tmp_path / "run"):
        with pytest.raises(DataError, match=expected):
            Exporter(path, figures)


def test_everything_lies_in_one_folder_and_is_timed(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two formats stand for all: each of the others is converted in its own test.
    plan = [
        pair
        for pair in plan_all_formats(tmp_path, "m")
        if pair[0].format in ("mnn", "frozen-graph")
    ]
    monkeypatch.setattr("simplebase.export.all_formats.SECONDS", 0.1)
    done = {each.path.name: each for each in export_all(exporter, plan)}
    assert list(done) == ["m.mnn", "m_float16.mnn", "m_weights.mnn", "m_int8.mnn", "m.pb"]
    for name, each in done.items():
        if not each.problem:
            assert each.size == (tmp_path / name).stat().st_size
            assert set(each.latency) == {1, 2} and min(each.latency.values()) > 0
            assert each.device == each.to_config()["device"] == processor()
    sizes = [done[name].size for name in ("m.mnn", "m_float16.mnn", "m_weights.mnn")]
    assert sizes == sorted(sizes, reverse=True)  # type: ignore[type-var]
    with pytest.raises(OutputExistsError):
        export_all(exporter, plan)


def test_one_format_without_memory_does_not_end_the_others(
    exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = [pair for pair in plan_all_formats(tmp_path, "m") if pair[0].format == "mnn"][:2]

    def export(self: Exporter, path: Path, settings: ExportSettings, **rest: object) -> None:
        raise OutOfMemoryError("CPU:0", 16, "wait")

    def measure(paths: list[Path], **rest: object) -> None:
        raise OutOfMemoryError("GPU:0", 1, "wait")

    monkeypatch.setattr(Exporter, "export", export)
    monkeypatch.setattr("simplebase.export.all_formats.measure_models", measure)
    with pytest.warns(SimplebaseWarning, match="out of memory on GPU:0 at batch size 1: wait"):
        done = export_all(exporter, plan)
    for each in done:
        assert each.failed and not each.latency
        assert each.problem == "out of memory on CPU:0 at batch size 16: wait."


def test_the_names_of_all_files_differ() -> None:
    names = [path.name for _, path in plan_all_formats("x", "m")]
    assert len(names) == len(set(names)) == 13


def test_the_metadata_of_a_file_tells_its_outputs_its_cost_and_the_training_data(
    exporter: Exporter, small: Artifacts, tmp_path: Path
) -> None:
    exporter.export(tmp_path / "m.pb", ExportSettings("frozen-graph", outputs="both"))
    read = load_runtime(tmp_path / "m.pb").metadata
    assert isinstance(read, ModelMetadata)
    assert read.outputs == ("heatmaps", "keypoints")
    assert read.training_data == small.metadata.training_data
    assert read.cost == count_cost(exporter.model, read.input_size)
