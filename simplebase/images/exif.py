"""How an image is turned upright, and the tags of TIFF and Exif data."""

from typing import Literal

import cv2
import numpy as np

ORIENTATION = 0x0112
_SHORT, _LONG, _LONG8 = 3, 4, 16
_BYTES = {_SHORT: 2, _LONG: 4, _LONG8: 8}


def tiff_tags(tiff: bytes) -> dict[int, int]:
    """The first value of each whole-number tag of the first directory; empty if it is damaged."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(tiff[place : place + size], order)

    # BigTIFF, version 43, has places of 8 bytes.
    wide = number(2, 2) == 43
    word, entry = (8, 20) if wide else (4, 12)
    directory = number(8 if wide else 4, word)
    counted = 8 if wide else 2
    entries = min(number(directory, counted), len(tiff) // entry)
    tags = {}
    for index in range(entries):
        place = directory + counted + index * entry
        size = _BYTES.get(number(place + 2, 2))
        if size is None:
            continue
        value = place + 4 + word
        # More than fits into the entry lies elsewhere.
        if size * number(place + 4, word) > word:
            value = number(value, word)
        tags[number(place, 2)] = number(value, size)
    return tags


def exif_orientation(tiff: bytes) -> int:
    """1 to 8, see the Exif standard; 1 if it is not there or not one of them."""
    orientation = tiff_tags(tiff).get(ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


def is_sideways(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """The image as it is looked at."""
    if is_sideways(orientation):
        image = cv2.transpose(image)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else cv2.flip(image, flip)
