"""Which numbers a training computes with."""

import tensorflow as tf

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
