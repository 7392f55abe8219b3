"""The devices that TensorFlow computes on: how they are shared, named, and out of memory.

TensorFlow is imported only by who calls these: commands start without it.
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
"""What to do in a command with this option."""

_SMALLER_BATCH_SOMEHOW = "choose a smaller batch size, or close what else uses its memory"
_SMALLER_MODEL = "close what else uses its memory, or choose a smaller model"

# Of TensorFlow's message, such as "... on /job:localhost/replica:0/task:0/device:GPU:0 by ...".
_DEVICE = re.compile(r"device:([A-Z]+:\d+)")


def prepare_tensorflow() -> None:
    """Has TensorFlow share this machine with other processes; call it before TensorFlow computes.

    By itself it takes nearly all memory of every GPU at first use, so a second process finds none,
    and in a container it starts a thread for each core of the machine. Once it has computed,
    nothing of this can be changed and nothing is.
    """
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        # ValueError: somebody has divided the GPU into logical devices, which have limits.
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
    """The device that TensorFlow chooses: the name of the first GPU, else that of the processor."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor()
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU: {details.get('device_name', 'of unknown name')}"


def processor() -> str:
    """The processor's name, such as `CPU: AMD EPYC 7B13`."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return f"CPU: {' '.join(value.split())}"
    return f"CPU: {platform.processor() or platform.machine() or 'of unknown name'}"


def on_processor() -> AbstractContextManager[None]:
    """A block whose TensorFlow operations run on the processor, in all 24 bits of float32.

    NVIDIA's GPUs since Ampere multiply with 11 bits there (TF32), so answers that have to agree
    within 1e-4 would not.
    """
    import tensorflow as tf

    return tf.device("CPU:0")


@contextmanager
def explaining_out_of_memory(batch_size: int, advice: str | None = None) -> Iterator[None]:
    """Makes one sentence of TensorFlow's report that a device is out of memory.

    Args:
        batch_size: images that the block computes at once.
        advice: what to do; by default what anybody can.

    Raises:
        OutOfMemoryError: in the place of `tf.errors.ResourceExhaustedError`. One that was raised
            further in gets this `advice`.
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
