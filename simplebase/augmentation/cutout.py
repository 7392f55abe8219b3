"""Covers parts of the object with rectangles."""

from typing import Any

import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import RandomCutoutSettings

_MID_GREY = 127.5


class RandomKeypointCutout(PhotometricLayer):
    """Covers rectangles of random size and position within the image.

    A covered keypoint stays labelled, as in MMPose and KerasCV, so that the model learns to infer
    it from its surroundings.

    Args:
        settings: number, sizes and filling of the rectangles, and the probability.
    """

    def __init__(self, settings: RandomCutoutSettings) -> None:
        super().__init__(settings.probability)
        self.settings = settings

    def draw(self, count: Any) -> dict[str, tf.Tensor]:
        """Draws `(B, n, 2)` heights and widths as fractions, and positions within the image."""
        shape = (count, self.settings.count, 2)
        uniform = self.random.uniform
        return {"size": uniform(shape, *self.settings.size), "place": uniform(shape)}

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Fills the rectangles."""
        down, across = (
            _covered(drawn["size"][..., axis], drawn["place"][..., axis], images.shape[1 + axis])
            for axis in (0, 1)
        )
        covered = tf.reduce_any(down[:, :, :, None] & across[:, :, None, :], axis=1)
        fill = _MID_GREY
        if self.settings.fill == "noise":
            # One image of noise is enough for a batch: each sample uses other parts of it.
            fill = self.random.uniform_for_all(images.shape[1:], 0.0, 255.0)
        return tf.where(covered[..., None], fill, images)


def _covered(fraction: tf.Tensor, place: tf.Tensor, side: int) -> tf.Tensor:
    """Returns `(B, n, side)` bool: the pixels along one side that `(B, n)` intervals cover."""
    length = tf.round(fraction * side)
    start = tf.floor(place * (side - length + 1))[..., None]
    pixel = tf.range(side, dtype=tf.float32)
    return (pixel >= start) & (pixel < start + length[..., None])
