"""The precision of a training run, and whether its sums have a fixed order."""

import tensorflow as tf

from simplebase.errors import ArgumentError

FLOAT16 = "mixed_float16"


def choose_policy(mixed_precision: bool) -> str:
    """Returns the name of Keras's dtype policy for this machine.

    A GPU gets float16, which is fast on all GPUs with tensor cores, and a loss scale because of its
    small range. Without a GPU it is bfloat16, which has the range of float32. It is fast on
    processors with instructions for it (AMX, AVX512-BF16), and slower than float32 on others.
    """
    if not mixed_precision:
        return "float32"
    return FLOAT16 if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


def make_deterministic() -> None:
    """Makes TensorFlow sum in a fixed order for the rest of this process.

    Sums that several threads share have no fixed order, so runs with the same seed differ after an
    epoch or two, when rounding errors have grown. With one thread, and on a GPU with deterministic
    kernels, runs are equal. Call it before TensorFlow computes anything.

    Raises:
        ArgumentError: TensorFlow has already computed something.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise ArgumentError(
            "call make_deterministic before anything else that uses TensorFlow. Its threads cannot "
            "be changed once it has computed something."
        ) from error
    tf.config.experimental.enable_op_determinism()
