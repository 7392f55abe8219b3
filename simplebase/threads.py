"""Threads for work on many items."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, one per core. Jobs that have not begun when the block ends are dropped.

    So a command that is stopped does not go on to the end of its data first. Jobs that have begun
    are done when the block has ended, so none writes into a folder that is being removed.
    """
    threads: list[threading.Thread] = []
    pool = ThreadPoolExecutor(
        os.cpu_count(), initializer=lambda: threads.append(threading.current_thread())
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        # The pool does not know a thread that it was starting when a signal raised an exception.
        for thread in threads:
            thread.join()
