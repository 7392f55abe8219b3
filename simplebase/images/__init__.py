"""Reading, writing and cropping images: RGB, uint8, `(height, width, 3)`.

All readers of simplebase use `decode_image`, so that training, evaluation, checks and demos get the
same pixels. It reads the kinds in `kinds.py`, upright, with at most `MOST_PIXELS`, reports damaged
files by name, and reduces 16-bit values by a `DepthRange`.
"""

from simplebase.images.depth import DEPTH_ADVICE, DepthRange, depth_note
from simplebase.images.jpeg import is_jpeg, is_upright, jpeg_size
from simplebase.images.kinds import (
    IMAGE_SUFFIXES,
    KINDS_READ,
    MOST_PIXELS,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    WRITTEN_SUFFIXES,
    kind_of,
    require_read,
)
from simplebase.images.reading import (
    decode_image,
    deep_range,
    image_size,
    read_bytes,
    read_image,
)
from simplebase.images.warping import reduced_matrix, reduction_for, shrunk, warp_image
from simplebase.images.writing import encode_image, require_image_suffix, write_image

__all__ = [
    "DEPTH_ADVICE",
    "IMAGE_SUFFIXES",
    "KINDS_READ",
    "MOST_PIXELS",
    "UNREAD_SUFFIXES",
    "VIDEO_SUFFIXES",
    "WRITTEN_SUFFIXES",
    "DepthRange",
    "decode_image",
    "deep_range",
    "depth_note",
    "encode_image",
    "image_size",
    "is_jpeg",
    "is_upright",
    "jpeg_size",
    "kind_of",
    "read_bytes",
    "read_image",
    "reduced_matrix",
    "reduction_for",
    "require_image_suffix",
    "require_read",
    "shrunk",
    "warp_image",
    "write_image",
]
