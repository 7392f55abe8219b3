"""Writes image files."""

import os
from pathlib import Path

import cv2
import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.files import replacing
from simplebase.images.kinds import WRITTEN_SUFFIXES

_JPEG = (".jpg", ".jpeg")


def write_image(
    path: str | os.PathLike[str], image: np.ndarray, *, overwrite: bool = False
) -> None:
    """Writes an RGB uint8 image; the suffix chooses the format.

    Raises:
        ArgumentError: the suffix is not that of an image.
        DataError: the format cannot hold the image.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    require_image_suffix(path)
    with replacing(path, overwrite=overwrite) as partial:
        partial.write_bytes(encode_image(image, Path(path).suffix))


def encode_image(image: np.ndarray, suffix: str, *, jpeg_quality: int = 95) -> bytes:
    """Returns the content of an image file.

    Python writes the files, because on Windows `cv2.imwrite` opens only names in the system's code
    page.

    Args:
        image: `(height, width, 3)` RGB uint8.
        suffix: suffix of the file, such as `.png`, which chooses the format.
        jpeg_quality: 0 to 100; other formats ignore it.

    Raises:
        DataError: the format cannot hold the image.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if suffix.lower() in _JPEG else []
    try:
        encoded, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        encoded = False
    if not encoded:
        height, width = image.shape[:2]
        raise DataError(f"OpenCV cannot write {width}x{height} pixels as {suffix}.")
    return data.tobytes()


def require_image_suffix(path: str | os.PathLike[str]) -> None:
    """Raises ArgumentError if the path has no image suffix."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise ArgumentError(f"{path}: an image ends in {', '.join(WRITTEN_SUFFIXES)}.")
