"""The moving average of a model's weights."""

from typing import Any

import tensorflow as tf

from simplebase.estimator import SimpleBaseline


class WeightAverage:
    """A second model, whose weights follow those of the first as an exponential moving average.

    All weights are averaged, the statistics of BatchNorm too: they belong to the weights they were
    measured under. In the first steps the average is over fewer, `(1 + step) / (10 + step)` of it
    kept at each, as TensorFlow's `ExponentialMovingAverage` does.

    Args:
        model: what is trained.
        decay: how much of the average each step keeps, 0 to 1.
    """

    def __init__(self, model: SimpleBaseline, decay: float) -> None:
        self.model = SimpleBaseline.from_config(model.get_config())
        self.model.set_weights(model.get_weights())
        self.decay = decay
        self._pairs = list(zip(self.model.weights, model.weights, strict=True))

    def update(self, step: Any) -> None:
        """Moves the average after training step `step`, an integer scalar counted from 0."""
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for average, weight in self._pairs:
            value = decay * average.value + (1.0 - decay) * weight.value
            average.value.assign(value)
