"""A teacher in the graph: the average of the student's weights."""

from typing import Any

import keras
import tensorflow as tf

from simplebase.decoding import DarkDecoding
from simplebase.estimator import SimpleBaseline
from simplebase.presets.unlabelled_settings import UnlabelledSettings
from simplebase.training.unlabelled.agreement import agreed


class AverageTeacher:
    """Labels plain views of unlabelled images, which are easy, for a student that sees hard ones.

    A view is the middle of a canvas: the crop as in use. The teacher looks at it and at its mirror
    image, in inference mode, and no gradient goes through it.

    Args:
        model: whose weights follow the student's, see `WeightAverage`.
        settings: threshold and mirror.
    """

    def __init__(self, model: SimpleBaseline, settings: UnlabelledSettings) -> None:
        self.model = model
        self._settings = settings
        self._decoding = DarkDecoding(model.metadata.codec, dtype="float32")

    def label(self, images: Any) -> tuple[Any, Any]:
        """Pseudo keypoints of canvases.

        Args:
            images: `(B, Hc, Wc, 3)` uint8, no smaller than the model's input.

        Returns:
            `(B, K, 3)` x, y in canvas pixels, and visibility: 2 where the score reaches the
            threshold, else 0; and the sum of all scores.
        """
        height, width = self.model.metadata.input_size
        top, left = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
        views = tf.cast(images[:, top : top + height, left : left + width], tf.float32)
        found = self._find(views)
        scores = found[..., 2]
        visibility = tf.where(scores >= self._settings.threshold, 2.0, 0.0)
        x, y = found[..., 0] + left, found[..., 1] + top
        taught = tf.stop_gradient(tf.stack([x, y, visibility], axis=-1))
        return taught, tf.reduce_sum(scores)

    def _find(self, views: Any) -> Any:
        mirror = self._settings.mirror
        if mirror is None:
            return self._decoding(self.model(views, training=False))
        # One pass for both, which a GPU does faster than two.
        both = tf.concat([views, views[:, :, ::-1]], axis=0)
        found, other = tf.split(self._decoding(self.model(both, training=False)), 2)
        metadata = self.model.metadata
        height, width = metadata.input_size
        permutation = metadata.skeleton.horizontal_permutation
        farthest = mirror * max(height, width)
        return agreed(found, other, permutation, width, farthest, keras.ops)
