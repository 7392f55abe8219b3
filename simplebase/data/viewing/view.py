"""Draws the sheet of a dataset, from the choice of samples to the picture."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.screening import readable_rows
from simplebase.data.viewing.samples import (
    ImageSet,
    augmented_samples,
    choose_records,
    cut_samples,
)
from simplebase.data.viewing.sheet import draw_sheet
from simplebase.errors import SimplebaseWarning
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

    Samples whose images are missing or unreadable are left out. A warning names the images.

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
        DataError: the split is empty, or none of the samples' images can be read.
    """
    size = metadata.input_size
    rows = _with_readable_images(dataset, choose_records(dataset, image_set, count, seed))
    name = Path(dataset.name).name
    title = f"{name}: {len(rows)} samples ({image_set}), {size[0]}x{size[1]}"
    if recipe is None:
        samples = cut_samples(dataset, rows, metadata.crop, size)
        return draw_sheet(samples, dataset.skeleton, title, None)
    samples = augmented_samples(dataset, rows, metadata.crop, size, recipe, seed)
    title += f", augmented by recipe {recipe.name}"
    return draw_sheet(samples, dataset.skeleton, title, metadata.codec)


def _with_readable_images(dataset: KeypointDataset, rows: np.ndarray) -> np.ndarray:
    """Returns the records at `rows` whose images can be read, and warns about the others."""
    kept, problems = readable_rows(dataset.select(rows))
    if problems:
        warnings.warn(
            f"{len(rows) - len(kept)} of {len(rows)} samples are left out, because their images "
            "cannot be read:\n" + "\n".join(problems),
            SimplebaseWarning,
            stacklevel=3,
        )
    return rows[kept]
