"""Reading, writing and cropping images: RGB, uint8, `(height, width, 3)`."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from simplebase.errors import ArgumentError, DataError
from simplebase.files import replacing, require_file
from simplebase.geometry import Size, compose

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")

# Of a JPEG: neither an escaped byte among the pixels nor a restart nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _EXIF = b"\xff\xda", b"\xff\xd9", b"\xff\xe1"
_START_OF_FRAME = [
    bytes([0xFF, code]) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)
]
_ORIENTATION = 0x0112


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a JPEG, PNG, BMP or WebP file upright (EXIF orientation honoured).

    Greyscale, alpha and 16-bit images become three channels of 8 bits.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it does not hold an image.
    """
    return decode_image(read_bytes(path), str(path))


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of an image file.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it cannot be read.
    """
    path = require_file(path, "the image")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def decode_image(data: bytes, name: str, reduction: int = 1) -> np.ndarray:
    """Decodes an image as `read_image` does.

    Args:
        data: what the file holds.
        name: its path, for errors.
        reduction: a power of two: give one pixel for so many in both directions. A JPEG is decoded
            at up to an eighth of its size, which takes less time.

    Raises:
        DataError: `data` is not an image, or ends too early.
    """
    # Turned, the pixels of a reduced image would begin at the wrong side of those it was made of.
    reducible = is_jpeg(data) and (reduction == 1 or is_upright(data))
    decoded = min(reduction, max(_REDUCED)) if reducible else 1
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[decoded]) if data else None
    except cv2.error:  # a header that claims a size beyond OpenCV's limit
        image = None
    if is_jpeg(data) and not _is_complete_jpeg(data):
        raise DataError(f"{name} is cut off: its file ends before the image does.")
    if image is None and Path(name).suffix.lower() in VIDEO_SUFFIXES:
        raise DataError(f"{name} is a video, but an image is expected here.")
    if image is None:
        raise DataError(f"{name} cannot be read as an image. Is it damaged, or of another format?")
    if reduction > decoded:
        image = _shrunk(image, reduction // decoded, reduction // decoded)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def is_jpeg(data: bytes) -> bool:
    """Whether `data` begins as a JPEG does."""
    return data[:3] == b"\xff\xd8\xff"


def jpeg_size(data: bytes) -> Size | None:
    """`(height, width)` as a JPEG is stored; None if it does not say."""
    for marker, content in _segments(data):
        if marker in _START_OF_FRAME:
            return int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
    return None


def is_upright(data: bytes) -> bool:
    """Whether a JPEG is stored as it is looked at; its Exif data may tell otherwise."""
    for marker, content in _segments(data):
        if marker == _EXIF and content.startswith(b"Exif\x00\x00"):
            return _orientation(content[6:]) == 1
        if marker == _START_OF_SCAN:
            break
    return True


def _orientation(tiff: bytes) -> int:
    """1 to 8, see the Exif standard; 1 if it is not there."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    directory = int.from_bytes(tiff[4:8], order)
    entries = int.from_bytes(tiff[directory : directory + 2], order)
    for place in range(directory + 2, directory + 2 + 12 * entries, 12):
        if int.from_bytes(tiff[place : place + 2], order) == _ORIENTATION:
            return int.from_bytes(tiff[place + 8 : place + 10], order)
    return 1


def _is_complete_jpeg(data: bytes) -> bool:
    """Whether the image's end is there; decoders fill up what is missing with grey.

    Neither a preview in the Exif data, which has an end of its own, nor what a phone appends to the
    image is taken for it.
    """
    return data.endswith(_END_OF_IMAGE) or any(
        marker == _END_OF_IMAGE for marker, _ in _segments(data)
    )


def _segments(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The markers of a JPEG after its first, each with what belongs to it."""
    place = 2
    while marker := _MARKER.search(data, place):
        # Its length counts itself; after a scan's come the pixels.
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        yield marker[0], data[marker.end() + 2 : place]


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


def reduction_for(magnification: np.ndarray | float) -> np.ndarray:
    """By which power of two an image is averaged down before it is sampled at `magnification`.

    What remains is a magnification above a half, at which bilinear sampling misses nothing.
    """
    return np.exp2(np.maximum(0, np.floor(-np.log2(magnification)))).astype(int)


def reduced_matrix(matrix: np.ndarray, reduction: np.ndarray | int) -> np.ndarray:
    """`(..., 2, 3)` from an image that was averaged down by `reduction` `(...)` to the result."""
    reduction = np.asarray(reduction)
    return compose(matrix, _grown(np.stack([reduction, reduction], axis=-1)))


def warp_image(image: np.ndarray, matrix: np.ndarray, size: Size) -> np.ndarray:
    """Samples `image` through `matrix`; what lies outside it becomes black.

    Bilinear; at half size and below the image is first averaged down, see `reduction_for`, so that
    nothing aliases.

    Args:
        image: `(height, width, 3)` uint8.
        matrix: `(2, 3)` from `image` to the result.
        size: `(height, width)` of the result.
    """
    # By the lengths of the columns: along x and along y of `image`, which may differ.
    reduction = reduction_for(np.linalg.norm(matrix[:, :2], axis=0))
    reduction = np.minimum(reduction, [image.shape[1], image.shape[0]])
    if (reduction > 1).any():
        image = _shrunk(image, int(reduction[1]), int(reduction[0]))
        matrix = compose(matrix, _grown(reduction))
    return cv2.warpAffine(image, matrix, (size[1], size[0]), flags=cv2.INTER_LINEAR)


def _grown(reduction: np.ndarray) -> np.ndarray:
    """`(..., 2, 3)` from an image averaged down by `reduction` `(..., 2)` in x and y to itself."""
    grow = np.zeros((*reduction.shape[:-1], 2, 3))
    grow[..., [0, 1], [0, 1]] = reduction
    grow[..., 2] = (reduction - 1) / 2
    return grow


def _shrunk(image: np.ndarray, down: int, across: int) -> np.ndarray:
    """`image` averaged over rectangles of `down` x `across` pixels, the last ones filled up."""
    bottom, right = -image.shape[0] % down, -image.shape[1] % across
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = image.shape[1] // across, image.shape[0] // down
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def image_size(path: str | os.PathLike[str]) -> Size:
    """`(height, width)` of an image as `read_image` gives it, upright, from its header alone.

    Raises:
        DataError: the file does not hold an image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            sideways = _is_sideways(image)
    except Exception as error:  # Pillow raises whatever its parsers trip over
        raise DataError(f"{path} cannot be read as an image. Is it damaged?") from error
    return (width, height) if sideways else (height, width)


def _is_sideways(image: Image.Image) -> bool:
    """Whether the Exif data swaps width and height: orientations 5 to 8."""
    try:
        return image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    except Exception:  # broken metadata: OpenCV does not mind it either
        return False
