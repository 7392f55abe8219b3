"""Compares the results of an exported file with those of its model.

Both run on the processor, because GPUs do not compute with full float32 precision, see
`on_processor`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.devices import explaining_out_of_memory, on_processor
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError
from simplebase.evaluation import mean_pck
from simplebase.export.export_settings import Quantization
from simplebase.export.samples import Samples
from simplebase.inference import decoded, to_image
from simplebase.metadata import ModelMetadata
from simplebase.runtimes import Runtime

DEFAULT_TOLERANCE = 0.02
"""The loss of PCK that 8-bit files may have."""

_SCORE_OF_A_FIND = 0.1
"""Score below which the model has not found a keypoint."""

_BATCH = 16
_ADVICE = "close what else uses its memory"


class Comparable(Protocol):
    """An exported model that runs, such as an `ArtifactRuntime`."""

    metadata: ModelMetadata

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        """Maps `(B, H, W, 3)` uint8 RGB to all of `metadata.outputs`, float32."""


@dataclass(frozen=True)
class Limits:
    """The largest differences that a file may have; None for no limit.

    Args:
        heatmap_max: largest difference of any heatmap cell, or of a score if the file decodes.
        heatmap_p999: 99.9th percentile of the cells' differences. float16 rounds every cell
            differently, so among millions of cells the worst is not representative.
        distance: median distance of keypoints in input pixels.
        pck: loss of PCK.
    """

    heatmap_max: float | None = None
    heatmap_p999: float | None = None
    distance: float | None = None
    pck: float | None = None


def limits_of(quantization: Quantization, tolerance: float = DEFAULT_TOLERANCE) -> Limits:
    """Returns the limits of a quantization; `tolerance` is the loss of PCK for 8-bit files.

    Raises:
        ArgumentError: `tolerance` is not between 0 and 1.
    """
    if not 0 <= tolerance <= 1:
        raise ArgumentError(f"tolerance must be a loss of PCK from 0 to 1. Received: {tolerance}.")
    if quantization == "none":
        return Limits(heatmap_max=1e-4, distance=0.05)
    if quantization == "float16":
        return Limits(heatmap_max=0.1, heatmap_p999=0.02, distance=0.1)
    return Limits(pck=tolerance)


@dataclass(frozen=True)
class Parity:
    """The comparison of a file and its model on the same images.

    Args:
        images: number of images.
        heatmap_max: largest difference of any cell; None for a file without heatmaps.
        heatmap_p999: 99.9th percentile of the cells' differences; None likewise.
        heatmap_mean: mean absolute difference of the cells; None likewise.
        score_max: largest difference of a keypoint's score.
        distance_median: median distance of keypoints in input pixels.
        distance_p99: 99th percentile of these distances.
        model_pck: PCK@0.5 of the model, see `mean_pck`.
        file_pck: PCK@0.5 of the file; the lower one if it returns heatmaps and keypoints.
        labelled: True if PCK uses the images' labels. If False, it uses the keypoints of which the
            model itself is most confident, see `Reference`, so the model's PCK is 1.
        limits: the limits of the differences.
        found: `(N, K, 3)` keypoints of the file: x, y in input pixels, and score. If it returns
            heatmaps and keypoints, those that it decodes itself.
    """

    images: int
    heatmap_max: float | None
    heatmap_p999: float | None
    heatmap_mean: float | None
    score_max: float
    distance_median: float
    distance_p99: float
    model_pck: float
    file_pck: float
    labelled: bool
    limits: Limits
    found: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def faults(self) -> list[str]:
        """The differences that exceed the limits, in words."""
        found = []
        limits = self.limits
        if _exceeds(self.heatmap_max, limits.heatmap_max):
            found.append(
                f"heatmaps differ by up to {self.heatmap_max:.2g}, beyond {limits.heatmap_max:g}"
            )
        if _exceeds(self.heatmap_p999, limits.heatmap_p999):
            found.append(
                f"0.1 % of the heatmaps' cells differ by {self.heatmap_p999:.2g} or more, beyond "
                f"{limits.heatmap_p999:g}"
            )
        if _exceeds(self.score_max, limits.heatmap_max):
            found.append(
                f"scores differ by up to {self.score_max:.2g}, beyond {limits.heatmap_max:g}"
            )
        if _exceeds(self.distance_median, limits.distance):
            found.append(
                f"keypoints lie {self.distance_median:.2g} px apart at the median, beyond "
                f"{limits.distance:g}"
            )
        if _exceeds(self.model_pck - self.file_pck, limits.pck):
            found.append(
                f"PCK fell from {self.model_pck:.3f} to {self.file_pck:.3f}, by more than "
                f"{limits.pck:g}"
            )
        return found

    @property
    def passed(self) -> bool:
        """Whether all differences are within the limits."""
        return not self.faults

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        figures = asdict(replace(self, found=None))
        del figures["found"]
        return {**figures, "passed": self.passed, "faults": self.faults}


@dataclass(frozen=True, eq=False)
class Reference(ArrayEquality):
    """The model's results on the images of the comparison.

    Args:
        samples: the images.
        heatmaps: `(N, h, w, K)` of the model.
        keypoints: `(N, K, 3)` x, y in input pixels, and score.
        truth: the objects, with the labels for PCK.
        labelled: True if these are the dataset's labels. If False, they are the model's own
            keypoints: for each keypoint, those with at least its median score among the images in
            which it was found. Where a model is unsure, two maxima of a heatmap are nearly equal,
            and rounding decides between them, even in a good 8-bit file.
    """

    samples: Samples
    heatmaps: np.ndarray
    keypoints: np.ndarray
    truth: KeypointDataset
    labelled: bool

    @classmethod
    def of(cls, model: Runtime, samples: Samples) -> "Reference":
        """Runs `model`, which is a `.keras` model.

        Raises:
            DataError: the images have no labels, and the model finds nothing in them.
        """
        metadata = model.metadata
        with on_processor(), explaining_out_of_memory(_BATCH, _ADVICE):
            heatmaps = _in_batches(model.predict, samples.crops)
        keypoints = decoded(heatmaps, metadata)
        dataset = samples.dataset
        labelled = dataset.skeleton.keypoints == metadata.skeleton.keypoints
        if not labelled:
            dataset = _labelled_by(keypoints, samples, metadata)
        reference = cls(samples, heatmaps, keypoints, dataset, labelled)
        if reference.pck(keypoints) is None:
            raise DataError(
                f"{dataset.name}: the export cannot be verified, because there are no labels and "
                "the model finds nothing. Give --calibration a dataset with the model's objects."
            )
        return reference

    def pck(self, keypoints: np.ndarray) -> float | None:
        """Returns PCK@0.5 of keypoints `(N, K, 3)`: x, y in input pixels, and score."""
        located = to_image(keypoints, self.samples.matrices)
        return mean_pck(located, self.truth, self.samples.crops.shape[1:3])

    def compare(self, file: Comparable, limits: Limits) -> Parity:
        """Runs an exported file on the same images."""
        with on_processor(), explaining_out_of_memory(_BATCH, _ADVICE):
            answers = _answers(file, self.samples.crops)
        heatmaps = answers.get("heatmaps")
        apart = None if heatmaps is None else np.abs(heatmaps - self.heatmaps)
        ways = [answers["keypoints"]] if "keypoints" in answers else []
        if heatmaps is not None:
            ways.append(decoded(heatmaps, file.metadata))
        keypoints = np.stack(ways)
        difference = keypoints - self.keypoints
        distances = np.linalg.norm(difference[..., :2], axis=-1)
        return Parity(
            images=len(self.samples),
            heatmap_max=None if apart is None else float(apart.max()),
            heatmap_p999=None if apart is None else float(np.percentile(apart, 99.9)),
            heatmap_mean=None if apart is None else float(apart.mean()),
            score_max=float(np.abs(difference[..., 2]).max()),
            distance_median=float(np.median(distances)),
            distance_p99=float(np.percentile(distances, 99)),
            model_pck=self.pck(self.keypoints) or 0.0,
            file_pck=min(self.pck(way) or 0.0 for way in ways),
            labelled=self.labelled,
            limits=limits,
            found=ways[0],
        )


def _exceeds(value: float | None, limit: float | None) -> bool:
    """Returns whether a limit is exceeded; NaN exceeds every limit."""
    return value is not None and limit is not None and not value <= limit


def _in_batches(predict: Callable[[np.ndarray], np.ndarray], crops: np.ndarray) -> np.ndarray:
    return np.concatenate([predict(crops[at : at + _BATCH]) for at in range(0, len(crops), _BATCH)])


def _answers(file: Comparable, crops: np.ndarray) -> dict[str, np.ndarray]:
    """By output."""
    parts = [file.predict_all(crops[at : at + _BATCH]) for at in range(0, len(crops), _BATCH)]
    answers = map(np.concatenate, zip(*parts, strict=True))
    return dict(zip(file.metadata.outputs, answers, strict=True))


def _labelled_by(
    keypoints: np.ndarray, samples: Samples, metadata: ModelMetadata
) -> KeypointDataset:
    """Returns the objects of `samples`, labelled with a model's most confident keypoints."""
    scores = keypoints[..., 2]
    found = scores >= _SCORE_OF_A_FIND
    labels = to_image(keypoints, samples.matrices)
    labels[..., 2] = np.where(found & (scores >= _medians(scores, found)), 2, 0)
    dataset = samples.dataset
    records = replace(dataset.records, keypoints=labels)
    return replace(dataset, skeleton=metadata.skeleton, records=records)


def _medians(scores: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Returns `(K,)`: the median of each keypoint's scores where it was found; else infinity."""
    medians = np.ma.median(np.ma.masked_array(scores, ~found), axis=0)
    return np.ma.filled(medians, np.inf)
