"""Finds copies of images by their look, even if they were resized or compressed again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from simplebase.equality import ArrayEquality

FINGERPRINT_SIDE = 32
_HASH_SIDE = 8
_THUMBNAIL_SIDE = 16

# Measured: copies of COCO's images (640x480) at 0.33 to 1.7 times their size and JPEG quality 30 to
# 90 differ by at most 6 bits, and 20 grey levels in each pixel of the thumbnail. Frames of a fixed
# camera a second apart differ by 0 to 8 bits, because the background is the same, but by 20 to 64
# grey levels where something moved. With sides below about 100 pixels (LSP), three in ten copies of
# half the size are missed. No two different pictures of COCO, LSP or the figures meet both bounds.
_MOST_BITS = 6
_MOST_GREY = 20

# An image with a smaller spread of grey levels has no features to compare.
_LEAST_CONTRAST = 3.0

_PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class Fingerprint(ArrayEquality):
    """The features by which images are compared.

    Args:
        bits: a perceptual hash of 64 bits: signs of the lowest frequencies of its discrete cosine
            transform (Zauner, 2010, https://www.phash.org/docs/pubs/thesis_zauner.pdf).
        thumbnail: `(16, 16)` uint8 grey, each pixel the mean of its part of the image.
    """

    bits: np.uint64
    thumbnail: np.ndarray


def fingerprint(image: Image.Image) -> Fingerprint:
    """Computes the fingerprint of an image of any size."""
    side = (FINGERPRINT_SIDE, FINGERPRINT_SIDE)
    grey = np.asarray(image.convert("L").resize(side, Image.Resampling.BOX), np.float64)
    waves = _COSINES @ grey @ _COSINES.T
    low = waves.ravel() > np.median(waves.ravel()[1:])
    low[0] = False  # the mean brightness, which is not a feature
    parts = FINGERPRINT_SIDE // _THUMBNAIL_SIDE
    small = grey.reshape(_THUMBNAIL_SIDE, parts, _THUMBNAIL_SIDE, parts).mean(axis=(1, 3))
    return Fingerprint(np.packbits(low).view(np.uint64)[0], np.round(small).astype(np.uint8))


def _cosines() -> np.ndarray:
    """Returns `(8, 32)`: the first rows of the discrete cosine transform."""
    frequency, position = np.arange(_HASH_SIDE)[:, None], np.arange(FINGERPRINT_SIDE)
    return np.cos(np.pi * frequency * (position + 0.5) / FINGERPRINT_SIDE)


_COSINES = _cosines()


def copies(
    first: Sequence[Fingerprint], second: Sequence[Fingerprint]
) -> Iterator[tuple[int, int]]:
    """Returns index pairs `(i, j)` of images in `first` and `second` that look the same."""
    left, right = _Table(first), _Table(second)
    rows = max(1, _PAIRS_AT_ONCE // max(1, len(second)))
    for start in range(0, len(first), rows):
        bits = left.bits[start : start + rows, None] ^ right.bits[None]
        i, j = np.nonzero(np.bitwise_count(bits) <= _MOST_BITS)
        i += start
        plain = left.plain[i] | right.plain[j]
        i, j = i[~plain], j[~plain]
        for part in range(0, len(i), _PAIRS_AT_ONCE // 64):
            chosen = slice(part, part + _PAIRS_AT_ONCE // 64)
            difference = np.abs(left.thumbnails[i[chosen]] - right.thumbnails[j[chosen]])
            same = difference.max(axis=(1, 2), initial=0) <= _MOST_GREY
            yield from zip(i[chosen][same].tolist(), j[chosen][same].tolist(), strict=True)


class _Table:
    """Fingerprints as columns."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        self.bits = np.array([item.bits for item in fingerprints], np.uint64)
        shape = (len(fingerprints), _THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
        thumbnails = np.array([item.thumbnail for item in fingerprints]).reshape(shape)
        self.thumbnails = thumbnails.astype(np.int16)
        self.plain = self.thumbnails.std(axis=(1, 2)) < _LEAST_CONTRAST
