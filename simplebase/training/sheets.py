"""Pictures of what a training's model finds in the val split."""

from dataclasses import replace

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.viewing import choose_records, cut_samples, draw_sheet
from simplebase.geometry import transform_points
from simplebase.metadata import ModelMetadata

_SAMPLES = 12


def draw_predictions(
    dataset: KeypointDataset, predictions: np.ndarray, metadata: ModelMetadata, title: str
) -> np.ndarray:
    """Draws some samples with their predicted keypoints, the same ones each time.

    Args:
        dataset: the val split.
        predictions: `(N, K, 2 or 3)` image pixels, in the order of its records.
        metadata: of the model, for its crop.
        title: of the sheet.

    Returns:
        `(height, width, 3)` uint8.
    """
    crop, size = metadata.crop, metadata.input_size
    rows = choose_records(dataset, "all", _SAMPLES, seed=0)
    records = dataset.records
    matrices = crop.matrix(records.centers[rows], records.scales[rows], size)
    points = transform_points(matrices, predictions[rows, :, :2])
    found = np.concatenate([points, np.full((*points.shape[:2], 1), 2.0)], axis=-1)
    samples = [
        replace(sample, keypoints=keypoints)
        for sample, keypoints in zip(cut_samples(dataset, rows, crop, size), found, strict=True)
    ]
    return draw_sheet(samples, dataset.skeleton, title)
