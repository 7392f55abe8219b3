"""Tracks in CVAT's XML for videos: shapes at keyframes, and between them."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from simplebase.converters.cvat.shapes import (
    CvatShape,
    group_of,
    interpolate,
    parse_shape,
    with_points_of,
)
from simplebase.data import expect
from simplebase.errors import DataError, shown


def track_shapes(
    track: Element,
    where: str,
    frames: Sequence[int],
    stop: int | None,
    step: int,
    left_out: Counter[str],
) -> Iterator[tuple[int, CvatShape]]:
    """The shapes of a track by frame, without those that are outside.

    Between two shapes of the file a shape is interpolated for those frames that have an image. The
    last one stays until the video ends, as in CVAT.

    Args:
        track: the element.
        where: the file and the track, for messages.
        frames: numbers of the frames that have an image, in order.
        stop: the last frame of the video, where it is known.
        step: the distance of two frames of the task.
        left_out: counts shapes of other kinds.

    Raises:
        DataError: a shape is wrong, or two are at one frame.
    """
    keyframes = _keyframes(track, where, left_out)
    earlier: CvatShape | None = None
    start = -1
    for frame, shape in keyframes:
        if earlier is not None:
            shape = with_points_of(earlier, shape)
            if not earlier.is_gone:
                for between in _strictly_between(frames, start, frame):
                    fraction = (between - start) / (frame - start)
                    yield between, interpolate(earlier, shape, fraction)
        if not shape.is_gone:
            yield frame, shape
        earlier, start = shape, frame
    # CVAT exports a single shape as a track that ends after a frame, but leaves out that end in the
    # last frame of the video. Its real tracks list every frame.
    is_single = len(keyframes) == 1 and start + step == stop
    if earlier is not None and not earlier.is_gone and stop is not None and not is_single:
        for after in _strictly_between(frames, start, stop + 1):
            yield after, earlier


def _keyframes(track: Element, where: str, left_out: Counter[str]) -> list[tuple[int, CvatShape]]:
    """The shapes that are in the file, by frame."""
    label = expect.name(track.get("label"), f"{where}, label")
    found: dict[int, CvatShape] = {}
    for element in _elements(track, where):
        frame = frame_number(element.get("frame"), f"{where}, {element.tag}")
        place = f"{where}, frame {frame}"
        shape = parse_shape(element, place, label=label, group=group_of(track))
        if shape is None:
            left_out["shape: no point, skeleton or box"] += 1
        elif frame in found:
            raise DataError(f"{place}: the track has two shapes there. Remove one.")
        else:
            found[frame] = shape
    return sorted(found.items(), key=lambda item: item[0])


def _elements(track: Element, where: str) -> Sequence[Element]:
    """The shapes of a track. CVAT 2.0 writes the points of a skeleton as tracks inside its track.

    Raises:
        DataError: an inner track has no label, or a shape no frame.
    """
    inner = track.findall("track")
    if not inner:
        return list(track)
    skeletons: dict[int, Element] = {}
    for each in inner:
        name = expect.name(each.get("label"), f"{where}, track, label")
        for shape in each:
            frame = frame_number(shape.get("frame"), f"{where}, track {shown(name)}")
            point = Element(shape.tag, shape.attrib | {"label": name})
            parent = {"frame": str(frame), "z_order": shape.get("z_order", "0")}
            skeletons.setdefault(frame, Element("skeleton", parent)).append(point)
    return list(skeletons.values())


def frame_number(text: str | None, where: str) -> int:
    """The number of a frame, from 0 on."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise DataError(f"{where}: expected the number of a frame. Received: {shown(text)}.")
    return int(text)


def _strictly_between(frames: Sequence[int], first: int, last: int) -> Sequence[int]:
    return frames[bisect_right(frames, first) : bisect_left(frames, last)]
