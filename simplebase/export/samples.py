"""The images for the calibration of an export, and those for its verification."""

from dataclasses import dataclass

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError
from simplebase.metadata import ModelMetadata

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Samples(ArrayEquality):
    """Objects, cut out for a model.

    Args:
        dataset: the `N` objects.
        crops: `(N, H, W, 3)` uint8.
        matrices: `(N, 2, 3)` from image to crop.
    """

    dataset: KeypointDataset
    crops: np.ndarray
    matrices: np.ndarray

    def __len__(self) -> int:
        """`N`."""
        return len(self.dataset)


def read_samples(dataset: KeypointDataset, metadata: ModelMetadata) -> Samples:
    """Cuts out all objects of `dataset` as in an evaluation.

    Raises:
        MissingFileError, DataError: an image is missing or cannot be read.
    """
    dataset = dataset.with_default_depth(metadata.depth_range)
    source = BatchSource(dataset, metadata.crop, metadata.input_size, _BATCH)
    batches = list(source.batches())
    crops, matrices = (
        np.concatenate([batch[key] for batch in batches]) for key in ("images", "matrices")
    )
    return Samples(dataset, crops, matrices)


def divide(
    dataset: KeypointDataset, count: int, seed: int
) -> tuple[KeypointDataset, KeypointDataset]:
    """Chooses up to `count` random objects for calibration, and as many others for verification.

    The former come from the train split, the latter from the val split. If there is only one split,
    its images are divided in two halves, because a file must not be verified on the images with
    which it was calibrated.

    Raises:
        DataError: there are fewer than two images.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(dataset))
    validation = dataset.records.validation[order]
    if validation.all() or not validation.any():
        paths = dataset.records.paths[order]
        images = random.permutation(np.unique(paths))
        if len(images) < 2:
            raise DataError(
                f"{dataset.name}: there is {len(images)} image. An export is calibrated on some "
                "images and verified on others, so it needs at least two, preferably hundreds."
            )
        validation = np.isin(paths, images[: len(images) // 2])
    calibration, check = order[~validation], order[validation]
    # Sorted, so that the files are read in their order on the disk.
    return dataset.select(np.sort(calibration[:count])), dataset.select(np.sort(check[:count]))
