"""A teacher within the graph: the average of the student's weights."""

from typing import Any

import keras
import tensorflow as tf

from simplebase.decoding import DarkDecoding
from simplebase.estimator import SimpleBaseline
from simplebase.presets.unlabelled_settings import UnlabelledSettings
from simplebase.training.unlabelled.agreement import agreed


class AverageTeacher:
    """Labels plain views of unlabelled images for a student that sees strongly augmented views.

    A plain view is the centre of a canvas, which is the crop used in inference. The teacher
    predicts it and its mirror image in inference mode, without gradients.

    Args:
        model: the average of the student's weights, see `WeightAverage`.
        settings: threshold and mirror.
    """

    def __init__(self, model: SimpleBaseline, settings: UnlabelledSettings) -> None:
        self.model = model
        self._settings = settings
        self._decoding = DarkDecoding(model.metadata.codec, dtype="float32")

    def label(self, images: Any) -> tuple[Any, Any]:
        """Returns the pseudo keypoints of canvases.

        Args:
            images: `(B, Hc, Wc, 3)` uint8, no smaller than the model's input.

        Returns:
            Keypoints `(B, K, 3)` (x, y in canvas pixels, and visibility: 2 where the score reaches
            the threshold, else 0), and the sum of all scores.
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
        # One pass for both is faster on a GPU than two.
        both = tf.concat([views, views[:, :, ::-1]], axis=0)
        found, other = tf.split(self._decoding(self.model(both, training=False)), 2)
        metadata = self.model.metadata
        height, width = metadata.input_size
        permutation = metadata.skeleton.horizontal_permutation
        farthest = mirror * max(height, width)
        return agreed(found, other, permutation, width, farthest, keras.ops)
