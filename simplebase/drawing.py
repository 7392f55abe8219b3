"""Skeletons drawn into images."""

from dataclasses import replace

import cv2
import numpy as np

from simplebase.skeletons import Skeleton

_SUBPIXEL_BITS = 4
_DOT, _HOLE = (255, 255, 255), (0, 0, 0)


def draw_skeleton(
    canvas: np.ndarray,
    points: np.ndarray,
    skeleton: Skeleton,
    *,
    shown: np.ndarray,
    width: float,
    hollow: np.ndarray | None = None,
) -> None:
    """Draws the links of a skeleton, and a dot in the colour of its link on each keypoint.

    Args:
        canvas: `(height, width, 3)` uint8 RGB to draw into.
        points: `(K, 2)` x, y in pixels.
        skeleton: what the points are.
        shown: `(K,)` bool; the others are left out, with their links.
        width: half of a link's thickness in pixels.
        hollow: `(K,)` bool; for what is hidden: a ring with a black hole in place of a dot.
    """
    names = skeleton.keypoints
    # Fixed point of 1/16 pixel; to cv2 an integer is a pixel's centre, as it is to us.
    fixed = np.round(points * 2**_SUBPIXEL_BITS).astype(int)
    colours = [_DOT] * len(names)
    for link in skeleton.links:
        start, end = names.index(link.start), names.index(link.end)
        colours[start] = link.rgb
        if shown[start] and shown[end]:
            ends = tuple(fixed[start].tolist()), tuple(fixed[end].tolist())
            cv2.line(canvas, *ends, link.rgb, round(2 * width), cv2.LINE_AA, _SUBPIXEL_BITS)
    for index in np.flatnonzero(shown):
        center, radius = tuple(fixed[index].tolist()), round((1 + 2 * width) * 2**_SUBPIXEL_BITS)
        ring = hollow is not None and hollow[index]
        outside, inside = (colours[index], _HOLE) if ring else (_DOT, colours[index])
        cv2.circle(canvas, center, radius, outside, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.circle(canvas, center, radius * 2 // 3, inside, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def plain(skeleton: Skeleton) -> Skeleton:
    """The same with white links: to draw what is labelled below what was found."""
    links = tuple(replace(link, colour="#ffffff") for link in skeleton.links)
    return replace(skeleton, links=links)
