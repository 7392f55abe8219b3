"""Decodes with Pillow the few files that neither TurboJPEG nor OpenCV can read."""

import io

import numpy as np

from simplebase.images.kinds import MOST_PIXELS


def decode_by_pillow(data: bytes) -> np.ndarray:
    """Decodes the first frame to `(height, width, 3)` uint8 RGB; raises any of Pillow's errors."""
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS is not None:
        # Pillow's own limit is lower than ours, which is checked before decoding.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, MOST_PIXELS)
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))
