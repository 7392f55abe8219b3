"""The traced training step on all devices."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from simplebase.data.pipeline import Batch
from simplebase.losses import mean_loss
from simplebase.training.distribution import Distribution
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.weight_average import WeightAverage


class StepResult(NamedTuple):
    """The result of a step over all devices.

    Args:
        loss: loss of the whole batch.
        stop: whether any process wants to stop. Then all have to, since none can continue alone.
        pseudo_keypoints: number of pseudo keypoints, see `PseudoLabels`.
        pseudo_scores: sum of the teacher's scores.
    """

    loss: float
    stop: bool
    pseudo_keypoints: float = 0.0
    pseudo_scores: float = 0.0


class StartedStep:
    """A step that a device may still be computing.

    Args:
        sums: sums over all devices of the loss, of the stop requests and, with unlabelled images,
            of pseudo keypoints and their scores.
    """

    def __init__(self, sums: list[Any]) -> None:
        self._sums = sums

    def result(self) -> StepResult:
        """Waits for the step and returns its result."""
        loss, stops, *pseudo = (each.numpy() for each in self._sums)
        return StepResult(float(loss), bool(stops > 0), *map(float, pseudo))


class TrainingStep:
    """Updates the weights from a batch, in the same way for one device and for many.

    Args:
        model: the graph from a batch to its errors.
        optimizer: built for the weights of `model` that are currently trainable.
        distribution: the devices.
        average: the moving average of the weights, if there is one.
        reduce_first: sum the gradients over the devices before the optimizer does. Clipping and the
            check for overflow need the whole gradient, but Keras applies them to each device's
            gradient. Without them, this second sum is not needed.
        unlabelled: adds the loss of unlabelled samples, if there are any.

    `is_traced` is True after the first step, which traces the graph and takes seconds.
    """

    def __init__(
        self,
        model: TrainingGraph,
        optimizer: keras.optimizers.Optimizer,
        distribution: Distribution,
        average: WeightAverage | None = None,
        reduce_first: bool = False,
        unlabelled: UnlabelledBranch | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.distribution = distribution
        self.average = average
        self.unlabelled = unlabelled
        self._reduce_first = reduce_first and distribution.replicas > 1
        self.is_traced = False

    def __call__(self, batch: Batch, step: int, stop: bool = False) -> tuple[float, bool]:
        """Trains on the samples of this process and waits for the result, see `start`."""
        result = self.start(self.distribution.share(batch), step, stop).result()
        return result.loss, result.stop

    def start(self, shared: Batch, step: int, stop: bool = False) -> StartedStep:
        """Starts a step on the samples of this process.

        A GPU is still computing when this returns. To keep it busy, start the next step before
        reading the result of this one.

        Args:
            shared: `{"images": (B, Hc, Wc, 3), "keypoints": (B, K, 3)}` from `Distribution.share`,
                and the unlabelled samples, if there are any.
            step: number of the step in the run, counted from 0.
            stop: whether this process wants to stop.
        """
        # A copy to a GPU would wait until the previous step is done.
        with tf.device("CPU:0"):
            numbers = tf.constant(step), tf.constant(float(stop))
        sums = self._run(shared, *numbers)
        self.is_traced = True
        return StartedStep(sums)

    # XLA makes this step several times slower on a CPU, and lacks a kernel for the warp.
    @tf.function(jit_compile=False)
    def _run(self, batch: Batch, step: Any, stop: Any) -> list[Any]:
        """Returns the results of `_on_device`, summed over all devices."""
        strategy = self.distribution.strategy
        values = strategy.run(self._on_device, args=(batch, step, stop))
        if self.average is not None:
            self.average.update(step)
        return [strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None) for each in values]

    def _on_device(self, batch: Batch, step: Any, stop: Any) -> tuple[Any, ...]:
        """Returns this device's part of the values in `StepResult`."""
        context = tf.distribute.get_replica_context()
        replica, replicas = context.replica_id_in_sync_group, self.distribution.replicas
        weights = self.model.trainable_variables
        # Outside the tape, which would store all intermediate results of the teacher.
        labels = None if self.unlabelled is None else self.unlabelled.label(batch)
        with tf.GradientTape() as tape:
            total, count = self.model.errors(
                batch,
                step=step,
                replica=replica,
                replicas=replicas,
                training=True,
            )
            if replicas > 1:
                count = context.all_reduce(tf.distribute.ReduceOp.SUM, count)
            loss = mean_loss(total, count)
            if self.unlabelled is not None and labels is not None:
                loss += self.unlabelled.loss(self.model, labels, step, replica, replicas)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [weight.value for weight in weights])
        if self._reduce_first:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            # Keras sums them again.
            gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply(gradients, weights)
        if labels is None:
            return loss, tf.identity(stop)
        return loss, tf.identity(stop), labels.count, labels.score_sum
