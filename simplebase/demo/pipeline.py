"""Stages that overlap: each works in a thread of its own while the next one takes what is done."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_POLL = 0.1
"""Seconds after which a waiting thread looks whether it is still wanted."""
_PATIENCE = 30.0
"""Seconds that an early end waits for the item that is being worked on."""


class _End:
    """Stands for the end of a stage's items, with the error that ended it, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def in_thread(
    items: Iterable[_Given], work: Callable[[_Given], _Made], waiting: int = 2
) -> Generator[_Made]:
    """`map(work, items)` in a thread, in order, ahead of the caller by `waiting` items.

    Args:
        items: iterated in the thread.
        work: done in the thread.
        waiting: how many finished items may wait; so long as they do, the thread stands still,
            and memory does not grow.

    An error of `items` or `work` is raised where the result is taken. When the caller stops early,
    and closes the iterator or lets go of it, the thread ends too, and is waited for: what `items`
    reads from may be closed after.
    """
    results: queue.Queue[Any] = queue.Queue(waiting)
    stopped = threading.Event()

    def put(item: Any) -> None:
        while not stopped.is_set():
            try:
                return results.put(item, timeout=_POLL)
            except queue.Full:
                continue

    def run() -> None:
        end = _End()
        try:
            for item in items:
                put(work(item))
                if stopped.is_set():
                    break
        except BaseException as error:
            end = _End(error)
        finally:
            # The stage before has a thread too, which is to end with this one.
            if isinstance(items, Generator):
                items.close()
        put(end)

    thread = threading.Thread(target=run, daemon=True)
    return _taken(results, stopped, thread)


def _taken(
    results: "queue.Queue[Any]", stopped: threading.Event, thread: threading.Thread
) -> Generator[Any]:
    thread.start()
    try:
        while True:
            item = results.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
            del item
    finally:
        stopped.set()
        # The garbage collector may end this in any thread, even in the one to wait for.
        if thread is not threading.current_thread():
            thread.join(_PATIENCE)
