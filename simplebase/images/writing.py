"""Writing image files."""

import os
from pathlib import Path

import cv2
import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.files import replacing
from simplebase.images.kinds import WRITTEN_SUFFIXES


def write_image(
    path: str | os.PathLike[str], image: np.ndarray, *, overwrite: bool = False
) -> None:
    """Writes an RGB uint8 image; the suffix chooses the format.

    Raises:
        ArgumentError: the suffix is not that of an image.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    require_image_suffix(path)
    with replacing(path, overwrite=overwrite) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            raise DataError(f"{path} could not be written. Is the disk full?")


def require_image_suffix(path: str | os.PathLike[str]) -> None:
    """Refuses an output path that no image format answers to."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise ArgumentError(f"{path}: an image ends in {', '.join(WRITTEN_SUFFIXES)}.")
