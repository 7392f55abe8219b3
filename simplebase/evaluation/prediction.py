"""Predicts a dataset with a model, and with the mean pose as a baseline."""

import warnings

import numpy as np

from simplebase.codec import DecodeMethod
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource
from simplebase.devices import SMALLER_BATCH, explaining_out_of_memory
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.geometry import Crop, Size, invert, transform_points
from simplebase.inference import PoseEstimator
from simplebase.progress import Progress
from simplebase.runtimes import Runtime


def predict_dataset(
    runtime: Runtime,
    dataset: KeypointDataset,
    *,
    decode: DecodeMethod = "dark",
    flip_test: bool = False,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> np.ndarray:
    """Predicts a dataset; returns `(N, K, 3)` float32: x, y in image pixels, and score.

    Args:
        runtime: the model.
        dataset: records with centre and scale; their keypoints are ignored.
        decode: see `HeatmapCodec.decode`.
        flip_test: see `PoseEstimator`.
        batch_size: samples per batch.
        progress: is called with the number of finished samples and the total.

    Raises:
        DataError: model and dataset have different numbers of keypoints, or an image is unreadable.
        OutOfMemoryError: the device cannot hold a batch.
    """
    metadata = runtime.metadata
    require_answers(runtime, dataset, decode=decode, flip_test=flip_test)
    if metadata.skeleton.keypoints != dataset.skeleton.keypoints:
        warnings.warn(
            "model and dataset name their keypoints differently: "
            f"{', '.join(metadata.skeleton.keypoints)} against "
            f"{', '.join(dataset.skeleton.keypoints)}. They are compared by their order.",
            SimplebaseWarning,
            stacklevel=2,
        )
    estimator = PoseEstimator(runtime, decode, flip_test)
    return predict_crops(estimator, dataset, batch_size=batch_size, progress=progress)


def predict_crops(
    estimator: PoseEstimator,
    dataset: KeypointDataset,
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> np.ndarray:
    """Like `predict_dataset`, but returns `(N, K, 3)` for the model's own `K` keypoints.

    The dataset may have other keypoints.
    """
    metadata = estimator.runtime.metadata
    dataset = dataset.with_default_depth(metadata.depth_range)
    source = BatchSource(dataset, metadata.crop, metadata.input_size, batch_size)
    predictions: list[np.ndarray] = []
    done = 0
    for batch in source.batches():
        count = len(batch["images"])
        with explaining_out_of_memory(count, SMALLER_BATCH):
            predictions.append(estimator.keypoints(batch["images"], batch["matrices"]))
        done += count
        if progress:
            progress(done, len(dataset))
    return np.concatenate(predictions)


def require_answers(
    runtime: Runtime, dataset: KeypointDataset, *, decode: DecodeMethod, flip_test: bool
) -> None:
    """Checks that a model can predict a dataset with these settings.

    Raises:
        ArgumentError: the model decodes itself, and another decoding or a flip test was requested.
        DataError: the numbers of keypoints differ.
    """
    PoseEstimator(runtime, decode, flip_test)
    theirs, ours = runtime.metadata.skeleton, dataset.skeleton
    if theirs.num_keypoints != ours.num_keypoints:
        raise DataError(
            f"the model has {theirs.num_keypoints} keypoints ({theirs.name}), the dataset "
            f"{ours.num_keypoints} ({ours.name}). Give labels with the model's keypoints."
        )


def mean_pose(
    train: KeypointDataset, dataset: KeypointDataset, crop: Crop, size: Size
) -> np.ndarray:
    """Places the mean keypoints of `train` into each crop of `dataset`; returns `(N, K, 2)` pixels.

    This is a baseline for models: it knows the crop but nothing of the image.
    """
    matrices = crop.matrix(train.records.centers, train.records.scales, size)
    points = transform_points(matrices, train.records.keypoints[..., :2])
    labelled = train.records.keypoints[..., 2:] > 0
    mean = (points * labelled).sum(axis=0) / np.maximum(labelled.sum(axis=0), 1)
    matrices = crop.matrix(dataset.records.centers, dataset.records.scales, size)
    return transform_points(invert(matrices), np.broadcast_to(mean, (len(dataset), *mean.shape)))
