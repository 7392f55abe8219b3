"""JPEG: its markers, and decoding that tells damage instead of filling it with grey."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import simplejpeg

from simplebase.errors import DataError
from simplebase.geometry import Size
from simplebase.images.exif import exif_orientation, upright
from simplebase.images.kinds import require_reasonable_size
from simplebase.images.pillow import decode_by_pillow

_LARGEST_REDUCTION = 8  # of libjpeg

# Neither an escaped byte among the pixels nor a restart nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _EXIF = b"\xff\xda", b"\xff\xd9", b"\xff\xe1"
_EXIF_START = b"Exif\x00\x00"
_START_OF_FRAME = [
    bytes([0xFF, code]) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)
]

# Of libjpeg's warnings (jerror.h) those that say nothing of the pixels.
_HARMLESS = ("unknown JFIF revision", "Unknown Adobe color", "Invalid SOS", "bad ICC marker")
# What TurboJPEG does not take, such as 4:1:0.
_RARE_SAMPLING = "subsampling level"
# Baseline, extended and progressive, by Huffman's codes and by arithmetic ones; others are lossless
# or hierarchical.
_COMMON_FRAMES = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2", b"\xff\xc9", b"\xff\xca")
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def is_jpeg(data: bytes) -> bool:
    """Whether `data` begins as a JPEG does."""
    return data[:3] == b"\xff\xd8\xff"


def jpeg_size(data: bytes) -> Size | None:
    """`(height, width)` as a JPEG is stored; None if it does not say."""
    for marker, _, content in _segments(data):
        if marker in _START_OF_FRAME:
            return int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
    return None


def is_upright(data: bytes) -> bool:
    """Whether a JPEG is stored as it is looked at; its Exif data may tell otherwise."""
    return jpeg_orientation(data) == 1


def jpeg_orientation(data: bytes) -> int:
    """1 to 8, of its Exif data."""
    if _EXIF_START not in data:  # sooner said than by going through the markers
        return 1
    for marker, _, content in _segments(data):
        if marker == _EXIF and content.startswith(_EXIF_START):
            return exif_orientation(content[6:])
        if marker == _START_OF_SCAN:
            break
    return 1


def decode_jpeg(
    data: bytes, name: str, reduction: int, remarks: list[str] | None = None
) -> tuple[np.ndarray, int]:
    """Decodes a JPEG upright, and says by how much it was averaged down meanwhile.

    Args:
        data: what the file holds.
        name: its path, for errors.
        reduction: a power of two that is wanted.
        remarks: gets what libjpeg minds of a file that is read nevertheless.

    Returns:
        `(height, width, 3)` uint8 RGB, and the reduction so far: at most 8, and 1 of an image that
        is turned, whose reduced pixels would begin at the wrong side of those they are made of.

    Raises:
        DataError: it is damaged, cut off, or too large.
    """
    orientation = jpeg_orientation(data)
    if not _is_complete(data):
        raise DataError(f"{name} is cut off: its file ends before the image does.")
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError as error:
        if _RARE_SAMPLING in str(error):
            _note(remarks, error)
            return upright(_by_pillow(data, name), orientation), 1
        raise DataError(f"{name} cannot be read as an image (JPEG: {error}).") from error
    require_reasonable_size((height, width), name)
    done = 1
    # Several of libjpeg's scales give an image of a few pixels the same size.
    if orientation == 1 and max(height, width) >= _LARGEST_REDUCTION:
        done = min(reduction, _LARGEST_REDUCTION)
    height, width = -(-height // done), -(-width // done)
    options: dict[str, Any] = {"min_height": height, "min_width": width} if done > 1 else {}
    # Told where to write, simplejpeg takes three quarters of the time for a small image.
    options["buffer"] = np.empty((height, width, 3), np.uint8)
    try:
        image = simplejpeg.decode_jpeg(data, "RGB", strict=True, **options)
    except ValueError as error:
        if not _is_harmless(str(error), data):
            reason = str(error).removeprefix("Corrupt JPEG data: ")
            if _is_rare(data):
                raise DataError(
                    f"{name} is a rare kind of JPEG that is not supported ({reason}). Convert it "
                    "first."
                ) from error
            raise DataError(
                f"{name} is damaged: a part of the image is lost (JPEG: {reason}). Replace the "
                "file, or leave it out."
            ) from error
        _note(remarks, error)
        # TurboJPEG's lenient mode still refuses what it minds in a header.
        return upright(_by_pillow(data, name), orientation), 1
    return upright(image, orientation), done


def _is_rare(data: bytes) -> bool:
    """Whether the header asks for what libjpeg does not do, such as samples of 12 bits."""
    for marker, _, content in _segments(data):
        if marker in _START_OF_FRAME:
            return marker not in _COMMON_FRAMES or content[:1] != b"\x08"
    return False


def _note(remarks: list[str] | None, error: ValueError) -> None:
    if remarks is not None:
        remarks.append(str(error))


def _by_pillow(data: bytes, name: str) -> np.ndarray:
    """A JPEG that TurboJPEG does not take; Pillow's decoder passes over damage, except a cut."""
    size = jpeg_size(data)
    if size is None:
        raise DataError(f"{name} is damaged or cut off (JPEG: it has no header).")
    require_reasonable_size(size, name)
    try:
        return decode_by_pillow(data)
    except Exception as error:  # Pillow raises whatever its parsers trip over
        raise DataError(f"{name} is damaged or cut off (JPEG: {error}).") from error


def _is_harmless(warning: str, data: bytes) -> bool:
    """Whether libjpeg only minds what does not touch the pixels.

    Some cameras fill up the file before the marker of its end. Bytes of another kind there are
    pixels: the decoder lost its way earlier, and was done too soon.
    """
    if any(each in warning for each in _HARMLESS):
        return True
    if (padding := _PADDING.search(warning)) is None:
        return False
    end = next((place for marker, place, _ in _segments(data) if marker == _END_OF_IMAGE), 0)
    return not data[max(0, end - int(padding[1])) : end].strip(b"\x00\xff")


def _is_complete(data: bytes) -> bool:
    """Whether the image's end is there; decoders fill up what is missing with grey.

    Neither a preview in the Exif data, which has an end of its own, nor what a phone appends to the
    image is taken for it.
    """
    return data.endswith(_END_OF_IMAGE) or any(
        marker == _END_OF_IMAGE for marker, _, _ in _segments(data)
    )


def _segments(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The markers of a JPEG after its first, each with its place and what belongs to it."""
    place = 2
    while marker := _MARKER.search(data, place):
        # Its length counts itself; after a scan's come the pixels.
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        yield marker[0], marker.start(), data[marker.end() + 2 : place]
