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
    """Cores that this process may keep busy, at least 1.

    A container of 2 cores on a machine of 128 sees 128, and as many threads would wait for each
    other most of the time. So what counts is the process's CPU affinity and the limit of its
    control groups; 1.5 cores count as 2.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS and Windows
        cores = os.cpu_count() or 1
    limit = cpu_limit()
    return cores if limit is None else max(1, min(cores, math.ceil(limit)))


def run_or_hold(end: Callable[[], None]) -> None:
    """Runs what a signal asks for, or has it run as soon as the main thread holds no lock.

    An exception that a signal raises between taking a lock of the pool and the block under it would
    leave the lock taken for ever.
    """
    global _waiting
    if _held:
        _waiting = end
    else:
        end()


class _Pool(ThreadPoolExecutor):
    """A pool whose `submit` is not interrupted by `run_or_hold`."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As that of the base class."""
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
    """Threads for a block. Jobs that have not begun when the block ends are dropped.

    So a command that is stopped does not go on to the end of its data first. Jobs that have begun
    are done when the block has ended, so none writes into a folder that is being removed.

    Args:
        workers: how many; by default one per usable core.
        name: what the threads' names begin with.
    """
    threads: list[threading.Thread] = []
    pool = _Pool(
        workers or usable_cores(), name, lambda: threads.append(threading.current_thread())
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        # The pool does not know a thread that it was starting when a signal raised an exception.
        for thread in threads:
            thread.join()
