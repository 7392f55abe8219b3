"""Which numbers a training computes with, and whether it adds them up in one order always."""

import tensorflow as tf

from simplebase.errors import ArgumentError

FLOAT16 = "mixed_float16"


def choose_policy(mixed_precision: bool) -> str:
    """Name of Keras's dtype policy for this machine.

    A GPU gets float16, which all that have tensor cores are fast with, and a loss scale against its
    small range. Without one it is bfloat16, which has float32's range: fast where the processor has
    instructions for it (AMX, AVX512-BF16), and slower than float32 elsewhere.
    """
    if not mixed_precision:
        return "float32"
    return FLOAT16 if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


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
