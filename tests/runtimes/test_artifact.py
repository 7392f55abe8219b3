"""Layouts, number types and batches, on functions and graphs small enough to work out by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

from simplebase import Crop, HeatmapCodec, ModelMetadata, Skeleton
from simplebase.errors import DataError
from simplebase.metadata import write_metadata
from simplebase.runtimes import load_runtime
from simplebase.runtimes.artifact import ArtifactRuntime, Port

# Traces and converts small graphs: on one worker with the others.
pytestmark = pytest.mark.xdist_group("runtimes")

SIZE = (8, 12)
FLOAT_OUTPUT = Port("float32")
IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3), dtype=np.uint8)
# The top left pixel of each cell: what `corner` answers, whose K is 3, the colours.
CORNERS = IMAGES[:, ::4, ::4].astype(np.float32)


def metadata(size: tuple[int, int] = SIZE, keypoints: int = 3) -> ModelMetadata:
    names = tuple(f"keypoint_{index}" for index in range(keypoints))
    return ModelMetadata("corner", size, Crop(), HeatmapCodec(size), Skeleton("colours", names))


def corners(stored: np.ndarray) -> np.ndarray:
    return stored[:, ::4, ::4]


def runtime(
    input: Port,
    output: Port = FLOAT_OUTPUT,
    run: Callable[[np.ndarray], np.ndarray] = corners,
    size: tuple[int, int] = SIZE,
) -> ArtifactRuntime:
    def run_all(stored: np.ndarray) -> list[np.ndarray]:
        return [run(stored)]

    return ArtifactRuntime(Path("model.x"), metadata(size), input, [output], run_all)


FREE = (None, *SIZE, 3)


def test_quantised_pixels_and_heatmaps_are_what_scale_and_zero_point_say() -> None:
    seen = []

    def run(stored: np.ndarray) -> np.ndarray:
        seen.append(stored)
        return np.full((1, 2, 3, 3), 100, np.uint8)

    opened = runtime(Port("int8", FREE, 2.0, -100), Port("uint8", (), 0.01, 20), run)
    image = np.zeros((1, *SIZE, 3), np.uint8)
    image[0, 0, 0] = 0, 7, 255
    heatmaps = opened.predict(image)
    assert seen[-1].dtype == np.int8
    # 7 / 2 is rounded to the even 4. Of 255 / 2 - 100 nothing is cut off, as -128..127 has room.
    assert seen[-1][0, 0, 0].tolist() == [-100, -96, 28]
    np.testing.assert_allclose(heatmaps, 0.8, rtol=1e-6)


def test_pixels_beyond_the_stored_range_are_clipped() -> None:
    assert Port("int8", (), 1.0, 0).store(np.array([0, 127, 255])).tolist() == [0, 127, 127]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_pixels_are_themselves_where_nothing_is_said_of_a_scale(dtype: str) -> None:
    opened = runtime(Port(dtype, FREE))
    np.testing.assert_array_equal(opened.predict(IMAGES), CORNERS)


@pytest.mark.parametrize(
    ("input", "output", "message"),
    [
        (Port("int64", FREE), Port("float32"), "input is int64; expected float32, float16, uint8"),
        (Port("float32", FREE), Port("int32"), "output is int32; expected float32, float16, uint8"),
        (
            Port("int8", FREE),
            Port("float32"),
            "input is int8, but the file does not contain its sc",
        ),
        (
            Port("float32", FREE),
            Port("uint8"),
            "output is uint8, but the file does not contain its",
        ),
        (Port("float32"), Port("float32"), r"input is \(\), but .*model\.x\.json says images \(B"),
        (Port("float32", (1, 8, 12, 1)), Port("float32"), r"input is \(1, 8, 12, 1\), but"),
        (Port("float32", (1, 12, 8, 3)), Port("float32"), r"input is \(1, 12, 8, 3\), but"),
    ],
)
def test_ports_that_cannot_be_served_are_refused(input: Port, output: Port, message: str) -> None:
    with pytest.raises(DataError, match=rf"^model\.x: the model's {message}"):
        runtime(input, output)


def test_a_fixed_batch_is_filled_with_black_that_leaves_no_trace() -> None:
    seen = []

    def run(stored: np.ndarray) -> np.ndarray:
        seen.append(stored)
        return corners(stored)

    opened = runtime(Port("float32", (3, *SIZE, 3)), run=run)
    del seen[:]
    np.testing.assert_array_equal(opened.predict(IMAGES), CORNERS)
    assert [len(stored) for stored in seen] == [3, 3]
    np.testing.assert_array_equal(np.concatenate(seen)[:5], IMAGES)
    assert not seen[1][2].any()


def test_a_free_batch_takes_all_at_once() -> None:
    seen = []

    def run(stored: np.ndarray) -> np.ndarray:
        seen.append(len(stored))
        return corners(stored)

    runtime(Port("float32", FREE), run=run).predict(IMAGES)
    assert seen == [1, 5]


@pytest.mark.parametrize("input_first", [False, True])
@pytest.mark.parametrize("output_first", [False, True])
def test_either_layout_is_told_by_the_shapes(input_first: bool, output_first: bool) -> None:
    def run(stored: np.ndarray) -> np.ndarray:
        images = np.moveaxis(stored, 1, -1) if input_first else stored
        answer = images[:, ::4, ::4]
        return np.moveaxis(answer, -1, 1) if output_first else answer

    shape = (1, 3, *SIZE) if input_first else (1, *SIZE, 3)
    found = runtime(Port("float32", shape), run=run).predict(IMAGES)
    np.testing.assert_array_equal(found, CORNERS)


@pytest.mark.parametrize("first", [False, True])
def test_heatmaps_of_k_by_k_have_the_layout_of_the_input(first: bool) -> None:
    size = (12, 12)
    images = np.random.default_rng(1).integers(0, 256, (2, *size, 3), dtype=np.uint8)

    def run(stored: np.ndarray) -> np.ndarray:
        return stored[:, :, ::4, ::4] if first else stored[:, ::4, ::4]

    shape = (1, 3, *size) if first else (1, *size, 3)
    found = runtime(Port("float32", shape), run=run, size=size).predict(images)
    np.testing.assert_array_equal(found, images[:, ::4, ::4])


def test_an_answer_for_another_number_of_images_is_refused() -> None:
    with pytest.raises(DataError, match=r"output is \(1, 2, 3, 3\), but"):
        runtime(Port("float32", (3, *SIZE, 3)), run=lambda stored: np.zeros((1, 2, 3, 3)))


def write_onnx(
    path: Path, input_type: int, output_type: int = TensorProto.FLOAT, outputs: int = 1
) -> Path:
    """A graph that answers `corner`, for any number of images."""
    cut = {
        "starts": np.array([0, 0]),
        "ends": np.array(SIZE),
        "axes": np.array([1, 2]),
        "steps": np.array([4, 4]),
    }
    names = [f"heatmaps_{index}" for index in range(outputs)]
    nodes = [helper.make_node("Slice", ["images", *cut], ["cut"])]
    nodes += [helper.make_node("Cast", ["cut"], [name], to=output_type) for name in names]
    graph = helper.make_graph(
        nodes,
        "corner",
        [helper.make_tensor_value_info("images", input_type, ["batch", *SIZE, 3])],
        [helper.make_tensor_value_info(name, output_type, None) for name in names],
        [numpy_helper.from_array(value, name) for name, value in cut.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    write_metadata(path, metadata())
    return path


@pytest.mark.parametrize("output", ["FLOAT", "FLOAT16"])
@pytest.mark.parametrize("input", ["FLOAT", "FLOAT16", "UINT8"])
def test_onnx_of_every_number_type_runs(input: str, output: str, tmp_path: Path) -> None:
    types = (getattr(TensorProto, name) for name in (input, output))
    found = load_runtime(write_onnx(tmp_path / "corner.onnx", *types)).predict(IMAGES)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, CORNERS)


def test_onnx_of_another_number_type_is_refused(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "corner.onnx", TensorProto.DOUBLE)
    with pytest.raises(DataError, match=r"input is tensor\(double\); expected float32"):
        load_runtime(path)


def test_a_model_of_two_outputs_is_refused(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "corner.onnx", TensorProto.FLOAT, outputs=2)
    with pytest.raises(
        DataError, match=r"outputs are \(1, 2, 3, 3\) and \(1, 2, 3, 3\), but .* says"
    ):
        load_runtime(path)


POINTS = np.arange(45, dtype=np.float32).reshape(5, 3, 3)


@pytest.mark.parametrize("points_first", [False, True])
def test_heatmaps_and_keypoints_are_told_apart_whatever_their_order(points_first: bool) -> None:
    def run(stored: np.ndarray) -> list[np.ndarray]:
        answers = [corners(stored), POINTS[: len(stored)]]
        return answers[::-1] if points_first else answers

    both = replace(metadata(), outputs=("heatmaps", "keypoints"))
    port = Port("float32", FREE)
    opened = ArtifactRuntime(Path("model.x"), both, port, [FLOAT_OUTPUT, FLOAT_OUTPUT], run)
    heatmaps, keypoints = opened.predict_all(IMAGES)
    np.testing.assert_array_equal(heatmaps, CORNERS)
    np.testing.assert_array_equal(keypoints, POINTS)
    np.testing.assert_array_equal(opened.predict(IMAGES), CORNERS)
    assert [answer.shape for answer in opened.predict_all(IMAGES[:0])] == [(0, 2, 3, 3), (0, 3, 3)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 3, 3), r"outputs are \(1, 2, 3, 3\), but .* says keypoints"),
        ((1, 4, 3), r"keypoints are \(1, 4, 3\), but .* says \(1, 3, 3\)"),
    ],
)
def test_keypoints_that_are_not_what_the_metadata_says_are_refused(
    shape: tuple[int, ...], message: str
) -> None:
    points = replace(metadata(), outputs=("keypoints",))
    port = Port("float32", FREE)
    with pytest.raises(DataError, match=message):
        ArtifactRuntime(
            Path("model.x"), points, port, [FLOAT_OUTPUT], lambda stored: [np.zeros(shape)]
        )


def test_litert_of_a_free_batch_takes_any_number(tmp_path: Path) -> None:
    layer = keras.layers.AveragePooling2D(4)
    model = keras.Sequential([keras.Input((*SIZE, 3)), layer])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, [tf.TensorSpec((None, *SIZE, 3), tf.float32)])
    archive.write_out(tmp_path / "free", verbose=False)
    path = tmp_path / "free.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "free")).convert())
    write_metadata(path, metadata())
    opened = load_runtime(path)
    expected = IMAGES.reshape(5, 2, 4, 3, 4, 3).mean(axis=(2, 4))
    for count in (1, 5, 3):
        np.testing.assert_allclose(opened.predict(IMAGES[:count]), expected[:count], rtol=1e-5)
