"""Random numbers that a resumed run repeats."""

from typing import Any

import numpy as np
import tensorflow as tf


class StepRandom:
    """Draws random numbers that depend on (seed, step) only.

    KerasCV's layers have a generator whose state no checkpoint stores. This class has no state, so
    the numbers of step n are the same whether or not the run was resumed. `step` is the step that
    was started last.
    """

    def __init__(self, seed: int) -> None:
        """`seed`: any integer."""
        self._seed = seed
        self._draws = 0
        self.step: Any = 0
        self._replica: Any = 0
        self._replicas = 1

    def start(self, step: Any, replica: Any = 0, replicas: int = 1) -> None:
        """Starts the draws of a step; called once in each traced step.

        Args:
            step: integer scalar.
            replica: index of this device's part of the batch.
            replicas: number of equal parts. Together they draw the same numbers as one device.
        """
        self.step = tf.cast(step, tf.int32)
        self._replica, self._replicas = replica, replicas
        self._draws = 0

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        """Draws numbers in `[minval, maxval)`; `shape` begins with this device's samples."""
        count = shape[0]
        drawn = self.uniform_for_all((count * self._replicas, *shape[1:]), minval, maxval, dtype)
        if self._replicas == 1:
            return drawn
        return drawn[self._replica * count : (self._replica + 1) * count]

    def uniform_for_all(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = tf.float32
    ) -> tf.Tensor:
        """Draws uniform numbers that are the same on each device."""
        return tf.random.stateless_uniform(shape, self._next_seed(), minval, maxval, dtype)

    def seed(self) -> tf.Tensor:
        """Returns `(2,)` int32 for TensorFlow's stateless draws, different on each device."""
        replica = tf.cast(self._replica, tf.int32)
        return tf.random.experimental.stateless_fold_in(self._next_seed(), replica)

    def _next_seed(self) -> tf.Tensor:
        self._draws += 1
        key = np.random.SeedSequence([abs(self._seed), self._draws]).generate_state(1)[0]
        return tf.stack([tf.constant(int(key) >> 1, tf.int32), self.step])
