"""Which numbers a training computes with."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
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


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Within it, Keras builds layers under that policy; what exists keeps its own."""
    earlier = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(earlier)
