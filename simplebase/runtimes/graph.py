"""What the formats that TensorFlow runs share."""

from typing import Any

import tensorflow as tf

from simplebase.devices import prepare_tensorflow
from simplebase.errors import ArgumentError
from simplebase.runtimes.artifact import Port


def set_threads(threads: int | None) -> None:
    """Sets the CPU threads of TensorFlow, of which a process has one number.

    By default they are as many as `prepare_tensorflow` leaves.

    Raises:
        ArgumentError: TensorFlow already computes, with another number.
    """
    prepare_tensorflow()
    if threads is None:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        # Operations side by side would add threads to those.
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ArgumentError(
            "TensorFlow takes its number of threads only before it first computes in a process, "
            f"and it has. Open the model with {threads} threads first of all, or in a new process."
        ) from error


def port(tensor: Any) -> Port:
    """Of a `tf.TensorSpec` or `tf.Tensor`."""
    shape = () if tensor.shape.rank is None else tuple(tensor.shape)
    return Port(tensor.dtype.name, shape)
