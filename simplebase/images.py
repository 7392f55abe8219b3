"""Reading, writing and cropping images: RGB, uint8, `(height, width, 3)`."""

import os
from pathlib import Path

import cv2
import numpy as np

from simplebase.errors import ArgumentError, DataError
from simplebase.files import replacing, require_file
from simplebase.geometry import Size, compose

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a JPEG, PNG, BMP or WebP file upright (EXIF orientation honoured).

    Greyscale, alpha and 16-bit images become three channels of 8 bits.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it does not hold an image.
    """
    path = require_file(path, "the image")
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # a header that claims a size beyond OpenCV's limit
        image = None
    if image is None:
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise DataError(f"{path} is a video, but an image is expected here.")
        raise DataError(f"{path} cannot be read as an image. Is it damaged, or of another format?")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


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
    if suffix not in IMAGE_SUFFIXES:
        raise ArgumentError(f"{path}: an image ends in {', '.join(IMAGE_SUFFIXES)}.")


def warp_image(image: np.ndarray, matrix: np.ndarray, size: Size) -> np.ndarray:
    """Samples `image` through `matrix`; what lies outside it becomes black.

    Bilinear; below half size the image is first shrunk by a whole factor with area averaging, so
    that nothing aliases.

    Args:
        image: `(height, width, 3)` uint8.
        matrix: `(2, 3)` from `image` to the result.
        size: `(height, width)` of the result.
    """
    magnification = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    factor = int(1 / magnification) if magnification < 0.5 else 1
    factor = min(factor, *image.shape[:2])
    if factor > 1:
        bottom, right = (-side % factor for side in image.shape[:2])
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        height, width = (side // factor for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        middle = (factor - 1) / 2
        grow = np.array([[factor, 0, middle], [0, factor, middle]], np.float64)
        matrix = compose(matrix, grow)
    return cv2.warpAffine(image, matrix, (size[1], size[0]), flags=cv2.INTER_LINEAR)
