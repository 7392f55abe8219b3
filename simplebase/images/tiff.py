"""TIFF: what its first directory says, and what OpenCV does not heed of that."""

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
    """The same image without its orientation, by which OpenCV mixes up the tiles of some.

    Raises:
        DataError: it is of a sort that OpenCV reads wrongly.
    """
    tags = tiff_tags(data)
    if tags.get(_PLANES) == _SEPARATE and tags.get(_SAMPLES, 1) > 1 and tags.get(_BITS, 8) > 8:
        raise DataError(
            f"{name} is a TIFF of {tags[_BITS]} bits that stores its colours one after the other, "
            "which is not read. Save it with the colours of a pixel side by side."
        )
    return with_tag(data, ORIENTATION, 1) if tags.get(ORIENTATION, 1) != 1 else data


def with_black_at_zero(values: np.ndarray, data: bytes) -> np.ndarray:
    """`values` of the TIFF `data`, inverted if it stores white as 0; OpenCV inverts 8 bits only."""
    if values.dtype == np.uint16 and tiff_tags(data).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return ~values
    return values
