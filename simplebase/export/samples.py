"""Images to calibrate an export on, and others to check it with."""

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
    """Objects as a model sees them.

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
    """All objects of `dataset`, cut out as evaluation does it.

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
    """Up to `count` random objects to calibrate on, and as many others to check with.

    The first come from the train split and the others from the val split; where there is only one
    split, from the halves of its images: what was calibrated on an image is not to be judged by it.

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
                f"{dataset.name}: there is {len(images)} image; an export is calibrated on some "
                "and checked with others, so it needs two at the least, better some hundred."
            )
        validation = np.isin(paths, images[: len(images) // 2])
    calibration, check = order[~validation], order[validation]
    # In their order, which is kinder to the disk.
    return dataset.select(np.sort(calibration[:count])), dataset.select(np.sort(check[:count]))
