"""A teacher within the graph: the average of the student's weights."""

from typing import Any

import keras
import tensorflow as tf

from simplebase.decoding import DarkDecoding
from simplebase.estimator import SimpleBaseline
from simplebase.presets.unlabelled_settings import UnlabelledSettings
from simplebase.training.canvas_centre import canvas_centre
from simplebase.training.unlabelled.flip_consistency import average_flipped


class MeanTeacher:
    """Predicts pseudo keypoints with the average of the student's weights.

    Tarvainen and Valpola, 2017, https://arxiv.org/abs/1703.01780. The teacher sees the weakly
    augmented view: the centre of a canvas, which is the crop used in inference, and its mirror
    image. It predicts them in inference mode, without gradients.

    Args:
        model: the average of the student's weights, see `WeightAverage`.
        settings: threshold and mirror.
    """

    def __init__(self, model: SimpleBaseline, settings: UnlabelledSettings) -> None:
        self.model = model
        self._settings = settings
        self._decoding = DarkDecoding(model.metadata.codec, dtype="float32")

    def pseudo_keypoints(self, images: Any) -> tuple[Any, Any]:
        """Returns the pseudo keypoints of canvases.

        Args:
            images: `(B, Hc, Wc, 3)` uint8, no smaller than the model's input.

        Returns:
            Keypoints `(B, K, 3)` (x, y in canvas pixels, and visibility: 2 where the score reaches
            the threshold, else 0), and the sum of all scores.
        """
        views, offset = canvas_centre(images, self.model.metadata.input_size)
        predicted = self._predict(tf.cast(views, tf.float32))
        scores = predicted[..., 2]
        visibility = tf.where(scores >= self._settings.threshold, 2.0, 0.0)
        places = predicted[..., :2] + offset[:2]
        keypoints = tf.concat([places, visibility[..., None]], axis=-1)
        return tf.stop_gradient(keypoints), tf.reduce_sum(scores)

    def _predict(self, views: Any) -> Any:
        """Returns keypoints `(B, K, 3)`: x, y in pixels of the view, and score."""
        mirror = self._settings.mirror
        if mirror is None:
            return self._decoding(self.model(views, training=False))
        # One pass for both is faster on a GPU than two.
        both = tf.concat([views, views[:, :, ::-1]], axis=0)
        keypoints, flipped = tf.split(self._decoding(self.model(both, training=False)), 2)
        metadata = self.model.metadata
        height, width = metadata.input_size
        permutation = metadata.skeleton.horizontal_permutation
        max_distance = mirror * max(height, width)
        return average_flipped(keypoints, flipped, permutation, width, max_distance, keras.ops)
