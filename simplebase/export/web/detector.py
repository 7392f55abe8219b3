"""The detector of a page: its files, and their comparison with the ONNX file."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.image_store import decode_stored
from simplebase.demo.finding.boxes import overlap
from simplebase.errors import ParityError
from simplebase.export.web.content import DETECTOR_MODEL, DETECTOR_SCRIPT
from simplebase.extras import import_with_extras
from simplebase.files import file_sha256

_IMAGES = 8
_SCORE = 0.02
"""Largest difference of scores: float16 weights, and a share that browsers add."""
_PIXELS = 1.0
"""Largest difference of a box's edges, in pixels of the detector's input."""
_OVERLAP = 0.9
"""Least overlap of a box of the page with that of the ONNX file."""
_SURE = 0.05
"""Boxes whose scores are closer to the least score than this may be missing from the page."""


class Finds(Protocol):
    """Finds boxes as `Detector.detect` does."""

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns boxes `(n, 4)` and scores `(n,)`."""


class SiteDetector:
    """A YOLOX detector for a page.

    Args:
        path: an `.onnx` file, see `Detector`.
        category: number of the class to find; 0 is a person in COCO.

    Raises:
        MissingFileError: `path` is not a file.
        MissingPackageError: ONNX or LiteRT is not installed.
        DataError: it is not a YOLOX detector that can be translated, or does not have the class.
    """

    def __init__(self, path: str | os.PathLike[str], category: int = 0) -> None:
        finding = import_with_extras("simplebase.demo.finding.detector")
        self._onnx = finding.Detector(path, category=category)
        self._letterboxed = finding.letterboxed
        self._content: bytes = import_with_extras("simplebase.export.web.yolox").tflite_of(path)

    def write(self, folder: Path) -> dict[str, Any]:
        """Writes `DETECTOR_FILES`, and returns the settings for the page."""
        path = folder / DETECTOR_MODEL
        path.write_bytes(self._content)
        script = files("simplebase.export.web").joinpath("page").joinpath(DETECTOR_SCRIPT)
        (folder / DETECTOR_SCRIPT).write_bytes(script.read_bytes())
        return {
            "size": list(self._onnx.size),
            "category": self._onnx.category,
            "min_score": self._onnx.min_score,
            "max_overlap": self._onnx.max_overlap,
            "bytes": path.stat().st_size,
            "sha256": file_sha256(path),
        }

    def check_file(self, folder: Path, images: list[np.ndarray]) -> None:
        """Compares the written file in this machine's LiteRT with the ONNX file.

        Raises:
            ParityError: scores or boxes differ.
        """
        litert = import_with_extras("ai_edge_litert.interpreter")
        interpreter = litert.Interpreter(model_path=str(folder / DETECTOR_MODEL), num_threads=1)
        interpreter.allocate_tensors()
        [source], [answer] = interpreter.get_input_details(), interpreter.get_output_details()
        for image in images:
            tensor, _ = self._letterboxed(image, self._onnx.size)
            interpreter.set_tensor(source["index"], tensor.transpose(0, 2, 3, 1).copy())
            interpreter.invoke()
            rows, expected = interpreter.get_tensor(answer["index"])[0], self._onnx.rows(tensor)
            scores = self._onnx.scores(expected)
            apart = float(abs(self._onnx.scores(rows) - scores).max())
            sure = np.flatnonzero(scores >= self._onnx.min_score)
            boxes = [self._onnx.decoded(each[sure], sure) for each in (rows, expected)]
            pixels = float(abs(boxes[0] - boxes[1]).max(initial=0.0))
            # NaN is below no limit.
            if not (apart <= _SCORE and pixels <= _PIXELS):
                raise ParityError(
                    f"the detector's scores differ by {apart:.3f} from those of its ONNX file "
                    f"(limit {_SCORE}) and its boxes by {pixels:.2f} pixels (limit {_PIXELS:g})",
                    None,
                )

    def check_page(self, page: Finds, images: list[np.ndarray]) -> None:
        """Compares the boxes that the page finds with those of the ONNX file.

        Raises:
            ParityError: one finds a box that the other does not find.
        """
        for image in images:
            boxes, scores = page.detect(image)
            others, other_scores = self._onnx.detect(image)
            missing = _without_match(boxes, scores, others, self._onnx.min_score)
            missing += _without_match(others, other_scores, boxes, self._onnx.min_score)
            if missing:
                raise ParityError(
                    f"{missing} of the boxes of the detector differ between the page and its ONNX "
                    "file",
                    None,
                )


def detector_images(dataset: KeypointDataset) -> list[np.ndarray]:
    """Returns a few images of a dataset, each once."""
    _, rows = np.unique(dataset.records.paths, return_index=True)
    return [decode_stored(dataset.images, row) for row in np.sort(rows)[:_IMAGES].tolist()]


def _without_match(
    boxes: np.ndarray, scores: np.ndarray, others: np.ndarray, min_score: float
) -> int:
    """Returns how many of the boxes overlap none of the others as they should."""
    boxes = boxes[scores >= min_score + _SURE]
    if len(boxes) == 0 or len(others) == 0:
        return len(boxes)
    return int((overlap(boxes, others).max(axis=1) < _OVERLAP).sum())
