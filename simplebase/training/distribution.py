"""The devices of a training run: one, several of this machine, or those of several machines."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from simplebase.data.pipeline import Batch
from simplebase.errors import ArgumentError, TrainingError, cut, first_line

StrategyName = Literal["mirrored", "multi-worker"]

# The errors that TensorFlow raises if another worker does not respond.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)

# TensorFlow's default strategy has no list of devices.
_WITH_DEVICES = (
    tf.distribute.OneDeviceStrategy,
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)


class Distribution:
    """The devices that share each batch in equal parts.

    Each device has a copy of the weights, computes its part of every batch and gets the gradient of
    the whole batch. So a recipe's batch size is that of all devices together, and its learning rate
    is right for any number of devices.

    Args:
        strategy: TensorFlow's strategy, which keeps the copies equal.
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
        """Whether this is the process that writes files."""
        return self._worker == 0

    def local_part(self, batch_size: int) -> slice:
        """Returns which samples of a batch this process has to read.

        Raises:
            ArgumentError: the batch cannot be shared equally.
        """
        if batch_size % self.replicas:
            fitting = max(batch_size - batch_size % self.replicas, self.replicas)
            raise ArgumentError(
                f"a batch of {batch_size} samples cannot be shared equally by {self.replicas} "
                f"devices. Choose a multiple of {self.replicas}, such as --batch-size {fitting}."
            )
        size = batch_size // self.workers
        return slice(self._worker * size, (self._worker + 1) * size)

    def share(self, batch: Batch) -> Batch:
        """Copies each local device's part of this process's samples to the device."""
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
        """Returns the batch as tensors on this process's device number `local`."""
        device = None  # TensorFlow chooses: a GPU, if there is one.
        if isinstance(self.strategy, _WITH_DEVICES):
            device = self.strategy.extended.worker_devices[local]
        with tf.device(device):
            return {name: tf.convert_to_tensor(values) for name, values in batch.items()}

    def synchronise_batch_norms(self, model: keras.Model) -> None:
        """Makes every BatchNorm use the statistics of the whole batch."""
        if self.replicas == 1:
            return
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def require_same(self, training: Iterable[bytes]) -> None:
        """Checks that all workers start with the same values; all of them call it together.

        Args:
            training: the values that must be equal; ignored if there is only one worker.

        Raises:
            TrainingError: another worker has different values.
        """
        if self.workers == 1:
            return

        mine = 0
        for part in training:
            mine = zlib.crc32(part, mine)
        if self.sum_over_workers(np.array(mine, np.int64)) != mine * self.workers:
            raise TrainingError(
                "the workers do not start with the same weights, settings and step. Give all of "
                "them the same options and files. To resume, copy the run folder of the first "
                "worker to the others."
            )

    def local_rows(self, count: int) -> np.ndarray:
        """Returns `(count,)` bool: the items of `count` that this worker handles, and no other."""
        return np.arange(count) % self.workers == self._worker

    def sum_over_workers(self, mine: np.ndarray) -> np.ndarray:
        """Returns the sum of an array over all workers; all of them call it together."""
        if self.workers == 1:
            return mine

        def of_first_device(values: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            first = context.replica_id_in_sync_group % self._local_replicas == 0
            return tf.where(first, values, tf.zeros_like(values))

        @tf.function(jit_compile=False)
        def sum_over_devices(values: tf.Tensor) -> tf.Tensor:
            told = self.strategy.run(of_first_device, args=(values,))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, told, axis=None)

        return sum_over_devices(tf.constant(mine)).numpy()

    def from_chief(self, mine: np.ndarray) -> np.ndarray:
        """Returns the first worker's array; all workers call it together, with equal shapes."""
        return self.sum_over_workers(mine if self.is_chief else np.zeros_like(mine))

    @contextmanager
    def explaining_lost_workers(self) -> Iterator[None]:
        """Raises a clear error if another worker is lost within the block.

        Raises:
            TrainingError: another worker has ended without notice, or the network has failed.
        """
        try:
            yield
        except _LOST as error:
            if self.workers == 1:
                raise
            raise TrainingError(
                "another worker does not respond: it or the network has failed. Read the output of "
                "the other workers, and start all of them again. With --resume they continue "
                "from the last saved state."
            ) from error


def distribute(
    strategy: StrategyName = "mirrored", devices: Sequence[str] | None = None
) -> Distribution:
    """Prepares the devices of a training run.

    Args:
        strategy: `mirrored` uses devices of this machine. `multi-worker` uses those of all machines
            that the environment variable TF_CONFIG names, with one process each; call it before
            TensorFlow does anything else in the process.
        devices: for `mirrored`, such as `["GPU:0", "GPU:1"]`. The default is the first device.

    Raises:
        ArgumentError: a device does not exist, or TF_CONFIG is missing or invalid.
    """
    if strategy == "multi-worker":
        _require_cluster()
        try:
            return Distribution(tf.distribute.MultiWorkerMirroredStrategy())
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            raise ArgumentError(
                f"the workers of TF_CONFIG could not connect: {first_line(error)}"
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
    """Returns the names of the first `count` GPUs; `None` for one, TensorFlow's default.

    Raises:
        ArgumentError: there are fewer.
    """
    if count == 1:
        return None
    found = len(tf.config.list_physical_devices("GPU"))
    if count > found:
        raise ArgumentError(
            f"--gpu-num is {count}, but TensorFlow finds {found} GPUs here. Leave it out to train "
            "on one GPU, or on the CPU."
        )
    return [f"GPU:{index}" for index in range(count)]


@cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """Returns the strategy that all training runs of a process on the same devices share.

    Every strategy numbers its exchanges between devices from the same start. TensorFlow confuses
    those of a second strategy with those of the first, which fails if the shapes differ.
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
            f"each machine, set it to {example} with that machine's index."
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
            f"TF_CONFIG must name workers only, and this process's index, as in {example}. "
            f"Received: {cut(text)}"
        )
