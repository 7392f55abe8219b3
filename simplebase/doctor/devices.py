"""The processor, its cores and memory, and the GPUs that TensorFlow finds."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from simplebase.cgroups import memory_limit
from simplebase.devices import processor
from simplebase.threads import usable_cores

# TensorFlow runs in a separate process: importing it takes seconds and memory, and it writes to
# standard error.
_QUESTION = """
import json
import tensorflow as tf
details = tf.config.experimental.get_device_details
gpus = tf.config.list_physical_devices("GPU")
print("\\n" + json.dumps([details(gpu).get("device_name", gpu.name) for gpu in gpus]))
"""
_PATIENCE = 120  # seconds; a busy board takes half a minute to import TensorFlow


@dataclass(frozen=True)
class Devices:
    """The devices of this machine.

    Args:
        processor: name of the processor.
        cores: number of cores that this process may use.
        memory: bytes that this process may use; None if unknown.
        gpus: names of the GPUs that TensorFlow finds; None if it was not asked or did not start.
        has_nvidia_driver: whether NVIDIA's driver is installed.
        problem: why TensorFlow did not start.
    """

    processor: str
    cores: int
    memory: int | None
    gpus: tuple[str, ...] | None
    has_nvidia_driver: bool
    problem: str | None = None

    def to_config(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return asdict(self)


def find_devices(*, ask_tensorflow: bool) -> Devices:
    """Finds the devices of this machine. `ask_tensorflow` starts TensorFlow in another process."""
    gpus, problem = _tensorflow_gpus() if ask_tensorflow else (None, None)
    return Devices(
        processor().removeprefix("CPU: "),
        usable_cores(),
        _usable_memory(),
        gpus,
        shutil.which("nvidia-smi") is not None or os.path.exists("/proc/driver/nvidia/version"),
        problem,
    )


def _tensorflow_gpus() -> tuple[tuple[str, ...] | None, str | None]:
    """Returns the names of the GPUs, or why TensorFlow did not start."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return None, f"TensorFlow did not start within {_PATIENCE} seconds"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return None, f"TensorFlow does not start: {lines[-1]}"
    return tuple(json.loads(done.stdout.strip().splitlines()[-1])), None


def _usable_memory() -> int | None:
    """Returns the bytes of the machine, or the limit of the container if that is lower."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return memory_limit()
    return min(machine, memory_limit() or machine)
