"""Random numbers that a resumed run draws again."""

from typing import Any

import numpy as np
import tensorflow as tf


class StepRandom:
    """Random numbers that follow from (seed, step) alone.

    KerasCV's layers keep a generator whose state no checkpoint holds. This one has no state: the
    numbers of step n are the same in a run that was resumed and in one that was not. `step` is that
    which was started last.
    """

    def __init__(self, seed: int) -> None:
        """`seed`: any integer."""
        self._seed = seed
        self._draws = 0
        self.step: Any = 0
        self._replica: Any = 0
        self._replicas = 1

    def start(self, step: Any, replica: Any = 0, replicas: int = 1) -> None:
        """Begins the draws of a step; called once in each traced step.

        Args:
            step: integer scalar.
            replica: which part of the batch this device has.
            replicas: how many equal parts there are. Together they draw what one device would.
        """
        self.step = tf.cast(step, tf.int32)
        self._replica, self._replicas = replica, replicas
        self._draws = 0

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        """Uniform numbers in `[minval, maxval)`; `shape` begins with the samples of this device."""
        count = shape[0]
        drawn = self.uniform_for_all((count * self._replicas, *shape[1:]), minval, maxval, dtype)
        if self._replicas == 1:
            return drawn
        return drawn[self._replica * count : (self._replica + 1) * count]

    def uniform_for_all(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        """Uniform numbers that are the same on each device."""
        return tf.random.stateless_uniform(shape, self._next_seed(), minval, maxval, dtype)

    def seed(self) -> tf.Tensor:
        """`(2,)` int32 for TensorFlow's stateless draws, another on each device."""
        replica = tf.cast(self._replica, tf.int32)
        return tf.random.experimental.stateless_fold_in(self._next_seed(), replica)

    def _next_seed(self) -> tf.Tensor:
        self._draws += 1
        key = np.random.SeedSequence([abs(self._seed), self._draws]).generate_state(1)[0]
        return tf.stack([tf.constant(int(key) >> 1, tf.int32), self.step])
