"""TIFF: its first directory, and corrections for tags that OpenCV ignores."""

import numpy as np

from simplebase.errors import DataError
from simplebase.images.exif import ORIENTATION, exif_orientation, tiff_tags, with_tag
from simplebase.images.kinds import Header

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANES = 256, 257, 258, 262, 277, 284
_WHITE_IS_ZERO = 0
_SEPARATE = 2


def tiff_header(data: bytes) -> Header:
    """Reads the header of a TIFF or BigTIFF."""
    tags = tiff_tags(data)
    size = (tags[_HEIGHT], tags[_WIDTH]) if _WIDTH in tags and _HEIGHT in tags else None
    return Header(size, exif_orientation(data), tags.get(_BITS, 8))


def unturned_tiff(data: bytes, name: str) -> bytes:
    """Returns the image without its orientation, with which OpenCV may mix up the tiles.

    Raises:
        DataError: it is of a kind that OpenCV reads wrongly.
    """
    tags = tiff_tags(data)
    if tags.get(_PLANES) == _SEPARATE and tags.get(_SAMPLES, 1) > 1 and tags.get(_BITS, 8) > 8:
        raise DataError(
            f"{name} is a TIFF of {tags[_BITS]} bits with separate planes for its colours, "
            "which is not supported. Save it with interleaved colours."
        )
    return with_tag(data, ORIENTATION, 1) if tags.get(ORIENTATION, 1) != 1 else data


def with_black_at_zero(values: np.ndarray, data: bytes) -> np.ndarray:
    """Inverts the values of a TIFF that stores white as 0; OpenCV itself only inverts 8 bits."""
    if values.dtype == np.uint16 and tiff_tags(data).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return ~values
    return values
