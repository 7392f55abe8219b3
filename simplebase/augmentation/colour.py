"""Colour changes that are linear, in one pass."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import (
    BrightnessSettings,
    ChromaSettings,
    ColourSettings,
    ContrastSettings,
    GrayscaleSettings,
)

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_MID_GREY = 127.5
# A 3x3 product is too small to be fast. This many pixels form one row of a block-diagonal product,
# which halved the time.
_PIXELS_OF_BLOCK = 8


class RandomColour(PhotometricLayer):
    """Changes brightness, contrast, chroma and greyness with one random 3x4 matrix per image.

    All four are linear in colour, so they take one pass over the pixels together. Values are not
    clipped between them.

    Args:
        items: the changes, in this order.

    Images `(B, H, W, 3)` stay within 0 to 255; keypoints are not changed.
    """

    def __init__(self, items: Sequence[ColourSettings]) -> None:
        super().__init__()
        self.items = tuple(items)

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """Draws a `(B, 3, 3)` matrix and a `(B,)` offset.

        All items together are `gain * (chroma * pixel + (1 - chroma) * grey) + offset`. A change of
        chroma does not change grey, so it commutes with gain and offset.
        """
        gain, chroma, offset = tf.ones(count), tf.ones(count), tf.zeros(count)
        for item in self.items:
            strength = self._strength(item, count)
            match item:
                case BrightnessSettings():
                    offset += 255.0 * strength
                case ContrastSettings():
                    gain *= 1 + strength
                    offset = (1 + strength) * offset - _MID_GREY * strength
                case ChromaSettings() | GrayscaleSettings():
                    chroma *= 1 + strength
        own, grey = gain * chroma, gain * (1 - chroma)
        matrix = own[:, None, None] * tf.eye(3)
        matrix += grey[:, None, None] * np.tile(_LUMINANCE, (3, 1))
        return {"matrix": matrix, "offset": offset}

    def _strength(self, item: ColourSettings, count: Any) -> tf.Tensor:
        """Draws `(B,)` numbers within +- `item.amount`; 0 where the item is not applied."""
        if isinstance(item, GrayscaleSettings):
            strength = tf.fill((count,), -1.0)
        else:
            strength = self.signed(count, item.amount)
        if item.probability == 1:
            return strength
        return tf.where(self.random.uniform((count,)) < item.probability, strength, 0.0)

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Applies the matrix to the images, and clips them to 0 to 255."""
        shape = tf.shape(images)
        block = math.gcd(_PIXELS_OF_BLOCK, images.shape[1] * images.shape[2])
        matrix = tf.einsum("ij,bkl->biljk", tf.eye(block), drawn["matrix"])
        matrix = tf.reshape(matrix, (shape[0], 3 * block, 3 * block))
        pixels = tf.reshape(images, (shape[0], -1, 3 * block))
        pixels = tf.linalg.matmul(pixels, matrix) + drawn["offset"][:, None, None]
        # `tf.clip_by_value` takes two passes.
        pixels = tf.raw_ops.ClipByValue(t=pixels, clip_value_min=0.0, clip_value_max=255.0)
        return tf.reshape(pixels, shape)
