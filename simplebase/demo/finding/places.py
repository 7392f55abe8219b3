"""The user's choice of how objects are found: one box, a file of boxes, or a detector."""

import os
from typing import get_args

from simplebase.demo.finding.boxes import Finder, GivenBoxes, WholeFrame, read_frame_boxes
from simplebase.errors import ArgumentError
from simplebase.extras import import_with_extras
from simplebase.geometry import Fit
from simplebase.pose import Box

File = str | os.PathLike[str]


def require_one_place(box: Box | None, boxes: File | None, detector: File | None) -> None:
    """Checks that at most one of the options is given.

    Raises:
        ArgumentError: several are given.
    """
    given = {"box": box, "boxes": boxes, "detector": detector}
    places = [f"--{name}" for name, value in given.items() if value is not None]
    if len(places) > 1:
        raise ArgumentError(f"give only one of {', '.join(places[:-1])} and {places[-1]}.")


def require_fit(fit: str) -> None:
    """Checks that a name is one of `Fit`.

    Raises:
        ArgumentError: the name is unknown.
    """
    known = get_args(Fit)
    if fit not in known:
        raise ArgumentError(f"--fit must be one of {', '.join(known)}. Received: {fit!r}.")


def open_finder(
    *,
    box: Box | None = None,
    boxes: File | None = None,
    detector: File | None = None,
    detector_class: int = 0,
    threads: int | None = None,
) -> Finder:
    """Opens the finder of the objects in a frame, and the files that it needs.

    Args:
        box: x, y, width, height in pixels, in every frame.
        boxes: a file of boxes, see `read_frame_boxes`.
        detector: a YOLOX `.onnx` file that finds the objects.
        detector_class: the detector's class to find, see `Detector`.
        threads: threads of the detector; by default one per core.

    Without `box`, `boxes` and `detector` the whole frame is the box.

    Raises:
        MissingFileError, DataError: a file is missing or damaged.
        MissingPackageError: the detector's runtime is not installed.
    """
    if detector is not None:
        # Imported here, because it imports ONNX Runtime.
        module = import_with_extras("simplebase.demo.finding.detector")
        finder: Finder = module.Detector(detector, category=detector_class, threads=threads)
        return finder
    if boxes is not None:
        return read_frame_boxes(boxes)
    return WholeFrame() if box is None else GivenBoxes([box])
