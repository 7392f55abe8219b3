"""The stages between a source and what is done with its frames, each in a thread of its own."""

import warnings
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import cv2

from simplebase.demo.frames import Frame, FramePoses, Source
from simplebase.demo.pipeline import in_thread
from simplebase.demo.stopwatch import Stopwatch
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


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


def guarded(work: Callable[[_Item], _Made], item: _Item, frame: Frame) -> _Made:
    """`work(item)`; a frame that is too large for this machine is told of.

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
