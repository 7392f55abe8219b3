"""Reads image files of all supported kinds."""

import os
from pathlib import Path

import cv2
import numpy as np

from simplebase.errors import DataError, MissingFileError
from simplebase.files import require_file
from simplebase.geometry import Size
from simplebase.images.depth import DepthRange, levels
from simplebase.images.exif import exif_orientation, is_sideways, upright
from simplebase.images.jpeg import decode_jpeg, is_jpeg, jpeg_orientation, jpeg_size
from simplebase.images.kinds import Header, require_read, require_reasonable_size
from simplebase.images.pillow import decode_by_pillow
from simplebase.images.png import checked_png, plain_png, png_bits, png_orientation, png_size
from simplebase.images.tiff import tiff_header, unturned_tiff, with_black_at_zero
from simplebase.images.warping import shrunk

_COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_SILENT = 0  # a log level of OpenCV
_HEAD = 2**16  # bytes that contain most headers
# A few of a hundred thousand pixels are defective, and more in thermal cameras.
_SHARES = (0.1, 99.9)  # per cent

if "OPENCV_LOG_LEVEL" not in os.environ:
    # OpenCV's messages about damaged files lack the file's name, unlike ours.
    # The function is in different places in OpenCV 4 and 5.
    (cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2).setLogLevel(_SILENT)


def read_image(path: str | os.PathLike[str], depth_range: DepthRange | None = None) -> np.ndarray:
    """Reads a JPEG, PNG, BMP, WebP, TIFF or GIF file upright, using its Exif orientation.

    Greyscale, alpha and 16-bit images become three channels of 8 bits. If a file has several pages
    or frames, the first one is read.

    Args:
        path: the file.
        depth_range: which values of an image of more than 8 bits become black and white. The
            default is 0 and the largest 16-bit value.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not an image, is damaged, or has more than `MOST_PIXELS`.
    """
    return decode_image(read_bytes(path), str(path), depth_range=depth_range)


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Reads the content of an image file; links are followed.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it cannot be read.
    """
    # `pathlib` takes as long as reading a small image, so it is asked only if something is wrong.
    if not os.path.isfile(path):
        path = Path(path)
        if path.is_symlink() and not path.exists():
            raise MissingFileError(
                f"{path} is a link to {os.readlink(path)}, which does not exist."
            )
        require_file(path, "the image")
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def decode_image(
    data: bytes,
    name: str,
    reduction: int = 1,
    depth_range: DepthRange | None = None,
    remarks: list[str] | None = None,
    sound: bool = False,
) -> np.ndarray:
    """Decodes an image like `read_image`.

    Args:
        data: content of the file.
        name: its path, for messages.
        reduction: a power of two by which both sides are reduced. A JPEG is decoded at up to an
            eighth of its size, which takes less time.
        depth_range: see `read_image`.
        remarks: receives warnings of libjpeg or libpng about an image that can still be read.
        sound: whether the same data were decoded before without errors or remarks. Then a PNG is
            not checked again, which saves a third of the time.

    Raises:
        DataError: `data` is not a supported image, is damaged, or ends too early.
    """
    if is_jpeg(data):
        image, done = decode_jpeg(data, name, reduction, remarks)
    else:
        image, done = levels(_values(data, name, remarks, sound), depth_range, name), 1
    if reduction > done:
        image = shrunk(image, reduction // done, reduction // done)
    return image


def deep_range(data: bytes, name: str) -> tuple[float, float] | None:
    """Returns the range of 99.8 % of an image's values if it has more than 8 bits, else None.

    Raises:
        DataError: see `decode_image`.
    """
    if is_jpeg(data) or _header(data, require_read(data, name)).bits <= 8:
        return None
    values = _values(data, name)
    finite = values[np.isfinite(values)]
    if values.dtype == np.uint8 or not finite.size:
        return None
    low, high = np.percentile(finite, _SHARES, method="nearest")
    return float(low), float(high)


def image_size(path: str | os.PathLike[str]) -> Size:
    """Returns the upright `(height, width)` of an image, like `read_image`, from its header only.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not a supported image, or too large.
    """
    name = str(path)
    with require_file(path, "the image").open("rb") as file:
        data = file.read(_HEAD)
        kind = require_read(data, name)
        header = _header(data, kind)
        if header.size is None or kind == "PNG" or kind == "WebP":
            # In these formats, the Exif data may come after the pixels.
            data += file.read()
            header = _header(data, kind)
    if header.size is None:
        raise DataError(f"{name} cannot be read as an image: its header is damaged.")
    require_reasonable_size(header.size, name)
    height, width = header.size
    return (width, height) if is_sideways(header.orientation) else (height, width)


def _values(
    data: bytes, name: str, remarks: list[str] | None = None, sound: bool = False
) -> np.ndarray:
    """Decodes anything but JPEG to upright RGB: uint8, uint16, or 32-bit values of a TIFF."""
    kind = require_read(data, name)
    header = _header(data, kind)
    if header.size is not None:
        require_reasonable_size(header.size, name)
    if kind == "GIF":
        return _decode_gif(data, name)
    flags = _COLOUR
    if kind == "TIFF":
        data = unturned_tiff(data, name)
        if header.bits > 16:
            flags = cv2.IMREAD_UNCHANGED
    if kind == "PNG":
        data = plain_png(data) if sound else checked_png(data, name, remarks)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise DataError(
            f"{name} cannot be read as an image: it is damaged, cut off, or a rare kind of {kind}."
        )
    if kind == "TIFF":
        image = with_black_at_zero(image, data)
    return upright(_rgb(image), header.orientation)


def _rgb(image: np.ndarray) -> np.ndarray:
    """Converts OpenCV's channels to RGB."""
    if image.ndim == 2 or image.shape[2] < 3:  # grey, and grey with alpha
        return np.repeat(image.reshape(*image.shape[:2], -1)[..., :1], 3, axis=-1)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return np.ascontiguousarray(image[..., 2::-1])


def _decode_gif(data: bytes, name: str) -> np.ndarray:
    """Decodes with Pillow, because OpenCV before 4.11 cannot read GIF."""
    try:
        return decode_by_pillow(data)
    except Exception as error:  # Pillow's parsers raise many types
        raise DataError(f"{name} is damaged or cut off (GIF: {error}).") from error


def _header(data: bytes, kind: str) -> Header:
    if kind == "JPEG":
        return Header(jpeg_size(data), jpeg_orientation(data))
    if kind == "PNG":
        return Header(png_size(data), png_orientation(data), png_bits(data))
    if kind == "TIFF":
        return Header(*tiff_header(data))
    if kind == "GIF":
        return Header((_little(data, 8, 2), _little(data, 6, 2)), 1)
    if kind == "BMP":
        return Header(_bmp_size(data), 1)
    return _webp_header(data)


def _bmp_size(data: bytes) -> Size:
    if _little(data, 14, 4) == 12:  # OS/2's header
        return _little(data, 20, 2), _little(data, 18, 2)
    # Negative if the first row is the top row.
    height = int.from_bytes(data[22:26], "little", signed=True)
    return abs(height), _little(data, 18, 4)


def _webp_header(data: bytes) -> Header:
    """See https://developers.google.com/speed/webp/docs/riff_container."""
    kind, size, orientation = data[12:16], None, 1
    if kind == b"VP8 ":
        size = _little(data, 28, 2) & 0x3FFF, _little(data, 26, 2) & 0x3FFF
    elif kind == b"VP8L":
        bits = _little(data, 21, 4)
        size = (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    elif kind == b"VP8X":
        size = _little(data, 27, 3) + 1, _little(data, 24, 3) + 1
        place = 12
        while place + 8 <= len(data):
            length = _little(data, place + 4, 4)
            if data[place : place + 4] == b"EXIF":
                exif = data[place + 8 : place + 8 + length]
                orientation = exif_orientation(exif.removeprefix(b"Exif\x00\x00"))
            place += 8 + length + length % 2
    return Header(size, orientation)


def _little(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "little")
