"""On which devices a training runs: one, several of this machine, or several machines'."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import keras
import tensorflow as tf

from simplebase.data.pipeline import Batch
from simplebase.errors import ArgumentError, TrainingError, cut, first_line

StrategyName = Literal["mirrored", "multi-worker"]

# What TensorFlow raises when another worker does not answer.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)

# TensorFlow's strategy of no strategy knows no devices.
_WITH_DEVICES = (
    tf.distribute.OneDeviceStrategy,
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)


class Distribution:
    """The devices that share each batch in equal parts.

    Each device has a copy of the weights, sees its part of every batch and gets the gradient of the
    whole one, so the batch size of a recipe is that of all devices together, and its learning rate
    holds for any number of them.

    Args:
        strategy: TensorFlow's, which keeps the copies equal.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        self.replicas: int = strategy.num_replicas_in_sync
        resolver = strategy.cluster_resolver
        self.workers = 1
        self._worker = 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            self.workers = max(1, len(resolver.cluster_spec().as_dict().get("worker", [])))
            self._worker = resolver.task_id or 0
        self._local_replicas = self.replicas // self.workers

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self._worker == 0

    def local_part(self, batch_size: int) -> slice:
        """Which samples of a batch this process has to read.

        Raises:
            ArgumentError: the batch cannot be shared equally.
        """
        if batch_size % self.replicas:
            fitting = max(batch_size - batch_size % self.replicas, self.replicas)
            raise ArgumentError(
                f"{self.replicas} devices share a batch of {batch_size} samples, but not equally. "
                f"Choose a multiple of {self.replicas}, such as --batch-size {fitting}."
            )
        size = batch_size // self.workers
        return slice(self._worker * size, (self._worker + 1) * size)

    def share(self, batch: Batch) -> Batch:
        """Copies to each local device its part of this process's samples."""
        if self._local_replicas == 1 and self.workers == 1:
            return self._on_device(0, batch)

        def part(context: tf.distribute.DistributedValues) -> Batch:
            local = context.replica_id_in_sync_group % self._local_replicas

            def mine(values: Any) -> Any:
                size = len(values) // self._local_replicas
                return values[local * size : (local + 1) * size]

            return self._on_device(local, {name: mine(values) for name, values in batch.items()})

        return self.strategy.experimental_distribute_values_from_function(part)

    def _on_device(self, local: int, batch: Batch) -> Batch:
        """The batch as tensors of this process's device number `local`."""
        device = None  # TensorFlow's choice: a GPU, if there is one.
        if isinstance(self.strategy, _WITH_DEVICES):
            device = self.strategy.extended.worker_devices[local]
        with tf.device(device):
            return {name: tf.convert_to_tensor(values) for name, values in batch.items()}

    def synchronise_batch_norms(self, model: keras.Model) -> None:
        """Lets every BatchNorm see the statistics of the whole batch."""
        if self.replicas == 1:
            return
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def require_same(self, training: Iterable[bytes]) -> None:
        """Refuses workers that would not train the same; called by all of them at once.

        Args:
            training: whatever all of them must have alike; of one worker it is not looked at.

        Raises:
            TrainingError: another worker has something else.
        """
        if self.workers == 1:
            return

        @tf.function(jit_compile=False)
        def sum_over_devices(mine: tf.Tensor) -> tf.Tensor:
            told = self.strategy.run(tf.identity, args=(mine,))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, told, axis=None)

        mine = 0
        for part in training:
            mine = zlib.crc32(part, mine)
        if sum_over_devices(tf.constant(mine, tf.int64)) != mine * self.replicas:
            raise TrainingError(
                "the workers do not begin with the same weights, settings and step. Give all of "
                "them the same options and files; to resume, copy the folder of the first "
                "worker's run to the others."
            )

    @contextmanager
    def explaining_lost_workers(self) -> Iterator[None]:
        """Within it, whatever exchanges with other workers says so when one is gone.

        Raises:
            TrainingError: another worker has ended without telling, or the network has failed.
        """
        try:
            yield
        except _LOST as error:
            if self.workers == 1:
                raise
            raise TrainingError(
                "another worker does not respond: it has failed, or the network has. Read what the "
                "other workers printed, and start all of them again. With --resume they continue "
                "from the last saved state."
            ) from error


def distribute(
    strategy: StrategyName = "mirrored", devices: Sequence[str] | None = None
) -> Distribution:
    """Prepares the devices of a training.

    Args:
        strategy: `mirrored`: this machine's; `multi-worker`: those of all machines that the
            environment variable TF_CONFIG names, one process each. It must come before anything
            else that TensorFlow does in the process.
        devices: for `mirrored`, such as `["GPU:0", "GPU:1"]`; by default the first.

    Raises:
        ArgumentError: there is no such device, or TF_CONFIG is missing or not what it should be.
    """
    if strategy == "multi-worker":
        _require_cluster()
        try:
            return Distribution(tf.distribute.MultiWorkerMirroredStrategy())
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            raise ArgumentError(
                f"the workers of TF_CONFIG do not come together: {first_line(error)}"
            ) from error
    if not devices:
        return Distribution(tf.distribute.get_strategy())
    known = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    for device in devices:
        if device not in known:
            raise ArgumentError(f"there is no device {device}. There are: {', '.join(known)}.")
    if len(devices) == 1:
        return Distribution(tf.distribute.OneDeviceStrategy(devices[0]))
    return Distribution(_mirrored(tuple(devices)))


def gpu_devices(count: int) -> list[str] | None:
    """Names of the first `count` GPUs; `None` for one, which TensorFlow takes by itself.

    Raises:
        ArgumentError: there are fewer.
    """
    if count == 1:
        return None
    found = len(tf.config.list_physical_devices("GPU"))
    if count > found:
        raise ArgumentError(
            f"--gpu-num is {count}, but TensorFlow finds {found} GPUs here. Leave it out to train "
            "on one, or on the CPU."
        )
    return [f"GPU:{index}" for index in range(count)]


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One strategy for all trainings of a process on the same devices.

    Each strategy counts its exchanges between devices from the same number on, and TensorFlow takes
    a second one's for the first one's, which fails unless they have the same shapes.
    """
    return tf.distribute.MirroredStrategy(list(devices))


def _require_cluster() -> None:
    text = os.environ.get("TF_CONFIG")
    example = (
        '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    if not text:
        raise ArgumentError(
            "multi-worker training reads the environment variable TF_CONFIG, which is not set. On "
            f"each machine it is {example} with that machine's index."
        )
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        valid = task["type"] == "worker" and 0 <= task["index"] < len(workers)
        valid = valid and set(config["cluster"]) == {"worker"}
    except (ValueError, KeyError, TypeError, RecursionError):
        valid = False
    if not valid:
        raise ArgumentError(
            f"TF_CONFIG names workers only, and this process's index among them, as in {example}. "
            f"Received: {cut(text)}"
        )
