"""Threads for work on many items."""

import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from simplebase.cgroups import cpu_limit

_held = 0
_waiting: Callable[[], None] | None = None


def usable_cores() -> int:
    """Returns the number of cores that this process may use, at least 1.

    A container with 2 cores on a machine with 128 sees 128, and that many threads would mostly wait
    for each other. So the process's CPU affinity and the limit of its control groups are used; 1.5
    cores count as 2.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS and Windows
        cores = os.cpu_count() or 1
    limit = cpu_limit()
    return cores if limit is None else max(1, min(cores, math.ceil(limit)))


def run_or_hold(end: Callable[[], None]) -> None:
    """Runs a signal's action, or defers it until the main thread holds no lock.

    If a signal raised an exception between the acquisition of a lock of the pool and the block that
    releases it, the lock would never be released.
    """
    global _waiting
    if _held:
        _waiting = end
    else:
        end()


class _Pool(ThreadPoolExecutor):
    """A pool whose `submit` is not interrupted by `run_or_hold`."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submits a job like the base class."""
        global _held, _waiting
        if threading.current_thread() is not threading.main_thread():
            return super().submit(fn, *args, **kwargs)
        _held += 1
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            _held -= 1
            if not _held and _waiting is not None:
                end, _waiting = _waiting, None
                end()


@contextmanager
def thread_pool(workers: int | None = None, name: str = "pool") -> Iterator[ThreadPoolExecutor]:
    """Yields a pool of threads; jobs that have not started when the block ends are dropped.

    So a command that is stopped does not first process all its data. Started jobs are finished when
    the block has ended, so none writes into a folder that is being removed.

    Args:
        workers: number of threads. By default one per usable core.
        name: prefix of the threads' names.
    """
    threads: list[threading.Thread] = []
    pool = _Pool(
        workers or usable_cores(), name, lambda: threads.append(threading.current_thread())
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        # The pool has no record of a thread if a signal raised an exception while it was starting.
        for thread in threads:
            thread.join()
