"""Training whose figures are the same to the last bit each time."""

import tensorflow as tf

from simplebase.errors import ArgumentError


def make_deterministic() -> None:
    """Has TensorFlow add up in the same order always, in this process and from now on.

    Sums that several threads share have no fixed order, so the same seed gives the same curve only
    until rounding has grown: within an epoch or two. With one thread, and on a GPU with kernels of
    fixed order, runs are equal. Has to be called before TensorFlow computes anything.

    Raises:
        ArgumentError: it has computed something.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ArgumentError(
            "make_deterministic comes before all else that uses TensorFlow: its threads cannot be "
            "changed once it has computed something."
        ) from error
    tf.config.experimental.enable_op_determinism()
