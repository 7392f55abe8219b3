"""The second stage of a prediction: runs the model on crops and returns rows.

There is one row per object. The rows are stored as columns, which are NumPy arrays of length `n`:

| column | type | content |
|---|---|---|
| `path` | str | path of the image or video |
| `file` | str | the same, relative to the common folder of the inputs |
| `frame` | int64 | number of the video frame; -1 for images |
| `time` | float64 | time of the video frame in seconds; NaN for images |
| `image_id` | int64 | id in the COCO file or dataset; -1 if there is none |
| `annotation_id` | int64 | id of the labelled object there; -1 if there is none |
| `box` | float64 (n, 4) | x, y, width, height of the box that was cut out |
| `keypoints` | float32 (n, 2 K) | x, y of each keypoint in image pixels |
| `scores` | float32 (n, K) | score of each keypoint |
| `score` | float32 | mean of these scores |
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
    """The rows of a chunk.

    Args:
        part: number of the part that the chunk belongs to.
        number: index of the chunk in its part.
        is_last: whether it is the last chunk of its part.
        columns: the columns listed above.
        images: number of images and frames that were read.
        problems: images and frames that could not be read.
    """

    part: int
    number: int
    is_last: bool
    columns: Columns
    images: int
    problems: tuple[Problem, ...]


class PoseModel:
    """Finds the keypoints in crops.

    Args:
        runtime: the model.
        settings: the settings of the prediction.
        sha256: SHA-256 of the model file.

    Raises:
        ArgumentError: the model does not support the flip test or the decoding, see
            `PoseEstimator`.
    """

    def __init__(self, runtime: Runtime, settings: PredictionSettings, sha256: str) -> None:
        self._estimator = PoseEstimator(runtime, settings.decode, settings.flip_test, settings.fit)
        self._batch_size = settings.batch_size
        self._distinct = settings.detector is not None
        self._sha256 = sha256

    @property
    def metadata(self) -> ModelMetadata:
        """Metadata of the model."""
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
        """Returns the indices of the poses to keep: the best one of each object, as in the demo."""
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
        model: a model file of any format that `load_runtime` opens.
        settings: the settings of the prediction.
        sha256: SHA-256 of the file.
        threads: number of CPU threads. TensorFlow ignores it and shares its own threads among all
            models.

    Raises:
        SimplebaseError: see `load_runtime` and `PoseModel`.
    """
    if needs_tensorflow(model):
        threads = None
    return PoseModel(load_runtime(model, threads), settings, sha256)


def joined(parts: list[Columns]) -> Columns:
    """Concatenates tables; there must be at least one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
