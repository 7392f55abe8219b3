"""Rectangles that hide a part of the object."""

from typing import Any

import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import RandomCutoutSettings

_MID_GREY = 127.5


class RandomKeypointCutout(PhotometricLayer):
    """Covers rectangles of random size and place; each lies within the image.

    A keypoint under one stays labelled, as in MMPose and KerasCV: to tell it from its surroundings
    is what this teaches.

    Args:
        settings: count, sizes, what fills them, and the probability.
    """

    def __init__(self, settings: RandomCutoutSettings) -> None:
        super().__init__(settings.probability)
        self.settings = settings

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """`(B, n, 2)` heights and widths as fractions, and where in the room left they lie."""
        shape = (count, self.settings.count, 2)
        uniform = self.random.uniform
        return {"size": uniform(shape, *self.settings.size), "place": uniform(shape)}

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Images with their rectangles filled."""
        down, across = (
            _covered(drawn["size"][..., axis], drawn["place"][..., axis], images.shape[1 + axis])
            for axis in (0, 1)
        )
        covered = tf.reduce_any(down[:, :, :, None] & across[:, :, None, :], axis=1)
        fill = _MID_GREY
        if self.settings.fill == "noise":
            # One image of noise serves a batch: its samples are cut from it at other places.
            fill = self.random.uniform_for_all(images.shape[1:], 0.0, 255.0)
        return tf.where(covered[..., None], fill, images)


def _covered(fraction: tf.Tensor, place: tf.Tensor, side: int) -> tf.Tensor:
    """`(B, n, side)` bool, the pixels along one side that `(B, n)` intervals cover."""
    length = tf.round(fraction * side)
    start = tf.floor(place * (side - length + 1))[..., None]
    pixel = tf.range(side, dtype=tf.float32)
    return (pixel >= start) & (pixel < start + length[..., None])
