"""The devices on which TensorFlow computes: sharing, names, and out-of-memory errors.

TensorFlow is only imported when a function is called, so that commands start without it.
"""

import platform
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from simplebase.cgroups import cpu_limit
from simplebase.errors import OutOfMemoryError
from simplebase.threads import usable_cores

SMALLER_BATCH = "choose a smaller --batch-size"
"""Advice for commands with this option."""

_SMALLER_BATCH_SOMEHOW = "choose a smaller batch size, or close what else uses its memory"
_SMALLER_MODEL = "close what else uses its memory, or choose a smaller model"

# Of TensorFlow's message, such as "... on /job:localhost/replica:0/task:0/device:GPU:0 by ...".
_DEVICE = re.compile(r"device:([A-Z]+:\d+)")


def prepare_tensorflow() -> None:
    """Makes TensorFlow share this machine with other processes; call it before TensorFlow computes.

    By default TensorFlow takes nearly all memory of every GPU at its first use, so a second process
    finds none, and in a container it starts a thread for each core of the machine. Once it has
    computed, this cannot be changed, and the call has no effect.
    """
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        # ValueError: the GPU was divided into logical devices, which have limits.
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if cpu_limit() is None:
        return
    threading = tf.config.threading
    with suppress(RuntimeError):
        if not threading.get_intra_op_parallelism_threads():
            threading.set_intra_op_parallelism_threads(usable_cores())
        if not threading.get_inter_op_parallelism_threads():
            threading.set_inter_op_parallelism_threads(usable_cores())


def tensorflow_device() -> str:
    """Returns the device that TensorFlow chooses: the first GPU's name, else the processor's."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor()
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU: {details.get('device_name', 'of unknown name')}"


def processor() -> str:
    """Returns the processor's name, such as `CPU: AMD EPYC 7B13`."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return f"CPU: {' '.join(value.split())}"
    return f"CPU: {platform.processor() or platform.machine() or 'of unknown name'}"


def on_processor() -> AbstractContextManager[None]:
    """Runs the TensorFlow operations of a block on the processor, with full float32 precision.

    NVIDIA's GPUs since Ampere multiply float32 with 11 bits (TF32), so results that must agree
    within 1e-4 would differ.
    """
    import tensorflow as tf

    return tf.device("CPU:0")


@contextmanager
def explaining_out_of_memory(batch_size: int, advice: str | None = None) -> Iterator[None]:
    """Turns TensorFlow's report that a device is out of memory into one sentence.

    Args:
        batch_size: number of images that the block computes at once.
        advice: what to do; by default general advice.

    Raises:
        OutOfMemoryError: instead of `tf.errors.ResourceExhaustedError`. One that was raised inside
            the block gets this `advice`.
    """
    try:
        yield
    except OutOfMemoryError as error:
        if advice is None:
            raise
        raise OutOfMemoryError(error.device, error.batch_size, advice) from error
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not isinstance(error, tensorflow.errors.ResourceExhaustedError):
            raise
        device = _DEVICE.search(str(error))
        if advice is None:
            advice = _SMALLER_BATCH_SOMEHOW if batch_size > 1 else _SMALLER_MODEL
        raise OutOfMemoryError(device[1] if device else "the device", batch_size, advice) from error
