"""Threads for work on many items."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, one per core. Jobs that have not begun when the block ends are dropped.

    So a command that is stopped does not go on to the end of its data first.
    """
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
