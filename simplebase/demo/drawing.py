"""Drawing poses on images."""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from simplebase.drawing import draw_skeleton
from simplebase.geometry import compose, invert
from simplebase.metadata import ModelMetadata
from simplebase.pose import Pose

CERTAIN = 0.3
"""Keypoints with a lower score are drawn faint. They are mostly hidden, or guessed."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT, _EDGE, _BOX = (255, 255, 255), (16, 16, 24), (235, 235, 235)
_HEAT_OPACITY = 0.7
# Height in pixels of a capital letter of the font at scale 1.
_CAPITAL = 21


def draw(
    image: np.ndarray,
    poses: Sequence[Pose],
    *,
    min_score: float = 0.1,
    labels: bool = False,
    heat: np.ndarray | None = None,
) -> np.ndarray:
    """Draws skeletons, with lines and dots in proportion to each pose's box.

    Args:
        image: `(height, width, 3)` uint8 RGB, which is not changed.
        poses: the poses to draw.
        min_score: keypoints with a lower score are left out, with their links. Those below 0.3 are
            drawn faint.
        labels: also write the keypoints' names, and draw the boxes with identity and score.
        heat: `(height, width)` uint8 heatmap to draw over the image first, see `heat_of`.

    Returns:
        A new image of the same shape.
    """
    canvas = image.copy() if heat is None else _heated(image, heat)
    for pose in poses:
        size = _size(pose, image)
        points, scores = pose.keypoints[:, :2], pose.keypoints[:, 2]
        draw_skeleton(
            canvas,
            points,
            pose.skeleton,
            shown=scores >= min_score,
            # About 1 pixel for each 110 pixels of the object.
            width=max(1.0, size / 110),
            faint=scores < CERTAIN,
        )
    for pose in poses if labels else ():
        _label(canvas, pose, min_score)
    return canvas


def heat_of(
    image: np.ndarray, heatmaps: np.ndarray, matrices: np.ndarray, metadata: ModelMetadata
) -> np.ndarray:
    """Returns `(height, width)` uint8: the highest of all heatmaps at each pixel, scaled to 255.

    Args:
        image: `(height, width, 3)`.
        heatmaps: `(B, h, w, K)`.
        matrices: `(B, 2, 3)`, map image pixels to input pixels.
        metadata: the model's metadata.
    """
    height, width = image.shape[:2]
    codec = metadata.codec
    stride, offset = codec.stride, codec.cell_offset
    to_input = np.array([[stride, 0, offset], [0, stride, offset]], float)
    heat = np.zeros((height, width), np.uint8)
    for each, matrix in zip(heatmaps, invert(matrices), strict=True):
        highest = (np.clip(each.max(axis=-1), 0, 1) * 255).astype(np.uint8)
        warped = cv2.warpAffine(highest, compose(matrix, to_input), (width, height))
        np.maximum(heat, warped, out=heat)
    return heat


def side_by_side(image: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Returns `(height, 2 * width, 3)`: the original image, and the image with the drawing."""
    return np.concatenate([image, picture], axis=1)


def _heated(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    colours = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    opacity = cv2.cvtColor(heat, cv2.COLOR_GRAY2RGB)
    part = cv2.multiply(colours, opacity, scale=_HEAT_OPACITY / 255)
    rest = cv2.multiply(image, 255 - (opacity * _HEAT_OPACITY).astype(np.uint8), scale=1 / 255)
    return cv2.add(part, rest)


def _size(pose: Pose, image: np.ndarray) -> float:
    """Returns the length of the object's longer side within the image, in pixels."""
    return min(max(pose.box[2:]), max(image.shape[:2]))


def _label(canvas: np.ndarray, pose: Pose, min_score: float) -> None:
    """Draws the pose's box and its keypoints' names."""
    size = _size(pose, canvas)
    capital = max(8.0, size / 50)
    _outline(canvas, pose, max(1, round(size / 300)))
    shown = pose.keypoints[:, 2] >= min_score
    middle = pose.keypoints[shown, 0].mean() if shown.any() else 0.0
    for name, (x, y, _) in itertools.compress(
        zip(pose.names, pose.keypoints.tolist(), strict=True), shown
    ):
        # On the outer side, where the text does not cover the skeleton.
        side = 1 if x >= middle else -1
        _write(canvas, name.replace("_", " "), (x, y + capital / 2), capital, side)
    number = "" if pose.identity is None else f"{pose.identity}: "
    left, top, *_ = pose.box
    # Above the box, or inside it if there is no room above.
    base = top - capital / 2 if top > 2 * capital else max(top, 0) + 2 * capital
    _write(canvas, f"{number}{pose.score:.2f}", (left, base), 1.2 * capital)


def _outline(canvas: np.ndarray, pose: Pose, thickness: int) -> None:
    left, top, width, height = pose.box
    corners = (round(left), round(top)), (round(left + width) - 1, round(top + height) - 1)
    cv2.rectangle(canvas, *corners, _EDGE, thickness + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, *corners, _BOX, thickness, cv2.LINE_AA)


def _write(
    canvas: np.ndarray, text: str, place: tuple[float, float], capital: float, side: int = 0
) -> None:
    """Writes white text with a dark edge, moved so that it stays within the image's sides.

    Args:
        canvas: the image to write on.
        text: one line of text.
        place: x, y in pixels of the base line's start.
        capital: height of a capital letter in pixels.
        side: 1 or -1: right or left of `place`, at the distance of a letter.
    """
    scale, thickness = capital / _CAPITAL, max(1, round(capital / 10))
    x, y = round(place[0] + side * capital), round(place[1])
    width = cv2.getTextSize(text, _FONT, scale, thickness)[0][0]
    x = max(thickness, min(x - (side < 0) * width, canvas.shape[1] - width - thickness))
    # Thicker text would also be wider, so the edge is the same text, shifted in all directions.
    for across, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        corner = x + across * thickness, y + down * thickness
        cv2.putText(canvas, text, corner, _FONT, scale, _EDGE, thickness, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y), _FONT, scale, _TEXT, thickness, cv2.LINE_AA)
