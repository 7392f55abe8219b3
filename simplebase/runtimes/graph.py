"""The common part of the formats that TensorFlow runs."""

from typing import Any

import tensorflow as tf

from simplebase.devices import prepare_tensorflow
from simplebase.errors import ArgumentError
from simplebase.runtimes.artifact import Port


def set_threads(threads: int | None) -> None:
    """Sets the number of TensorFlow's CPU threads, which applies to the whole process.

    With None, the number that `prepare_tensorflow` has set is kept.

    Raises:
        ArgumentError: TensorFlow has already computed with another number.
    """
    prepare_tensorflow()
    if threads is None:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        # Parallel operations would use further threads.
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ArgumentError(
            "TensorFlow's number of threads cannot be changed after it has computed something. "
            f"Open the model with {threads} threads before anything else, or in a new process."
        ) from error


def port(tensor: Any) -> Port:
    """Returns the port of a `tf.TensorSpec` or `tf.Tensor`."""
    shape = () if tensor.shape.rank is None else tuple(tensor.shape)
    return Port(tensor.dtype.name, shape)
