"""Removes records whose images cannot be read, and warns of images that are too dark."""

import warnings

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.image_store import decode_stored
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning, counted
from simplebase.images import DEPTH_ADVICE, deep_range, depth_note
from simplebase.progress import Progress
from simplebase.threads import thread_pool

_LOOKED_AT = 8


def without_bad_images(
    dataset: KeypointDataset, progress: Progress | None = None
) -> tuple[KeypointDataset, list[str]]:
    """Returns the records whose images can be read, and a sentence for each unreadable image.

    Every image is decoded once, so that a training run does not fail in its last epoch.

    Args:
        dataset: a dataset of any size; no image is kept in memory.
        progress: is called with the number of finished images and the total.

    Raises:
        DataError: no image can be read.
    """
    rows, problems = readable_rows(dataset, progress)
    return dataset.select(rows), problems


def readable_rows(
    dataset: KeypointDataset, progress: Progress | None = None
) -> tuple[np.ndarray, list[str]]:
    """Returns the indices of the records that `without_bad_images` keeps, and its sentences."""
    names, first, image_of = np.unique(
        np.array([dataset.images.name(index) for index in range(len(dataset))]),
        return_index=True,
        return_inverse=True,
    )

    def problem(index: int) -> str | None:
        try:
            decode_stored(dataset.images, index)
        except (DataError, MissingFileError) as error:
            return str(error)
        return None

    problems = []
    with thread_pool() as pool:
        for done, found in enumerate(pool.map(problem, first), start=1):
            problems.append(found)
            if progress:
                progress(done, len(names))
    good = np.array([found is None for found in problems])
    bad = [found for found in problems if found is not None]
    if not good.any():
        images = counted(len(names), "image")
        raise DataError(f"{dataset.name}: none of {images} can be read. The first: {bad[0]}")
    return np.flatnonzero(good[image_of]), bad


def warn_of_lost_depth(dataset: KeypointDataset) -> None:
    """Warns if a few sampled images of more than 8 bits lose most of their values.

    A few are enough, because all images of a camera are alike. `data check` checks all of them.
    """
    store = dataset.images
    if store.matrices is not None:
        return  # packed as JPEG
    for index in np.unique(np.linspace(0, len(dataset) - 1, _LOOKED_AT).astype(int)):
        try:
            found = deep_range(store.read(index), store.name(index))
        except (DataError, MissingFileError):
            continue  # reported when its pixels are read
        if found and (note := depth_note(*found, store.depth_range)):
            warnings.warn(f"{store.name(index)}: {note}. {DEPTH_ADVICE}", SimplebaseWarning, 3)
            return
