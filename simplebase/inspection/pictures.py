"""The common part of pictures of layers."""

import os
from dataclasses import dataclass

import cv2
import numpy as np

from simplebase.files import require_output
from simplebase.images import require_image_suffix

LIMIT = 64
"""Most tiles of a sheet. More would be too small."""


@dataclass(frozen=True)
class LayerPicture:
    """The result of drawing a layer.

    Args:
        path: path of the layer.
        shown: number of drawn tiles.
        total: number of possible tiles.
    """

    path: str
    shown: int
    total: int


def require_picture(output: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Checks the output path before any work is done.

    Raises:
        ArgumentError: `output` has no image suffix.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    require_image_suffix(output)
    require_output(output, overwrite=overwrite)


def magnified(tile: np.ndarray, side: int) -> np.ndarray:
    """Scales `(h, w, ...)` to a longer side of `side` pixels; enlarged values become squares."""
    factor = side / max(tile.shape[:2])
    size = tuple(max(1, round(length * factor)) for length in tile.shape[1::-1])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    return cv2.resize(tile, size, interpolation=method)
