"""The stages between a source and the outputs.

Each stage runs in its own thread while the next stage consumes its results. `in_thread` makes one
stage, `results_of` connects them, and a `Stopwatch` measures their times.
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
"""Interval in seconds at which a waiting thread checks whether it should end."""
_PATIENCE = 30.0
"""Seconds to wait for the current item if the caller stops early."""
# Weight of the newest measurement in the running mean. The display follows within about a second.
_NEWEST = 0.1


class Stopwatch:
    """Measures the mean milliseconds of named parts in several threads."""

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
        """Adds a run of `part` that took `taken` milliseconds."""
        with self._lock:
            count = self._counts.get(part, 0)
            # The first run is a warm-up, and is dropped when there is a second.
            before = self._recent[part] if count > 1 else taken
            self._recent[part] = before + _NEWEST * (taken - before)
            self._totals[part] = self._totals.get(part, 0.0) + taken
            self._counts[part] = count + 1

    def recent(self) -> dict[str, float]:
        """Returns the recent milliseconds of each part, in the order of their first runs."""
        with self._lock:
            return dict(self._recent)

    def totals(self) -> dict[str, float]:
        """Returns the total milliseconds of each part."""
        with self._lock:
            return dict(self._totals)


def results_of(
    source: Source,
    estimate: Callable[[Frame], FramePoses],
    paint: Callable[[FramePoses], FramePoses] | None,
    watch: Stopwatch,
) -> Generator[FramePoses]:
    """Yields the results for the frames of a source.

    Args:
        source: the source, which is read in a thread if it is not live.
        estimate: estimates the poses of a frame.
        paint: adds the picture to a result; None if no picture is needed.
        watch: measures `read`, or `wait` for a live source.
    """
    frames = _frames(source, watch)
    # Waiting results get old. A live source keeps only its latest frame, and one result may wait.
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
    """Returns `work(item)`; an error names a frame that is too large for this machine.

    Raises:
        DataError: there is not enough memory, or OpenCV fails.
    """
    try:
        return work(item)
    except (cv2.error, MemoryError) as error:
        height, width = frame.image.shape[:2]
        raise DataError(
            f"{frame.name} of {width}x{height} pixels cannot be processed: "
            f"{str(error).strip() or 'there is not enough memory'}. Try a smaller picture."
        ) from error


def _lenient(estimate: Callable[[Frame], FramePoses]) -> Callable[[Frame], FramePoses]:
    """Wraps `estimate` for images of different sizes: no poses if a box lies outside an image."""

    def tolerant(frame: Frame) -> FramePoses:
        try:
            return estimate(frame)
        except ArgumentError as error:
            warnings.warn(f"{frame.name} has no poses: {error}", SimplebaseWarning, stacklevel=2)
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
    """Marks the end of a stage's items, with the error that ended it, if there was one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def in_thread(
    items: Iterable[_Given], work: Callable[[_Given], _Made], waiting: int = 2
) -> Generator[_Made]:
    """Runs `map(work, items)` in a thread, in order, up to `waiting` items ahead of the caller.

    Args:
        items: iterated in the thread.
        work: called in the thread.
        waiting: how many finished items may wait. The thread pauses when there are so many, so
            that memory does not grow.

    An error of `items` or `work` is raised in the caller. If the caller closes or releases the
    iterator early, the thread is ended and joined. So the source of `items` may be closed
    afterwards.
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
            # The previous stage also has a thread, which has to end with this one.
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
        # The garbage collector may run this in any thread, even in the one to be joined.
        if thread is not threading.current_thread():
            thread.join(_PATIENCE)
