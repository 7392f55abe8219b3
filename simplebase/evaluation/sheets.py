"""Draws sheets of samples with predictions."""

from dataclasses import replace

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.viewing import Sample, choose_records, cut_samples, draw_sheet
from simplebase.geometry import PERSON_PIXELS, Crop, Size, transform_points
from simplebase.metrics import distances

_SAMPLES = 12
_WORST_TITLE = "the largest mean errors, in % of object size; a keypoint not found counts 100 %"
_WORST = 24


def draw_predictions(
    dataset: KeypointDataset, predictions: np.ndarray, crop: Crop, size: Size, title: str
) -> np.ndarray:
    """Draws some samples with their predicted keypoints, the same ones each time.

    Args:
        dataset: the records that were predicted.
        predictions: `(N, K, 2 or 3)` image pixels, in the order of its records.
        crop: how the samples are cut out.
        size: `(H, W)` of a sample.
        title: title of the sheet.

    Returns:
        `(height, width, 3)` uint8.
    """
    rows = choose_records(dataset, "all", _SAMPLES, seed=0)
    samples = [
        replace(sample, truth=None)
        for sample in found_samples(dataset, predictions, rows, crop, size)
    ]
    return draw_sheet(samples, dataset.skeleton, title)


def mean_errors(dataset: KeypointDataset, predictions: np.ndarray) -> np.ndarray:
    """Returns `(N,)`: each record's mean distance of keypoints to labels, in % of its size.

    The size is the longer side of the object's box. A keypoint counts 100 % if it was not found or
    is further away than that. NaN where nothing is labelled.

    Args:
        dataset: the `N` records.
        predictions: `(N, K, 2 or 3)` image pixels; NaN where not found.
    """
    keypoints, size = dataset.records.keypoints, PERSON_PIXELS * dataset.records.scales
    off = distances(predictions[..., :2], keypoints[..., :2], keypoints[..., 2] > 0, size)
    off = np.minimum(off, 1.0)
    counts = (~np.isnan(off)).sum(axis=1)
    return np.where(counts > 0, 100 * np.nansum(off, axis=1) / np.maximum(counts, 1), np.nan)


def draw_worst(
    dataset: KeypointDataset, predictions: np.ndarray, errors: np.ndarray, crop: Crop, size: Size
) -> np.ndarray:
    """Draws the samples with the largest errors: the labels, and above them the predictions.

    Args:
        dataset: the records that were predicted.
        predictions: `(N, K, 2 or 3)` image pixels, in the order of its records; NaN where not
            found.
        errors: `(N,)` errors in per cent of the object's size; NaN where nothing is labelled.
        crop: how the samples are cut out.
        size: `(H, W)` of a sample.

    Returns:
        `(height, width, 3)` uint8.
    """
    order = np.argsort(-np.nan_to_num(errors, nan=-1.0), kind="stable")
    rows = order[: min(_WORST, int(np.isfinite(errors).sum()))]
    samples = [
        replace(sample, note=f"{errors[row]:.0f} %")
        for row, sample in zip(
            rows, found_samples(dataset, predictions, rows, crop, size), strict=True
        )
    ]
    return draw_sheet(samples, dataset.skeleton, _WORST_TITLE)


def found_samples(
    dataset: KeypointDataset, predictions: np.ndarray, rows: np.ndarray, crop: Crop, size: Size
) -> list[Sample]:
    """Returns samples of the records at `rows`, with labels as `truth` and predicted keypoints.

    Args:
        dataset: the records that were predicted.
        predictions: `(N, K, 2 or 3)` image pixels, in the order of its records; NaN where not
            found.
        rows: indices of the records.
        crop: how the samples are cut out.
        size: `(H, W)` of a sample.
    """
    records = dataset.records
    matrices = crop.matrix(records.centers[rows], records.scales[rows], size)
    points = transform_points(matrices, predictions[rows, :, :2])
    visibility = np.where(np.isfinite(points[..., :1]), 2.0, 0.0)
    found = np.concatenate([points, visibility], axis=-1)
    return [
        replace(sample, keypoints=keypoints, truth=sample.keypoints)
        for sample, keypoints in zip(cut_samples(dataset, rows, crop, size), found, strict=True)
    ]
