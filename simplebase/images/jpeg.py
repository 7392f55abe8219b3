"""JPEG: its markers, and decoding that reports damage instead of filling it with grey."""

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

# A marker that is not an escaped byte among the pixels, a restart or a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _EXIF = b"\xff\xda", b"\xff\xd9", b"\xff\xe1"
_EXIF_START = b"Exif\x00\x00"
_START_OF_FRAME = [
    bytes([0xFF, code]) for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC)
]

# Warnings of libjpeg (jerror.h) that do not concern the pixels.
_HARMLESS = ("unknown JFIF revision", "Unknown Adobe color", "Invalid SOS", "bad ICC marker")
# Files that TurboJPEG does not support, such as 4:1:0.
_RARE_SAMPLING = "subsampling level"
# Baseline, extended and progressive, with Huffman or arithmetic coding. The others are lossless or
# hierarchical.
_COMMON_FRAMES = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2", b"\xff\xc9", b"\xff\xca")
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def is_jpeg(data: bytes) -> bool:
    """Returns whether `data` starts like a JPEG."""
    return data[:3] == b"\xff\xd8\xff"


def jpeg_size(data: bytes) -> Size | None:
    """Returns the stored `(height, width)` of a JPEG; None if it is missing."""
    for marker, _, content in _segments(data):
        if marker in _START_OF_FRAME:
            return int.from_bytes(content[1:3]), int.from_bytes(content[3:5])
    return None


def is_upright(data: bytes) -> bool:
    """Returns whether a JPEG is stored upright, according to its Exif data."""
    return jpeg_orientation(data) == 1


def jpeg_orientation(data: bytes) -> int:
    """Returns the orientation in its Exif data, 1 to 8."""
    if _EXIF_START not in data:  # quicker than reading all markers
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
    """Decodes a JPEG upright, and returns by how much it was reduced.

    Args:
        data: content of the file.
        name: its path, for messages.
        reduction: the requested reduction, a power of two.
        remarks: receives libjpeg's warnings about a file that can still be read.

    Returns:
        `(height, width, 3)` uint8 RGB, and the reduction that was applied: at most 8, and 1 for a
        rotated image, whose reduced pixels would be aligned to the wrong side.

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
    # For an image of a few pixels, several of libjpeg's scales give the same size.
    if orientation == 1 and max(height, width) >= _LARGEST_REDUCTION:
        done = min(reduction, _LARGEST_REDUCTION)
    height, width = -(-height // done), -(-width // done)
    options: dict[str, Any] = {"min_height": height, "min_width": width} if done > 1 else {}
    # With a given buffer, simplejpeg takes three quarters of the time for a small image.
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
        # Even TurboJPEG's lenient mode refuses faults in a header.
        return upright(_by_pillow(data, name), orientation), 1
    return upright(image, orientation), done


def _is_rare(data: bytes) -> bool:
    """Returns whether the header needs features that libjpeg lacks, such as 12-bit samples."""
    for marker, _, content in _segments(data):
        if marker in _START_OF_FRAME:
            return marker not in _COMMON_FRAMES or content[:1] != b"\x08"
    return False


def _note(remarks: list[str] | None, error: ValueError) -> None:
    if remarks is not None:
        remarks.append(str(error))


def _by_pillow(data: bytes, name: str) -> np.ndarray:
    """Decodes a JPEG that TurboJPEG does not support; Pillow ignores damage except truncation."""
    size = jpeg_size(data)
    if size is None:
        raise DataError(f"{name} is damaged or cut off (JPEG: it has no header).")
    require_reasonable_size(size, name)
    try:
        return decode_by_pillow(data)
    except Exception as error:  # Pillow's parsers raise many types
        raise DataError(f"{name} is damaged or cut off (JPEG: {error}).") from error


def _is_harmless(warning: str, data: bytes) -> bool:
    """Returns whether a warning of libjpeg does not concern the pixels.

    Some cameras pad the file before its end marker. Other bytes there are pixels: the decoder went
    wrong earlier and ended too soon.
    """
    if any(each in warning for each in _HARMLESS):
        return True
    if (padding := _PADDING.search(warning)) is None:
        return False
    end = next((place for marker, place, _ in _segments(data) if marker == _END_OF_IMAGE), 0)
    return not data[max(0, end - int(padding[1])) : end].strip(b"\x00\xff")


def _is_complete(data: bytes) -> bool:
    """Returns whether the image's end is present. Decoders fill missing parts with grey.

    A preview in the Exif data, which has its own end, and data that a phone appends are ignored.
    """
    return data.endswith(_END_OF_IMAGE) or any(
        marker == _END_OF_IMAGE for marker, _, _ in _segments(data)
    )


def _segments(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Yields the markers of a JPEG after the first one, with their position and content."""
    place = 2
    while marker := _MARKER.search(data, place):
        # The length includes itself. The pixels follow after the header of a scan.
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        yield marker[0], marker.start(), data[marker.end() + 2 : place]
