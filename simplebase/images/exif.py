"""Reads tags of TIFF and Exif data, and rotates images upright."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import cv2
import numpy as np

ORIENTATION = 0x0112
_SHORT, _LONG, _LONG8 = 3, 4, 16
_BYTES = {_SHORT: 2, _LONG: 4, _LONG8: 8}


class _Entry(NamedTuple):
    """A whole-number tag, and the position of its first value in the file."""

    tag: int
    place: int
    size: int


def tiff_tags(tiff: bytes) -> dict[int, int]:
    """Returns the first value of each whole-number tag in the first directory; empty if damaged."""
    return {tag: _number(tiff, place, size) for tag, place, size in _entries(tiff)}


def with_tag(tiff: bytes, tag: int, value: int) -> bytes:
    """Returns the same file with another first value of an existing tag."""
    changed = bytearray(tiff)
    for each, place, size in _entries(tiff):
        if each == tag:
            changed[place : place + size] = value.to_bytes(size, _byte_order(tiff))
    return bytes(changed)


def _entries(tiff: bytes) -> Iterator[_Entry]:
    """Yields the whole-number tags of the first directory."""
    # BigTIFF, version 43, has offsets of 8 bytes.
    wide = _number(tiff, 2, 2) == 43
    word, entry = (8, 20) if wide else (4, 12)
    directory = _number(tiff, 8 if wide else 4, word)
    counted = 8 if wide else 2
    for index in range(min(_number(tiff, directory, counted), len(tiff) // entry)):
        place = directory + counted + index * entry
        size = _BYTES.get(_number(tiff, place + 2, 2))
        if size is None:
            continue
        value = place + 4 + word
        # Values that do not fit into the entry are stored elsewhere.
        if size * _number(tiff, place + 4, word) > word:
            value = _number(tiff, value, word)
        if value + size <= len(tiff):
            yield _Entry(_number(tiff, place, 2), value, size)


def _number(tiff: bytes, place: int, size: int) -> int:
    return int.from_bytes(tiff[place : place + size], _byte_order(tiff))


def _byte_order(tiff: bytes) -> Literal["little", "big"]:
    return "little" if tiff[:2] == b"II" else "big"


def exif_orientation(tiff: bytes) -> int:
    """Returns the orientation, 1 to 8 (see the Exif standard); 1 if it is missing or invalid."""
    orientation = tiff_tags(tiff).get(ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


def is_sideways(orientation: int) -> bool:
    """Returns whether width and height are swapped."""
    return orientation >= 5


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Returns the image upright."""
    if is_sideways(orientation):
        image = cv2.transpose(image)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else cv2.flip(image, flip)
