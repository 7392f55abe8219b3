"""Compares the speed, memory and size of model files."""

import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.benchmarking.artifact import ArtifactProcess
from simplebase.errors import ArgumentError
from simplebase.files import stored_bytes
from simplebase.metadata import Cost
from simplebase.progress import Progress

_ROUNDS = 3


@dataclass(frozen=True)
class ModelSpeed:
    """The measurements of one model file.

    Args:
        path: the file or folder.
        threads: number of compute threads; None if the runtime chose it.
        call_times: seconds of each timed call by batch size, always including batch size 1.
        file_bytes: size of the file, or of all files in the folder.
        peak_memory: peak memory in bytes of a process that opened the model and ran it at batch
            size 1, including Python and the runtime's library. None if the system does not report
            it.
        cost: cost of the network, for an exported file that of the original; None if unknown.
        device: the device, see `ArtifactProcess.device`.
    """

    path: str
    threads: int | None
    call_times: dict[int, list[float]]
    file_bytes: int
    peak_memory: int | None
    cost: Cost | None
    device: str

    def latency(self, percentile: float) -> float:
        """Returns this percentile of the milliseconds per call at batch size 1."""
        return 1000 * float(np.percentile(self.call_times[1], percentile))

    def images_per_second(self, batch_size: int) -> float:
        """Returns the throughput of the median call."""
        return batch_size / float(np.median(self.call_times[batch_size]))

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "path": self.path,
            "device": self.device,
            "threads": self.threads,
            "median_ms": self.latency(50),
            "p90_ms": self.latency(90),
            "images_per_second": {
                str(batch_size): self.images_per_second(batch_size)
                for batch_size in self.call_times
            },
            "calls": {str(batch_size): len(times) for batch_size, times in self.call_times.items()},
            "file_bytes": self.file_bytes,
            "peak_memory_bytes": self.peak_memory,
            "params": None if self.cost is None else self.cost.params,
            "gflops": None if self.cost is None else self.cost.gflops,
        }


def measure_models(
    paths: Sequence[str | os.PathLike[str]],
    *,
    threads: int | None = None,
    batch_sizes: Sequence[int] = (1, 4, 16),
    seconds: float = 3.0,
    progress: Progress | None = None,
) -> list[ModelSpeed]:
    """Times each model on images of noise, in turns, so that other load affects all of them.

    Every model has a separate process, see `ArtifactProcess`. Only one computes at a time.

    Args:
        paths: model files.
        threads: number of compute threads. By default each runtime chooses.
        batch_sizes: images per call. Batch size 1 is always measured, for the latency.
        seconds: how long to time each model at each batch size. Slow models take longer.
        progress: is called with the number of finished steps and the total.

    Raises:
        ArgumentError: a value is out of range, or a path has no known format.
        MissingFileError: a path does not exist.
        DataError: a file is damaged or not a model.
    """
    _check(threads, batch_sizes, seconds)
    sizes = sorted({1, *batch_sizes})
    step = _counter(len(paths) * (1 + _ROUNDS * len(sizes)), progress)
    with ExitStack() as stack:
        processes = [stack.enter_context(ArtifactProcess(path, threads)) for path in paths]
        for process in processes:
            process.open()
            step()
        devices = [process.device() for process in processes]
        times = {1: _call_times(processes, 1, seconds, step)}
        memory = [process.peak_memory() for process in processes]
        for size in sizes[1:]:
            times[size] = _call_times(processes, size, seconds, step)
        # Counting traces the network once more, so it comes last.
        costs = [process.cost() for process in processes]
    return [
        ModelSpeed(
            path=os.fspath(path),
            threads=threads,
            call_times={size: own[index] for size, own in times.items()},
            file_bytes=stored_bytes(path),
            peak_memory=peak,
            cost=cost,
            device=device,
        )
        for index, (path, peak, cost, device) in enumerate(
            zip(paths, memory, costs, devices, strict=True)
        )
    ]


def _call_times(
    processes: Sequence[ArtifactProcess], size: int, seconds: float, step: Callable[[], None]
) -> list[list[float]]:
    """Times each process for `seconds` in total, in turns."""
    times: list[list[float]] = [[] for _ in processes]
    for _ in range(_ROUNDS):
        for own, process in zip(times, processes, strict=True):
            own += process.call_times(size, seconds / _ROUNDS)
            step()
    return times


def _counter(total: int, progress: Progress | None) -> Callable[[], None]:
    """Returns the function to call after each of `total` steps."""
    steps = itertools.count(1)

    def step() -> None:
        done = next(steps)
        if progress:
            progress(done, total)

    return step


def _check(threads: int | None, batch_sizes: Sequence[int], seconds: float) -> None:
    if threads is not None and threads < 1:
        raise ArgumentError(f"threads must be at least 1. Received: {threads}.")
    if not batch_sizes or min(batch_sizes) < 1:
        raise ArgumentError(f"a batch size must be at least 1. Received: {list(batch_sizes)}.")
    if not 0 < seconds < float("inf"):
        raise ArgumentError(f"seconds must be above 0. Received: {seconds}.")
