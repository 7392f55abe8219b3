"""Cuts out samples of a dataset as in training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError
from simplebase.geometry import Crop, Size

if TYPE_CHECKING:
    from simplebase.presets import Recipe

ImageSet = Literal["train", "val", "all"]

_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Sample(ArrayEquality):
    """A record as the network gets it.

    Args:
        record: its index in the dataset.
        path: path of its image.
        image: `(H, W, 3)` uint8.
        keypoints: `(K, 3)` x, y in its pixels, and visibility.
        truth: `(K, 3)` labels, if `keypoints` are predictions.
        note: further text to write below it.
    """

    record: int
    path: str
    image: np.ndarray
    keypoints: np.ndarray
    truth: np.ndarray | None = None
    note: str = ""


def choose_records(
    dataset: KeypointDataset, image_set: ImageSet, count: int, seed: int
) -> np.ndarray:
    """Chooses `count` random records, or all if there are fewer; returns their indices in order.

    Raises:
        ArgumentError: `count` is below 1 or `seed` below 0.
        DataError: the split is empty.
    """
    if count < 1:
        raise ArgumentError(f"count must be at least 1. Received: {count}.")
    if seed < 0:
        raise ArgumentError(f"seed must be 0 or above. Received: {seed}.")
    rows = select_split(dataset, image_set)
    chosen = np.random.default_rng(seed).permutation(rows)[:count]
    return np.sort(chosen)


def select_split(dataset: KeypointDataset, image_set: ImageSet) -> np.ndarray:
    """Returns the indices of a split's records; DataError if it is empty."""
    validation = dataset.records.validation
    masks = {"train": ~validation, "val": validation, "all": np.ones(len(dataset), bool)}
    rows = np.flatnonzero(masks[image_set])
    if len(rows) == 0:
        raise DataError(
            f"{dataset.name}: the {image_set} split is empty; --image-set all shows all records."
        )
    return rows


def cut_samples(
    dataset: KeypointDataset, rows: np.ndarray, crop: Crop, input_size: Size
) -> list[Sample]:
    """Returns the records at `rows`, cut out without augmentation.

    Raises:
        MissingFileError, DataError: an image is missing or cannot be read.
    """
    # Imported here, as below, because it imports TensorFlow.
    from simplebase.data.pipeline import BatchSource

    source = BatchSource(dataset, crop, input_size, _AT_ONCE)
    samples: list[Sample] = []
    for batch in source.batches(rows):
        samples += _unbatch(dataset, rows[len(samples) :], batch["images"], batch["keypoints"])
    return samples


def augmented_samples(
    dataset: KeypointDataset,
    rows: np.ndarray,
    crop: Crop,
    input_size: Size,
    recipe: "Recipe",
    seed: int,
) -> list[Sample]:
    """Returns the records at `rows` after a recipe's augmentation.

    Raises:
        MissingFileError, DataError: an image is missing or cannot be read.
    """
    from simplebase.augmentation import Augmentation
    from simplebase.data.pipeline import BatchSource

    augmentation = Augmentation(recipe.augmentation, input_size, dataset.skeleton, seed)
    source = BatchSource(dataset, crop, input_size, _AT_ONCE, augmentation.canvas_size)
    samples: list[Sample] = []
    for step, batch in enumerate(source.batches(rows)):
        drawn = augmentation({key: batch[key] for key in ("images", "keypoints")}, step=step)
        images = np.clip(np.round(np.asarray(drawn["images"])), 0, 255).astype(np.uint8)
        samples += _unbatch(dataset, rows[len(samples) :], images, np.asarray(drawn["keypoints"]))
    return samples


def _unbatch(
    dataset: KeypointDataset, rows: np.ndarray, images: np.ndarray, keypoints: np.ndarray
) -> list[Sample]:
    paths = dataset.records.paths
    return [
        Sample(int(row), paths[row], image, points)
        for row, image, points in zip(rows, images, keypoints, strict=False)
    ]
