"""Blur and sharpness: convolutions with a different kernel for each image.

They are separate passes, because their product is not separable and would cost more than both.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import BlurSettings, SharpnessSettings

_CHANNELS = 3
# This many pixels and their neighbours form one row of a matrix product. It was the fastest of 8,
# 16 and 32, and the side of every input is a multiple of it.
_BLOCK = 32


class RandomBlur(PhotometricLayer):
    """Blurs images with Gaussians of random strength.

    Args:
        settings: the largest standard deviation in pixels, and the probability.

    Beyond the border of an image, its outermost pixels are repeated.
    """

    def __init__(self, settings: BlurSettings) -> None:
        super().__init__(settings.probability)
        self.sigma = settings.sigma

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """Draws one standard deviation per image, uniform up to the largest."""
        return {"sigma": self.random.uniform((count,), 0.0, self.sigma)}

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Blurs images with kernels whose radius is three times the largest standard deviation."""
        radius = math.ceil(3 * self.sigma)
        distance = np.arange(-radius, radius + 1, dtype=np.float32)
        # Below a hundredth of a pixel there is no visible blur, and the exponent would overflow.
        sigma = tf.maximum(drawn["sigma"], 0.01)[:, None]
        kernels = tf.exp(-(distance**2) / (2 * sigma**2))
        return filter_separably(images, kernels / tf.reduce_sum(kernels, axis=1, keepdims=True))


class RandomSharpness(PhotometricLayer):
    """Softens or sharpens: PIL's `ImageEnhance.Sharpness` with a random factor.

    Args:
        settings: the largest difference of the factor from 1, and the probability.

    Images stay within 0 to 255.
    """

    def __init__(self, settings: SharpnessSettings) -> None:
        super().__init__(settings.probability)
        self.amount = settings.amount

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """Draws how much sharper each image becomes; below 0 is softer."""
        return {"strength": self.signed(count, self.amount)}

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Returns `image + strength * (image - smooth)`, clipped."""
        box = np.full((1, 3), 1 / 3, np.float32)
        mean = filter_separably(images, tf.repeat(box, tf.shape(images)[0], axis=0))
        # PIL smooths by [1 1 1; 1 5 1; 1 1 1] / 13, which is 9/13 of the mean and 4/13 of itself.
        strength = drawn["strength"][:, None, None, None] * (9 / 13)
        sharper = images + strength * (images - mean)
        return tf.raw_ops.ClipByValue(t=sharper, clip_value_min=0.0, clip_value_max=255.0)


def filter_separably(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Convolves each image along x and along y with its own kernel.

    TensorFlow has no convolution with one kernel per sample. Instead, blocks of pixels with their
    neighbours are multiplied by one band matrix per sample.

    Args:
        images: `(B, H, W, 3)`.
        kernels: `(B, 2 r + 1)`, symmetric.

    Returns:
        `(B, H, W, 3)`. Beyond the border, the outermost pixels are repeated.
    """
    count, radius = tf.shape(images)[0], kernels.shape[1] // 2
    height, width = images.shape[1:3]
    block = _block(width, radius)
    blocks = tf.reshape(images, (count, height, width // block, block * _CHANNELS))
    blocks = _with_neighbours(blocks, axis=2, unit_axis=3, reach=radius * _CHANNELS, repeat=radius)
    bands = tf.einsum("bij,cd->bicjd", _bands(kernels, block), tf.eye(_CHANNELS))
    bands = tf.reshape(bands, (count, (block + 2 * radius) * _CHANNELS, block * _CHANNELS))
    rows = tf.linalg.matmul(tf.reshape(blocks, (count, -1, bands.shape[1])), bands)

    block = _block(height, radius)
    blocks = tf.reshape(rows, (count, height // block, block, width * _CHANNELS))
    blocks = _with_neighbours(blocks, axis=1, unit_axis=2, reach=radius, repeat=radius)
    bands = _bands(kernels, block)[:, None]
    columns = tf.linalg.matmul(bands, blocks, transpose_a=True)
    return tf.reshape(columns, (count, height, width, _CHANNELS))


def _block(side: int, radius: int) -> int:
    """Returns the pixels per block: a divisor of `side` that is not less than `radius`."""
    block = math.gcd(side, _BLOCK)
    return block if block >= radius else side


def _bands(kernels: tf.Tensor, block: int) -> tf.Tensor:
    """Returns `(B, block + 2 r, block)`: column i has the weights of pixel i's neighbourhood."""
    last = kernels.shape[1] - 1
    tap = np.arange(block + last)[:, None] - np.arange(block)
    inside = ((tap >= 0) & (tap <= last)).astype(np.float32)
    return tf.gather(kernels, np.clip(tap, 0, last), axis=1) * inside


def _with_neighbours(
    blocks: tf.Tensor, *, axis: int, unit_axis: int, reach: int, repeat: int
) -> tf.Tensor:
    """Returns blocks along `axis`, each extended by `reach` pixels of both neighbours."""

    def part(along: slice, within: slice) -> tf.Tensor:
        index = [slice(None)] * 4
        index[axis], index[unit_axis] = along, within
        return blocks[tuple(index)]

    one = reach // repeat
    tiles = [1, 1, 1, 1]
    tiles[unit_axis] = repeat
    first = tf.tile(part(slice(0, 1), slice(0, one)), tiles)
    last = tf.tile(part(slice(-1, None), slice(-one, None)), tiles)
    before = tf.concat([first, part(slice(0, -1), slice(-reach, None))], axis=axis)
    after = tf.concat([part(slice(1, None), slice(0, reach)), last], axis=axis)
    return tf.concat([before, blocks, after], axis=unit_axis)
