"""Draws skeletons into images."""

from dataclasses import replace

import cv2
import numpy as np

from simplebase.skeletons import Skeleton, coloured_link

Colour = tuple[int, int, int]

_SUBPIXEL_BITS = 4
_DOT, _HOLE, _EDGE = (255, 255, 255), (0, 0, 0), (16, 16, 24)
_FAINT = 0.4
"""Opacity of a faint keypoint."""


def draw_skeleton(
    canvas: np.ndarray,
    points: np.ndarray,
    skeleton: Skeleton,
    *,
    shown: np.ndarray,
    width: float,
    hollow: np.ndarray | None = None,
    faint: np.ndarray | None = None,
    sides: bool = False,
) -> None:
    """Draws the links of a skeleton, and a dot in the colour of a link on each keypoint.

    The colour is that of the last link that starts there, or else of the last one that ends there.

    Args:
        canvas: `(height, width, 3)` uint8 RGB to draw into.
        points: `(K, 2)` x, y in pixels.
        skeleton: skeleton of the points.
        shown: `(K,)` bool, the points to draw. The others are left out, with their links.
        width: half of a link's thickness in pixels.
        hollow: `(K,)` bool, hidden points, which are drawn as a ring with a black hole.
        faint: `(K,)` bool, points that are drawn translucent, with their links.
        sides: whether a point without links has the colour of its side instead of white.
    """
    # Fixed point of 1/16 pixel. In cv2, as here, an integer is a pixel's centre.
    fixed = np.round(points * 2**_SUBPIXEL_BITS).astype(int)
    colours = _side_colours(skeleton) if sides else [_DOT] * len(skeleton.keypoints)
    for link in skeleton.links:
        colours[skeleton.keypoints.index(link.end)] = link.rgb
    for link in skeleton.links:
        colours[skeleton.keypoints.index(link.start)] = link.rgb
    certain = shown if faint is None else shown & ~faint
    if (certain != shown).any():
        region = _region(canvas, points[shown], margin=4 * width + 4)
        below = canvas[region].copy()
        _draw(canvas, fixed, skeleton, colours, shown, shown & ~certain, width, hollow)
        if below.size:
            canvas[region] = cv2.addWeighted(canvas[region], _FAINT, below, 1 - _FAINT, 0)
    _draw(canvas, fixed, skeleton, colours, certain, certain, width, hollow)


def _draw(
    canvas: np.ndarray,
    fixed: np.ndarray,
    skeleton: Skeleton,
    colours: list[Colour],
    shown: np.ndarray,
    wanted: np.ndarray,
    width: float,
    hollow: np.ndarray | None,
) -> None:
    """Draws the dots and links of the `wanted` points among `(K, 2)` in fixed point.

    A link is drawn if both its ends are `shown` and one is `wanted`.
    """
    names = skeleton.keypoints
    lines = []
    for link in skeleton.links:
        start, end = names.index(link.start), names.index(link.end)
        if shown[start] and shown[end] and (wanted[start] or wanted[end]):
            lines.append((tuple(fixed[start].tolist()), tuple(fixed[end].tolist()), link.rgb))
    # A dark edge makes a link visible on an image of the same colour.
    for first, last, _ in lines:
        _line(canvas, first, last, _EDGE, 2 * width + max(1.0, width / 2))
    for first, last, colour in lines:
        _line(canvas, first, last, colour, 2 * width)
    for index in np.flatnonzero(wanted):
        center, radius = tuple(fixed[index].tolist()), round((1 + 2 * width) * 2**_SUBPIXEL_BITS)
        ring = hollow is not None and hollow[index]
        outside, inside = (colours[index], _HOLE) if ring else (_DOT, colours[index])
        cv2.circle(canvas, center, radius, outside, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.circle(canvas, center, radius * 2 // 3, inside, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _side_colours(skeleton: Skeleton) -> list[Colour]:
    pairs = skeleton.horizontal_pairs
    return [coloured_link(name, name, pairs).rgb for name in skeleton.keypoints]


def _line(
    canvas: np.ndarray,
    first: tuple[int, int],
    last: tuple[int, int],
    colour: Colour,
    thickness: float,
) -> None:
    cv2.line(canvas, first, last, colour, max(1, round(thickness)), cv2.LINE_AA, _SUBPIXEL_BITS)


def _region(canvas: np.ndarray, points: np.ndarray, margin: float) -> tuple[slice, slice]:
    """Returns the rows and columns of the canvas that contain `(n, 2)` points."""
    height, width = canvas.shape[:2]
    left, top = np.clip(np.floor(points.min(axis=0) - margin), 0, [width, height]).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0) + margin), 0, [width, height]).astype(int)
    return slice(top, bottom), slice(left, right)


def plain(skeleton: Skeleton) -> Skeleton:
    """Returns the skeleton with white links, for drawing labels below predictions."""
    links = tuple(replace(link, colour="#ffffff") for link in skeleton.links)
    return replace(skeleton, links=links)
