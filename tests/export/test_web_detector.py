"""The detector of a page: its translation, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from simplebase.demo.finding.detector import STRIDES, letterboxed
from simplebase.errors import DataError, ParityError
from simplebase.export.web import SiteDetector
from simplebase.export.web.yolox import tflite_of
from simplebase.images import read_image

SIDE = 64
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)


@pytest.fixture(scope="module")
def detector(shared: Path) -> SiteDetector:
    return SiteDetector(shared / "weights" / "yolox_nano.onnx")


@pytest.fixture(scope="module")
def image(shared: Path) -> np.ndarray:
    return read_image(shared / "data" / "people" / "ride.jpg")


class Page:
    """A page that finds the same boxes but `missing`, moved by `shift` of their width."""

    def __init__(self, detector: SiteDetector, missing: int = 0, shift: float = 0.0) -> None:
        self._detector, self._missing, self._shift = detector, missing, shift

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = self._detector._onnx.detect(image)
        boxes = boxes[self._missing :].copy()
        boxes[:, 0] += self._shift * boxes[:, 2]
        return boxes, scores[self._missing :]


def test_a_detector_is_translated_and_compared(
    detector: SiteDetector, image: np.ndarray, tmp_path: Path
) -> None:
    settings = detector.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"detector.tflite", "detector.js"}
    assert settings["size"] == [416, 416] and settings["category"] == 0
    # Half of the ONNX file, which is 3.7 MB.
    assert settings["bytes"] == (tmp_path / "detector.tflite").stat().st_size < 1_950_000
    detector.check_file(tmp_path, [image])


def test_a_detector_that_answers_otherwise_is_refused(
    detector: SiteDetector, image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector.write(tmp_path)
    expected = detector._onnx.rows(letterboxed(image, (416, 416))[0])
    for change in (expected * [*[1] * 4, 0.9, *[1] * 80], expected + np.nan):
        monkeypatch.setattr(detector._onnx, "rows", lambda tensor, rows=change: rows)
        with pytest.raises(ParityError, match=r"the detector's scores differ by (0\.\d+|nan)"):
            detector.check_file(tmp_path, [image])


def test_boxes_that_only_the_page_or_only_the_file_finds_are_told(
    detector: SiteDetector, image: np.ndarray
) -> None:
    detector.check_page(Page(detector), [image])
    detector.check_page(Page(detector, shift=0.02), [image])
    for page, missing in ((Page(detector, missing=2), 2), (Page(detector, shift=0.3), 4)):
        with pytest.raises(ParityError, match=f"{missing} of the boxes of the detector differ"):
            detector.check_page(page, [image])


def test_a_file_of_other_operations_is_refused_by_name(tmp_path: Path) -> None:
    answer = numpy_helper.from_array(np.zeros((1, CELLS, 7), np.float32), "rows")
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["output"], value=answer)],
        "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, (1, CELLS, 7))],
    )
    opset = helper.make_opsetid("", 13)
    path = tmp_path / "d.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    with pytest.raises(DataError, match=r"d\.onnx cannot run in a page.* the operation Constant"):
        tflite_of(path)
