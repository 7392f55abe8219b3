"""The YOLOX detector: its decoding, what it finds, and files that are none."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from coloured_dots import frame
from onnx import TensorProto, helper, numpy_helper

from simplebase import read_image
from simplebase.demo.finding.detector import STRIDES, Detector, letterboxed, suppressed
from simplebase.errors import DataError, MissingFileError

SIDE = 64
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)


def write(path: Path, rows: np.ndarray, input_shape: Any = (1, 3, SIDE, SIDE)) -> Path:
    """A model that answers `(1, A, 5 + classes)` rows, whatever it sees."""
    answer = numpy_helper.from_array(rows.astype(np.float32), "rows")
    node = helper.make_node("Constant", [], ["output"], value=answer)
    graph = helper.make_graph(
        [node],
        "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, rows.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def rows(*found: tuple[int, list[float]], classes: int = 2) -> np.ndarray:
    answer = np.zeros((1, CELLS, 5 + classes))
    for cell, values in found:
        answer[0, cell] = values
    return answer


def test_a_cells_answer_is_decoded_by_hand(tmp_path: Path) -> None:
    # Cell 8 * 8 + 4 * 1 + 2 is row 1, column 2 of the grid of stride 16.
    cell = 64 + 4 * 1 + 2
    values = [0.5, 0.25, np.log(2), np.log(1.5), 0.9, 0.8, 0.1]
    path = write(tmp_path / "d.onnx", rows((cell, values)))
    # The image is twice as large as the input.
    boxes, scores = Detector(path).detect(np.zeros((128, 128, 3), np.uint8))
    center, sides = np.array([2.5, 1.25]) * 16, np.array([2, 1.5]) * 16
    np.testing.assert_allclose(boxes, [[*(2 * (center - sides / 2)), *(2 * sides)]], rtol=1e-6)
    np.testing.assert_allclose(scores, [0.72], rtol=1e-6)


def test_another_class_may_be_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "d.onnx", rows((0, [0.5, 0.5, 1, 1, 1.0, 0.0, 0.9])))
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert len(Detector(path).detect(image)[0]) == 0
    assert len(Detector(path, category=1).detect(image)[0]) == 1
    with pytest.raises(DataError, match="has 2 classes, numbered from 0. Received: 2"):
        Detector(path, category=2)


def test_cells_that_are_sure_of_nothing_may_answer_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "d.onnx", rows((3, [1e9, -1e9, 1e9, 1e9, 1.0, 1.0, 0.0])))
    boxes, _ = Detector(path).detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert np.isfinite(boxes).all()


def test_of_overlapping_boxes_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 10, 10], [6, 0, 10, 10]], float)
    kept = suppressed(boxes, np.array([0.5, 0.9, 0.3, 0.4]), 0.45)
    # The third overlaps nothing, the fourth the second by 5 / 15.
    assert kept.tolist() == [1, 3, 2]


@pytest.mark.parametrize("shape", [(100, 40), (40, 100), (1, 300), (64, 64)])
def test_an_image_is_fitted_into_the_corner_in_bgr(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    image[..., 0] = 200
    tensor, magnification = letterboxed(image, (SIDE, SIDE))
    assert tensor.shape == (1, 3, SIDE, SIDE) and tensor.dtype == np.float32
    height, width = (max(1, round(side * magnification)) for side in shape)
    assert max(height, width) == SIDE
    assert (tensor[0, :, :height, :width] == np.array([0, 0, 200])[:, None, None]).all()
    tensor[0, :, :height, :width] = 114
    assert (tensor == 114).all()


def test_a_file_that_is_no_onnx_is_told(tmp_path: Path) -> None:
    (tmp_path / "d.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match="d.onnx is not a detector, because it is not an ONNX file"):
        Detector(tmp_path / "d.onnx")


def test_a_missing_detector_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="the detector does not exist"):
        Detector(tmp_path / "d.onnx")


@pytest.mark.parametrize(
    ("answer", "input_shape", "message"),
    [
        (rows(), (1, SIDE, SIDE, 3), "expected one input"),
        (rows(), (1, 3, 50, 64), "multiples of 32. It has"),
        (rows()[:, :-1], (1, 3, SIDE, SIDE), f"expected one output \\(1, {CELLS}, 5"),
        (np.zeros((1, 16, 16, 14)), (1, 3, SIDE, SIDE), "expected one output"),
        (rows()[..., :5], (1, 3, SIDE, SIDE), "expected one output"),
    ],
    ids=["channels last", "odd size", "fewer cells", "heatmaps", "no classes"],
)
def test_an_onnx_file_that_is_no_detector_is_told(
    tmp_path: Path, answer: np.ndarray, input_shape: Any, message: str
) -> None:
    path = write(tmp_path / "d.onnx", answer, input_shape)
    with pytest.raises(DataError, match=f"d.onnx is not a YOLOX detector: .*{message}"):
        Detector(path)


def test_a_real_detector_finds_the_people_of_real_photographs(shared: Path) -> None:
    detector = Detector(shared / "weights" / "yolox_nano.onnx")
    image = read_image(shared / "data" / "people" / "fitness.jpg")
    boxes, scores = detector.detect(image)
    assert len(boxes) == 1 and scores[0] > 0.8
    # By eye: from his hair at 5 to his shoes at 620, from one hand at 215 to the other at 435.
    np.testing.assert_allclose(boxes[0], [215, 3, 220, 620], atol=20)
    assert detector(frame(image)) == [tuple(boxes[0])]


def test_a_real_detector_finds_nobody_in_an_empty_picture(shared: Path) -> None:
    detector = Detector(shared / "weights" / "yolox_nano.onnx")
    boxes, scores = detector.detect(np.full((300, 500, 3), 128, np.uint8))
    assert boxes.shape == (0, 4) and scores.shape == (0,)
