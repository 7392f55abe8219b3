"""The stages between a source and what is done with its frames.

Each stage works in a thread of its own while the next one takes what is done. `in_thread` makes one
stage, `results_of` joins them, and a `Stopwatch` measures how long each takes.
"""

import queue
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2

from simplebase.demo.frames import FramePoses, Source
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.videos.frame import Frame

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_POLL = 0.1
"""Seconds after which a waiting thread looks whether it is still wanted."""
_PATIENCE = 30.0
"""Seconds that an early end waits for the item that is being worked on."""
# Share of the newest measurement in the running mean: the display follows within a second or so.
_NEWEST = 0.1


class Stopwatch:
    """Mean milliseconds of named parts, measured in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: dict[str, float] = {}
        self._totals: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Measures the block as one run of `part`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(part, (time.perf_counter() - started) * 1e3)

    def add(self, part: str, taken: float) -> None:
        """Counts a run of `part` that took so many milliseconds."""
        with self._lock:
            count = self._counts.get(part, 0)
            # The first run warms up, and is forgotten when there is a second.
            before = self._recent[part] if count > 1 else taken
            self._recent[part] = before + _NEWEST * (taken - before)
            self._totals[part] = self._totals.get(part, 0.0) + taken
            self._counts[part] = count + 1

    def recent(self) -> dict[str, float]:
        """Milliseconds of each part lately, in the order in which they first ran."""
        with self._lock:
            return dict(self._recent)

    def totals(self) -> dict[str, float]:
        """Milliseconds of each part in all."""
        with self._lock:
            return dict(self._totals)


def results_of(
    source: Source,
    estimate: Callable[[Frame], FramePoses],
    paint: Callable[[FramePoses], FramePoses] | None,
    watch: Stopwatch,
) -> Generator[FramePoses]:
    """What was found in the frames of a source, one after another.

    Args:
        source: read in a thread, if it is not live.
        estimate: finds the poses of a frame.
        paint: gives a result its picture; None: nobody wants one.
        watch: measures `read`, or `wait` of a live source.
    """
    frames = _frames(source, watch)
    # What waits grows old: a live source keeps its own latest frame, and one result may wait.
    waiting = 1 if source.is_live else 2
    if not source.is_live:
        frames = in_thread(frames, lambda frame: frame, waiting)
    if source.count != 1 and not source.is_sequence:
        estimate = _lenient(estimate)
    results = in_thread(frames, lambda frame: guarded(estimate, frame, frame), waiting)
    if paint is None:
        return results
    return in_thread(results, lambda found: guarded(paint, found, found.frame), waiting)


def guarded(work: Callable[[_Given], _Made], item: _Given, frame: Frame) -> _Made:
    """`work(item)`; an error names a frame that is too large for this machine.

    Raises:
        DataError: there is not enough memory, or OpenCV cannot do it.
    """
    try:
        return work(item)
    except (cv2.error, MemoryError) as error:
        height, width = frame.image.shape[:2]
        raise DataError(
            f"{frame.name} of {width}x{height} pixels cannot be worked on: "
            f"{str(error).strip() or 'there is not enough memory'}. Try a smaller picture."
        ) from error


def _lenient(estimate: Callable[[Frame], FramePoses]) -> Callable[[Frame], FramePoses]:
    """`estimate` for images of different sizes: one that a box does not fit has no poses."""

    def tolerant(frame: Frame) -> FramePoses:
        try:
            return estimate(frame)
        except ArgumentError as error:
            warnings.warn(f"{frame.name} is left empty: {error}", SimplebaseWarning, stacklevel=2)
            return FramePoses(frame)

    return tolerant


def _frames(source: Source, watch: Stopwatch) -> Iterator[Frame]:
    part = "wait" if source.is_live else "read"
    while True:
        with watch(part):
            frame = source.read()
        if frame is None:
            return
        yield frame


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
