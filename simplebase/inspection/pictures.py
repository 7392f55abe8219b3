"""What the pictures of layers have in common."""

import os
from dataclasses import dataclass

import cv2
import numpy as np

from simplebase.files import require_output
from simplebase.images import require_image_suffix

LIMIT = 64
"""Tiles of a sheet: more are too small to look at."""


@dataclass(frozen=True)
class LayerPicture:
    """What was drawn.

    Args:
        path: of the layer.
        shown: how many tiles there are.
        total: how many there could be.
    """

    path: str
    shown: int
    total: int


def require_picture(output: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Refuses an output before any work is done for it.

    Raises:
        ArgumentError: `output` has no image suffix.
        OutputExistsError: `output` exists and `overwrite` is off.
    """
    require_image_suffix(output)
    require_output(output, overwrite=overwrite)


def magnified(tile: np.ndarray, side: int) -> np.ndarray:
    """`(h, w, ...)` with its longer side of `side` pixels; enlarged, each value stays a square."""
    factor = side / max(tile.shape[:2])
    size = tuple(max(1, round(length * factor)) for length in tile.shape[1::-1])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    return cv2.resize(tile, size, interpolation=method)
