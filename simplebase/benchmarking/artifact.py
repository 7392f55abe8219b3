"""Opens a model in a separate process, so that its memory and threads can be measured."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from simplebase.devices import explaining_out_of_memory, processor, tensorflow_device
from simplebase.errors import DataError
from simplebase.metadata import Cost
from simplebase.runtimes import Runtime, load_runtime, needs_tensorflow, network_cost
from simplebase.silence import silenced_stderr

_P = ParamSpec("_P")
_T = TypeVar("_T")

_WARM_UP = 2  # calls: the first builds for a new batch size, the second fills the caches
_PATIENCE = 5.0  # seconds
_FEWEST = 3  # timed calls at least, even if they are slow


class ArtifactProcess:
    """Measures one model file in a separate process.

    The process is spawned instead of forked, so a script that uses this needs the usual
    `if __name__ == "__main__":`. It is a context manager that ends its process at exit; after an
    error, it ends the process at once.

    Args:
        path: a model file of any format that `load_runtime` opens.
        threads: number of compute threads. By default the runtime chooses.

    Every method raises `DataError` if the process dies, as it does when memory runs out.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self.path = Path(path)
        self.threads = threads
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> "ArtifactProcess":
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Ends the process."""
        if self._process is None or self._connection is None:
            return
        self._connection.close()
        if kind is not None:
            # Lets it remove its temporary files, unless native code blocks it for too long.
            self._process.terminate()
            self._process.join(_PATIENCE)
            self._process.kill()
        self._process.join()

    def open(self) -> None:
        """Loads the model. For errors see `load_runtime`."""
        self._run(_open, self.path, self.threads)

    def device(self) -> str:
        """Returns the device, such as `CPU: AMD EPYC 7B13` or `GPU: NVIDIA A100-SXM4-40GB`."""
        return self._run(_device)

    def call_times(self, batch_size: int, seconds: float) -> list[float]:
        """Times calls for about `seconds`, after a few warm-up calls; returns seconds per call.

        A call maps `(B, H, W, 3)` uint8 images to the model's outputs.

        Raises:
            OutOfMemoryError: the device does not have enough memory.
        """
        return self._run(_call_times, batch_size, seconds)

    def peak_memory(self) -> int | None:
        """Returns the process's peak memory in bytes: Python, the runtime's library and the model.

        None if the system does not report it as Linux does.
        """
        return self._run(_peak_memory)

    def cost(self) -> Cost | None:
        """See `network_cost`."""
        return self._run(_cost)

    def _run(self, task: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        connection = self._connection or self._start()
        try:
            connection.send((task, args, kwargs))
            answer, failure = connection.recv()
        except (EOFError, ConnectionError) as error:
            raise DataError(
                f"{self.path} cannot be measured: its process was killed or crashed. Is there "
                "enough memory?"
            ) from error
        if failure is not None:
            raise failure
        return answer

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        # Only the process itself has this end now, so that its death is noticed here.
        theirs.close()
        return self._connection


# The following functions run in the model's process.


def _serve(connection: Connection) -> None:
    """Runs incoming tasks until the other end is closed."""
    # Ctrl-C reaches all processes, but this one is ended by its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with suppress(EOFError, ConnectionError):
        answer: tuple[Any, Exception | None]
        while True:
            task, args, kwargs = connection.recv()
            try:
                answer = task(*args, **kwargs), None
            except Exception as error:
                answer = None, error
            connection.send(answer)


_opened: dict[str, Any] = {}


def _runtime() -> Runtime:
    return _opened["runtime"]


def _open(path: Path, threads: int | None) -> None:
    with silenced_stderr():
        _opened["runtime"] = load_runtime(path, threads)
    _opened["device"] = tensorflow_device() if needs_tensorflow(path) else processor()


def _device() -> str:
    return _opened["device"]


def _call_times(batch_size: int, seconds: float) -> list[float]:
    with explaining_out_of_memory(batch_size, _advice(batch_size)):
        return _timed_calls(batch_size, seconds)


def _advice(batch_size: int) -> str | None:
    return "choose smaller --batch-sizes" if batch_size > 1 else None


def _timed_calls(batch_size: int, seconds: float) -> list[float]:
    runtime = _runtime()
    size = (batch_size, *runtime.metadata.input_size, 3)
    images = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    for _ in range(_WARM_UP):
        runtime.predict(images)
    times: list[float] = []
    while len(times) < _FEWEST or sum(times) < seconds:
        started = time.perf_counter()
        runtime.predict(images)
        times.append(time.perf_counter() - started)
    return times


def _peak_memory() -> int | None:
    # getrusage is not used, because its value includes the parent process.
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _cost() -> Cost | None:
    return network_cost(_runtime())
