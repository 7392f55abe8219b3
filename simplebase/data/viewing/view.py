"""Draws the sheet of a dataset, from the choice of samples to the picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.viewing.samples import (
    ImageSet,
    augmented_samples,
    choose_records,
    cut_samples,
)
from simplebase.data.viewing.sheet import draw_sheet
from simplebase.metadata import ModelMetadata

if TYPE_CHECKING:
    from simplebase.presets import Recipe


def draw_samples(
    dataset: KeypointDataset,
    metadata: ModelMetadata,
    *,
    recipe: "Recipe | None" = None,
    image_set: ImageSet = "train",
    count: int = 24,
    seed: int = 0,
) -> np.ndarray:
    """Draws a sheet of samples as a model with `metadata` gets them; `(height, width, 3)` uint8.

    Args:
        dataset: the dataset.
        metadata: provides the crop, input size and targets.
        recipe: show the samples after its augmentation, with the target heatmaps. `None` shows them
            without augmentation.
        image_set: the split.
        count: number of samples; all if there are fewer.
        seed: the same seed shows the same samples.

    Raises:
        ArgumentError: `count` is below 1 or `seed` below 0.
        MissingFileError, DataError: the split is empty, or an image is missing or unreadable.
    """
    size = metadata.input_size
    rows = choose_records(dataset, image_set, count, seed)
    name = Path(dataset.name).name
    title = f"{name}: {len(rows)} samples ({image_set}), {size[0]}x{size[1]}"
    if recipe is None:
        samples = cut_samples(dataset, rows, metadata.crop, size)
        return draw_sheet(samples, dataset.skeleton, title, None)
    samples = augmented_samples(dataset, rows, metadata.crop, size, recipe, seed)
    title += f", augmented by recipe {recipe.name}"
    return draw_sheet(samples, dataset.skeleton, title, metadata.codec)
