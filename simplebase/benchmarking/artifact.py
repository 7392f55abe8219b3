"""A model opened in a process of its own: its memory and its threads are nobody else's."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from simplebase.errors import DataError
from simplebase.metadata import Cost
from simplebase.runtimes import Runtime, load_runtime, network_cost
from simplebase.silence import silenced_stderr

_P = ParamSpec("_P")
_T = TypeVar("_T")

_WARM_UP = 2  # calls: the first one builds for a new batch size, the second fills the caches
_FEWEST = 3  # timed calls, however slow


class ArtifactProcess:
    """Measures one model file in a process that does nothing else.

    A process is started afresh, not forked, so a script that uses this needs the usual
    `if __name__ == "__main__":`. It is a context manager, and ends its process at exit.

    Args:
        path: a model file of any format that `load_runtime` opens.
        threads: how many compute; by default as many as the runtime chooses.

    Every method raises `DataError` where the process dies, as it does when memory runs out.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        self.path = Path(path)
        self.threads = threads
        # Ctrl-C reaches all processes; this one ends when the one that started it says so.
        self._pool = ProcessPoolExecutor(
            1,
            multiprocessing.get_context("spawn"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),
        )

    def __enter__(self) -> "ArtifactProcess":
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the process."""
        self._pool.shutdown(cancel_futures=True)

    def open(self) -> None:
        """Loads the model; raises as `load_runtime` does."""
        self._run(_open, self.path, self.threads)

    def call_times(self, batch_size: int, seconds: float) -> list[float]:
        """Seconds of each call for about so many `seconds`, a few more calls before not counted.

        A call leads from `(B, H, W, 3)` uint8 images to what the model answers.
        """
        return self._run(_call_times, batch_size, seconds)

    def peak_memory(self) -> int | None:
        """Bytes that the process has held at most: Python, the runtime's library and the model.

        None where the system does not tell it as Linux does.
        """
        return self._run(_peak_memory)

    def cost(self) -> Cost | None:
        """See `network_cost`."""
        return self._run(_cost)

    def _run(self, task: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return self._pool.submit(task, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise DataError(
                f"{self.path} cannot be measured: its process was killed or crashed. Is there "
                "enough memory?"
            ) from error


# What follows runs in the process of the model.

_opened: dict[str, Any] = {}


def _runtime() -> Runtime:
    return _opened["runtime"]


def _open(path: Path, threads: int | None) -> None:
    with silenced_stderr():
        _opened["runtime"] = load_runtime(path, threads)


def _call_times(batch_size: int, seconds: float) -> list[float]:
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
    # Not getrusage: what it says also remembers the process that this one was started from.
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _cost() -> Cost | None:
    return network_cost(_runtime())
