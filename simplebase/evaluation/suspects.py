"""Finds labels that a model contradicts.

If a model is sure of a keypoint and finds it far from its label, one of the two is wrong, and it is
often the label.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simplebase.data.checking import Finding
from simplebase.data.dataset import KeypointDataset
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation.prediction import predict_crops
from simplebase.geometry import PERSON_PIXELS
from simplebase.inference import PoseEstimator
from simplebase.progress import Progress
from simplebase.runtimes import Runtime
from simplebase.skeletons import Skeleton
from simplebase.skeletons.matching import match_keypoints

# Distances in units of the object's size, the longer side of its box. Measured with person-mini on
# 300 records of LSP, in which 3 % of the keypoints were moved by 0.15 to 0.5 sizes and 3 % of the
# pairs were swapped: it reports 63 % of the moved, half of the swapped and 1.5 % of the unchanged
# keypoints. In 600 records of the published LSP-extended it reports 2 % of the labels. A stronger
# model agrees for 9 in 10 of them.
_FAR = 0.12
_NEAR = 0.06

# Fraction of the keypoints near their labels whose score is below that of a sure keypoint. The
# height of peaks depends on the model, so a fixed score would not work.
_UNSURE_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Suspects(ArrayEquality):
    """The suspect labels among those of `N` records.

    Args:
        findings: one for each record with suspect labels; `record` is its row.
        predictions: `(N, K, 3)` x, y in image pixels and score, in the order of the dataset's
            keypoints; NaN, NaN, 0 where the model does not have the keypoint.
        compared: number of compared labels.
    """

    findings: tuple[Finding, ...]
    predictions: np.ndarray
    compared: int


def suspect_labels(
    runtime: Runtime, dataset: KeypointDataset, progress: Progress | None = None
) -> Suspects:
    """Finds labels that a model contradicts.

    The model predicts each record and its mirror image. Its keypoints are matched with the
    dataset's by name. A label is suspect if the model finds the keypoint further away than 12 % of
    the longer side of the object's box, and is as sure of it as of most keypoints that it finds
    near their labels.

    Args:
        runtime: the model. If it was trained on the same labels, it repeats some of their errors.
        dataset: the records.
        progress: is called with the number of finished records and the total.

    Raises:
        DataError: the model has none of the dataset's keypoints, or an image is unreadable.
    """
    metadata = runtime.metadata
    match = match_keypoints(dataset.skeleton, metadata.skeleton)
    shared = [place is not None for place in match.places]
    if not any(shared):
        raise DataError(
            f"the model has none of the dataset's keypoints "
            f"({', '.join(dataset.skeleton.keypoints)}). Give a model for the same kind of object."
        )
    heatmaps = metadata.outputs[0] == "heatmaps"
    estimator = PoseEstimator(runtime, "dark", flip_test=heatmaps)
    found = predict_crops(estimator, dataset, progress=progress)
    predictions = np.full((len(dataset), len(shared), 3), [np.nan, np.nan, 0.0], np.float32)
    predictions[:, shared] = found[:, [place for place in match.places if place is not None]]
    labelled = (dataset.records.keypoints[..., 2] > 0) & np.array(shared)
    suspect = _suspect(dataset, predictions, labelled)
    findings = tuple(_findings(dataset, predictions, suspect))
    return Suspects(findings, predictions, int(labelled.sum()))


def _suspect(dataset: KeypointDataset, predictions: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Returns `(N, K)` bool: the labels that the model contradicts."""
    records = dataset.records
    apart = np.linalg.norm(predictions[..., :2] - records.keypoints[..., :2], axis=-1)
    apart = apart / (PERSON_PIXELS * records.scales[:, None])
    near = labelled & (apart < _NEAR)
    if not near.any():
        if labelled.any():
            warnings.warn(
                "the model finds no keypoint near its label, so no label could be checked. Look at "
                "the dataset with `simplebase data view`, or give another model.",
                SimplebaseWarning,
                stacklevel=3,
            )
        return np.zeros_like(labelled)
    sure = float(np.quantile(predictions[near][:, 2], _UNSURE_SHARE))
    return labelled & (apart > _FAR) & (predictions[..., 2] >= sure)


def _findings(
    dataset: KeypointDataset, predictions: np.ndarray, suspect: np.ndarray
) -> Iterator[Finding]:
    for row in np.flatnonzero(suspect.any(axis=1)):
        size = PERSON_PIXELS * dataset.records.scales[row]
        labels = dataset.records.keypoints[row]
        message = _describe(dataset.skeleton, labels, predictions[row], suspect[row], size)
        yield Finding("suspect-label", message, int(row))


def _describe(
    skeleton: Skeleton, labels: np.ndarray, found: np.ndarray, suspect: np.ndarray, size: float
) -> str:
    """Describes the suspect labels of a record: labels and findings `(K, 3)`, suspects `(K,)`."""
    mirror, names = skeleton.horizontal_permutation, skeleton.keypoints

    def at_other_side(index: int) -> bool:
        other = mirror[index]
        apart = np.linalg.norm(found[index, :2] - labels[other, :2])
        return bool(other != index and labels[other, 2] > 0 and apart < _NEAR * size)

    parts: list[str] = []
    for index in np.flatnonzero(suspect).tolist():
        other = int(mirror[index])
        both = at_other_side(index) and at_other_side(other)
        if both and suspect[other] and other < index:
            continue  # described together with its counterpart
        if both:
            parts.append(f"{names[index]} and {names[other]} look swapped")
        elif at_other_side(index):
            parts.append(f"the model finds {names[index]} where {names[other]} is labelled")
        else:
            apart = np.linalg.norm(found[index, :2] - labels[index, :2])
            place = ", ".join(f"{value:.0f}" for value in found[index, :2])
            parts.append(f"the model finds {names[index]} {apart:.0f} px away, at {place}")
    return "; ".join(parts)
