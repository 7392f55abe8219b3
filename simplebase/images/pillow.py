"""Pillow, for the few files that neither TurboJPEG nor OpenCV reads; imported when one comes."""

import io

import numpy as np

from simplebase.images.kinds import MOST_PIXELS


def decode_by_pillow(data: bytes) -> np.ndarray:
    """`(height, width, 3)` uint8 RGB, of the first frame; raises whatever Pillow trips over."""
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS is not None:
        # Pillow's own limit lies below ours, which is checked before anything is decoded.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MOST_PIXELS)
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))
