"""The second stage of a prediction: the model, and rows of what it finds.

Rows are columns, NumPy arrays of one length `n`, one row an object:

| column | type | what |
|---|---|---|
| `path` | str | of the image or video |
| `file` | str | the same relative to the inputs' common folder |
| `frame` | int64 | number of a video's frame; -1 of images |
| `time` | float64 | seconds of a video's frame; NaN of images |
| `image_id` | int64 | of a COCO file or dataset; -1 elsewhere |
| `annotation_id` | int64 | the same of the labelled object |
| `box` | float64 (n, 4) | x, y, width, height: where it was looked |
| `keypoints` | float32 (n, 2 K) | x, y of each keypoint in pixels of the image |
| `scores` | float32 (n, K) | of each keypoint |
| `score` | float32 | their mean |
| `model` | str | SHA-256 of the model file |
"""

import os
from dataclasses import dataclass

import numpy as np

from simplebase.demo.estimation import best_of_duplicates
from simplebase.devices import SMALLER_BATCH, explaining_out_of_memory
from simplebase.equality import ArrayEquality
from simplebase.inference import PoseEstimator
from simplebase.metadata import ModelMetadata
from simplebase.prediction.crops import Crops, Problem
from simplebase.prediction.settings import PredictionSettings
from simplebase.runtimes import Runtime, load_runtime, needs_tensorflow

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Rows(ArrayEquality):
    """What was found in a chunk.

    Args:
        part: number of the chunk's part.
        number: place of the chunk in the part.
        is_last: whether it is the part's last one.
        columns: see above.
        images: images and frames that were looked at.
        problems: those that could not be.
    """

    part: int
    number: int
    is_last: bool
    columns: Columns
    images: int
    problems: tuple[Problem, ...]


class PoseModel:
    """Crops to rows.

    Args:
        runtime: of the model.
        settings: how it is asked.
        sha256: of the model.

    Raises:
        ArgumentError: a flip test or decoding that the model does not have, see `PoseEstimator`.
    """

    def __init__(self, runtime: Runtime, settings: PredictionSettings, sha256: str) -> None:
        self._estimator = PoseEstimator(runtime, settings.decode, settings.flip_test, settings.fit)
        self._batch_size = settings.batch_size
        self._distinct = settings.detector is not None
        self._sha256 = sha256

    @property
    def metadata(self) -> ModelMetadata:
        """Of the model."""
        return self._estimator.runtime.metadata

    def __call__(self, crops: Crops) -> Rows:
        """Finds the keypoints in all crops.

        Raises:
            OutOfMemoryError: the device cannot hold a batch.
        """
        count = len(crops.boxes)
        points = self.metadata.skeleton.num_keypoints
        keypoints = np.zeros((count, points, 3), np.float32)
        for start in range(0, count, self._batch_size):
            stop = min(start + self._batch_size, count)
            with explaining_out_of_memory(stop - start, SMALLER_BATCH):
                keypoints[start:stop] = self._estimator.keypoints(
                    crops.images[start:stop], crops.matrices[start:stop]
                )
        kept = self._kept(keypoints, crops) if self._distinct else slice(None)
        found = keypoints[kept]
        columns: Columns = {
            "path": np.array(crops.paths, object)[kept],
            "file": np.array(crops.files, object)[kept],
            "frame": crops.frames[kept],
            "time": crops.times[kept],
            "image_id": crops.image_ids[kept],
            "annotation_id": crops.annotation_ids[kept],
            "box": crops.boxes[kept],
            "keypoints": np.ascontiguousarray(found[..., :2]).reshape(len(found), 2 * points),
            "scores": np.ascontiguousarray(found[..., 2]),
            "score": found[..., 2].mean(axis=1, dtype=np.float32),
        }
        columns["model"] = np.full(len(found), self._sha256, object)
        return Rows(
            crops.part, crops.number, crops.is_last, columns, len(crops.counts), crops.problems
        )

    def _kept(self, keypoints: np.ndarray, crops: Crops) -> np.ndarray:
        """Indices of the poses that stay: of several of one object the best, as in the demo."""
        kept: list[int] = []
        start = 0
        for count in crops.counts:
            rows = np.arange(start, start + count)
            best = best_of_duplicates(keypoints[rows], crops.boxes[rows], self.metadata.skeleton)
            kept.extend(rows[best].tolist())
            start += count
        return np.array(kept, int)


def open_model(
    model: str | os.PathLike[str],
    settings: PredictionSettings,
    sha256: str,
    threads: int | None = None,
) -> PoseModel:
    """Opens a model file.

    Args:
        model: of any format that `load_runtime` opens.
        settings: how it is asked.
        sha256: of the file.
        threads: of the CPU. TensorFlow, which shares its own among all, does not look at it.

    Raises:
        SimplebaseError: as `load_runtime` and `PoseModel`.
    """
    if needs_tensorflow(model):
        threads = None
    return PoseModel(load_runtime(model, threads), settings, sha256)


def joined(parts: list[Columns]) -> Columns:
    """Several tables under each other; at least one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
