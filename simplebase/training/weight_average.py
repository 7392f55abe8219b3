"""The moving average of the weights."""

from typing import Any

import keras
import tensorflow as tf

from simplebase.estimator import SimpleBaseline


class WeightAverage:
    """A second model whose weights are the exponential moving average of the first model's.

    All weights are averaged, including BatchNorm's statistics, which belong to the weights with
    which they were measured. Integers, such as the counter of Keras's `Normalization`, are copied.
    The first steps keep only `(1 + step) / (10 + step)` of the average, like TensorFlow's
    `ExponentialMovingAverage`.

    Args:
        model: the model that is trained.
        decay: fraction of the average that each step keeps, 0 to 1.
    """

    def __init__(self, model: SimpleBaseline, decay: float) -> None:
        self.model = SimpleBaseline.from_config(model.get_config())
        self.model.set_weights(model.get_weights())
        self.decay = decay
        self._pairs = list(zip(self.model.weights, model.weights, strict=True))

    def update(self, step: Any) -> None:
        """Updates the average after training step `step`, an integer scalar counted from 0."""
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for average, weight in self._pairs:
            if keras.backend.is_float_dtype(weight.dtype):
                value = decay * average.value + (1.0 - decay) * weight.value
            else:
                value = tf.identity(weight.value)
            average.value.assign(value)
