"""Every format with every quantization answers as the model does, and says what it is."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tensorflow as tf
from artifacts import SIZE, Artifacts

from simplebase.errors import ArgumentError
from simplebase.export.export_settings import FORMATS, ExportSettings
from simplebase.export.graph import ExportGraph
from simplebase.extras import import_with_extras
from simplebase.files import stored_bytes
from simplebase.metadata import METADATA_KEY, metadata_file, write_metadata
from simplebase.runtimes import load_runtime
from simplebase.runtimes.artifact import ArtifactRuntime
from simplebase.version import __version__

# Converts; on one worker with the runtimes' tests, which do.
pytestmark = pytest.mark.xdist_group("runtimes")

# Largest difference of heatmaps between 0 and 1. Measured, in this order: 1e-6, 2e-3, 6e-3, 1.1e-2,
# 0.11 (MNN; TFLite 0.024).
TOLERANCES = {"none": 1e-5, "float16": 5e-3, "dynamic": 2e-2, "weights": 2e-2, "int8": 0.2}


# As an `Exporter`, all files of the same outputs share a graph.
graph_of = functools.cache(ExportGraph)


def write(artifacts: Artifacts, folder: Path, settings: ExportSettings) -> Path:
    form = FORMATS[settings.format]
    path = folder / f"model{form.suffix}"
    graph = graph_of(artifacts.model, settings.output_names)
    writer = import_with_extras(f"simplebase.export.{form.module}")
    writer.write(graph, path, settings, artifacts.images)
    write_metadata(path, graph.metadata)
    return path


def answers(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    runtime = load_runtime(path)
    assert isinstance(runtime, ArtifactRuntime)
    return dict(zip(runtime.metadata.outputs, runtime.predict_all(images), strict=True))


CASES = [
    (name, quantization, outputs)
    for name, form in FORMATS.items()
    for quantization in form.quantizations
    # Of the others, keypoints alone are a part of both.
    for outputs in (("heatmaps", "keypoints") if quantization == "int8" else ("both",))
    if (name, quantization, outputs) != ("mnn", "int8", "keypoints")
]


@pytest.mark.parametrize(("name", "quantization", "outputs"), CASES)
def test_answers_are_those_of_the_model(
    small: Artifacts, tmp_path: Path, name: Any, quantization: Any, outputs: Any
) -> None:
    path = write(small, tmp_path, ExportSettings(name, quantization, outputs))
    found = answers(path, small.images)
    if "heatmaps" in found:
        difference = np.abs(found["heatmaps"] - small.heatmaps)
        assert difference.max() < TOLERANCES[quantization]
    if "keypoints" in found:
        points, scores = small.metadata.codec.decode(small.heatmaps)
        apart = np.abs(found["keypoints"][..., :2] - points)
        assert np.median(apart) < (0.5 if quantization == "int8" else 0.01)
        assert np.abs(found["keypoints"][..., 2] - scores).max() < TOLERANCES[quantization]


@pytest.mark.parametrize("quantization", ["none", "int8"])
@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_a_file_without_its_sidecar_knows_what_it_is(
    small: Artifacts, tmp_path: Path, name: Any, quantization: Any
) -> None:
    path = write(small, tmp_path, ExportSettings(name, quantization))
    expected = json.loads(metadata_file(path).read_text())
    assert expected["version"] == __version__
    metadata_file(path).unlink()
    assert load_runtime(path).metadata == small.metadata
    if name == "onnx":
        props = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        del expected["sha256"]  # a file cannot hold its own
        assert json.loads(props[METADATA_KEY]) == expected


def test_int8_tflite_takes_and_gives_uint8_but_decodes_in_floats(
    small: Artifacts, tmp_path: Path
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    def types(outputs: Any) -> tuple[list[type], list[type], set[type]]:
        folder = tmp_path / outputs
        folder.mkdir()
        interpreter = Interpreter(
            str(write(small, folder, ExportSettings("litert", "int8", outputs)))
        )
        interpreter.allocate_tensors()
        ends = [interpreter.get_input_details(), interpreter.get_output_details()]
        # A caller puts in the pixels as they are.
        assert ends[0][0]["quantization"] == (pytest.approx(1, abs=1e-6), 0)
        decoding = {
            details["dtype"]
            for details in interpreter.get_tensor_details()
            if "decoding" in details["name"]
        }
        inputs, outputs = ([each["dtype"] for each in end] for end in ends)
        return inputs, outputs, decoding

    assert types("heatmaps") == ([np.uint8], [np.uint8], set())
    inputs, outputs, decoding = types("keypoints")
    assert (inputs, outputs) == ([np.uint8], [np.float32])
    assert np.float32 in decoding and not decoding & {np.int8, np.uint8, np.int16}


@pytest.mark.parametrize("quantization", ["none", "weights", "int8"])
def test_buffers_of_tflite_begin_at_multiples_of_16_bytes(
    small: Artifacts, tmp_path: Path, quantization: Any
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = write(small, tmp_path, ExportSettings("litert", quantization)).read_bytes()
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    model = schema.Model.GetRootAs(content)
    places = [
        model.Buffers(index).DataAsNumpy().__array_interface__["data"][0] - start
        for index in range(model.BuffersLength())
        if model.Buffers(index).DataLength()
    ]
    assert len(places) > 5 and not any(place % 16 for place in places)


@pytest.mark.parametrize("quantization", ["none", "float16", "int8"])
def test_tflite_upsamples_by_an_operation_that_gpus_have(
    small: Artifacts, tmp_path: Path, quantization: Any
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = write(small, tmp_path, ExportSettings("litert", quantization)).read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content)
    used = [
        model.operatorCodes[operator.opcodeIndex].builtinCode
        for operator in model.subgraphs[0].operators
    ]
    names = schema.BuiltinOperator
    # One for each block of the head.
    assert used.count(names.RESIZE_NEAREST_NEIGHBOR) == 3 and names.TILE not in used


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_onnx_has_the_opset_the_batch_and_the_names_that_were_asked_for(
    small: Artifacts, tmp_path: Path, quantization: Any
) -> None:
    settings = ExportSettings("onnx", quantization, "both", free_batch=True, opset=17)
    model = onnx.load(write(small, tmp_path, settings))
    assert {entry.version for entry in model.opset_import if not entry.domain} == {17}
    assert {value.name for value in model.graph.output} == {"heatmaps", "keypoints"}
    [images] = model.graph.input
    assert images.name == "images"
    batch, *sides = images.type.tensor_type.shape.dim
    assert batch.dim_value == 0 and [side.dim_value for side in sides] == [*SIZE, 3]
    dtype = onnx.TensorProto.UINT8 if quantization == "int8" else onnx.TensorProto.FLOAT
    assert images.type.tensor_type.elem_type == dtype


def test_a_saved_model_holds_every_variable_once(small: Artifacts, tmp_path: Path) -> None:
    folder = write(small, tmp_path, ExportSettings("saved-model"))
    [data] = (folder / "variables").glob("*.data-*")
    floats = sum(variable.value.numpy().nbytes for variable in small.model.variables)
    assert floats <= data.stat().st_size < 1.1 * floats + 100_000


def test_others_may_read_a_saved_model_as_any_new_folder(small: Artifacts, tmp_path: Path) -> None:
    folder = write(small, tmp_path, ExportSettings("saved-model"))
    (tmp_path / "new").mkdir()
    assert folder.stat().st_mode == (tmp_path / "new").stat().st_mode


def test_the_results_of_a_frozen_graph_have_names(small: Artifacts, tmp_path: Path) -> None:
    path = write(small, tmp_path, ExportSettings("frozen-graph", outputs="both"))
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    consumed = {name.split(":")[0] for node in definition.node for name in node.input}
    ends = {node.name for node in definition.node} - consumed
    assert {"heatmaps", "keypoints"} <= ends


@pytest.mark.parametrize("format", ["litert", "onnx", "mnn", "saved-model"])
def test_a_file_is_the_same_however_many_came_before(
    small: Artifacts, tmp_path: Path, format: Any
) -> None:
    sizes = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        sizes.append(stored_bytes(write(small, tmp_path / name, ExportSettings(format))))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "tflite"}, r"format must be one of litert \(\.tflite\), onnx"),
        ({"format": "onnx", "quantization": "float16"}, "onnx has the quantizations none, int8"),
        ({"format": "litert", "quantization": "int4"}, "quantization must be one of none, float16"),
        (
            {"format": "litert", "outputs": "boxes"},
            "outputs must be one of heatmaps, keypoints, both",
        ),
        ({"format": "onnx", "opset": 19}, "opset must be from 13 to 18. Received: 19"),
        ({"format": "litert", "free_batch": True}, "a litert file takes one image at a time"),
        (
            {"format": "mnn", "quantization": "int8", "outputs": "both"},
            "an int8 MNN file can only return heatmaps",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ExportSettings(**settings)
