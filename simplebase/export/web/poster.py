"""Writes the first picture of a page: the object with the highest score."""

from pathlib import Path

import numpy as np

from simplebase.data.image_store import decode_stored
from simplebase.export.parity import Reference
from simplebase.geometry import compose, invert, transform_points
from simplebase.images import warp_image, write_image
from simplebase.metadata import ModelMetadata

_SIDE = 640
"""Largest length of the longer side in pixels."""
_MARGIN = 1.1
"""Side of the picture divided by that of the object."""


def write_poster(path: Path, reference: Reference, metadata: ModelMetadata) -> str:
    """Writes a picture of the object with the highest mean score, with a margin.

    Args:
        path: the file, which ends in `.jpg`.
        reference: the images to choose from.
        metadata: the model's metadata.

    Returns:
        The name of the chosen image.
    """
    index = int(reference.keypoints[..., 2].mean(axis=1).argmax())
    samples = reference.samples
    store = samples.dataset.images
    image = decode_stored(store, index)
    matrix = samples.matrices[index]
    if store.matrices is not None:
        # The image of a packed dataset is already cut out.
        matrix = compose(matrix, invert(store.matrices[index]))
    write_image(path, _around(image, matrix, metadata), overwrite=True)
    return store.name(index)


def _around(image: np.ndarray, matrix: np.ndarray, metadata: ModelMetadata) -> np.ndarray:
    """Returns the part of `image` around the object that `matrix` shows, within the image."""
    height, width = metadata.input_size
    share = _MARGIN / metadata.crop.padding
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    reach = np.array([width, height]) / 2 * share
    corners = transform_points(invert(matrix), np.array([middle - reach, middle + reach]))
    limits = [image.shape[1], image.shape[0]]
    low, high = np.clip([np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))], 0, limits)
    left, top, right, bottom = (int(value) for value in (*low, *high))
    if right - left < 2 or bottom - top < 2:
        left, top, right, bottom = 0, 0, *limits
    part = image[top:bottom, left:right]
    scale = min(1.0, _SIDE / max(part.shape[:2]))
    size = max(1, round(part.shape[0] * scale)), max(1, round(part.shape[1] * scale))
    offset = (scale - 1) / 2
    return warp_image(part, np.array([[scale, 0, offset], [0, scale, offset]]), size)
