"""Leaving out the records whose images cannot be used."""

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import DataError, MissingFileError
from simplebase.images import decode_image
from simplebase.progress import Progress
from simplebase.threads import thread_pool


def without_bad_images(
    dataset: KeypointDataset, progress: Progress | None = None
) -> tuple[KeypointDataset, list[str]]:
    """The records whose images can be read, and a sentence for each image that cannot.

    Every image is decoded once, so that a training does not find out in its last epoch.

    Args:
        dataset: of any size; no image is kept in memory.
        progress: called with images done and in all.

    Raises:
        DataError: no image can be read.
    """
    names, first, image_of = np.unique(
        np.array([dataset.images.name(index) for index in range(len(dataset))]),
        return_index=True,
        return_inverse=True,
    )

    def problem(index: int) -> str | None:
        try:
            decode_image(dataset.images.read(index), dataset.images.name(index))
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
        raise DataError(f"{dataset.name}: none of its images can be read. The first: {bad[0]}")
    return dataset.select(np.flatnonzero(good[image_of])), bad
