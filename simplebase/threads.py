"""Threads for work on many items."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_held = 0
_waiting: Callable[[], None] | None = None


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
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, one per core. Jobs that have not begun when the block ends are dropped.

    So a command that is stopped does not go on to the end of its data first. Jobs that have begun
    are done when the block has ended, so none writes into a folder that is being removed.
    """
    threads: list[threading.Thread] = []
    pool = _Pool(os.cpu_count(), initializer=lambda: threads.append(threading.current_thread()))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        # The pool does not know a thread that it was starting when a signal raised an exception.
        for thread in threads:
            thread.join()
