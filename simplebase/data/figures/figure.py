"""A drawn person and its labels."""

from dataclasses import dataclass

import numpy as np

from simplebase.data.figures.outfit import dress
from simplebase.data.figures.painting import (
    CIRCLE,
    HEAD,
    L_ARM,
    L_LEG,
    R_ARM,
    R_LEG,
    TORSO,
    Scene,
    paint,
)
from simplebase.data.figures.pose import NECK, sample_pose
from simplebase.data.figures.scenery import background, occlude, photograph
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError

# A keypoint is visible if the front-most region is one of these. Rows are keypoints 0-15.
_SHOWS_IN = (
    *[(R_LEG,)] * 2, (TORSO, R_LEG), (TORSO, L_LEG), *[(L_LEG,)] * 2,
    (TORSO, R_LEG, L_LEG), (TORSO,), (TORSO, HEAD), (HEAD,),
    *[(R_ARM,)] * 2, (TORSO, R_ARM), (TORSO, L_ARM), *[(L_ARM,)] * 2,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Figure(ArrayEquality):
    """One drawn person and its labels; pixels are zero-based, an integer is a pixel's centre.

    Attributes:
        image: uint8 `(H, W, 3)` RGB.
        keypoints: float64 `(16, 3)`, x, y and COCO's visibility, in MPII's order. 0 is outside the
            image (x and y are then 0), 1 is hidden by a body part or an object, 2 is visible.
        headbox: x1, y1, x2, y2 around the head, upper neck to head top; not clipped to the image.
        center: x, y of the middle of the bounding box of the keypoints inside the image.
        scale: person size / 200 px, as in MPII. The size is the longer side of the keypoints'
            bounding box, but at least 80 % of the stature, so that a crop of `1.25 * 200 * scale`
            pixels around `center` holds every labelled keypoint with a margin of 10 %.
    """

    image: np.ndarray
    keypoints: np.ndarray
    headbox: tuple[float, float, float, float]
    center: tuple[float, float]
    scale: float


def draw_figure(rng: np.random.Generator, size: tuple[int, int] = (256, 256)) -> Figure:
    """Draws a person in a random pose, outfit and scene.

    Args:
        rng: the only source of randomness. The same state gives the same bytes.
        size: `(height, width)` of the image in pixels, each at least 32.

    Raises:
        ArgumentError: a side of `size` is below 32.
    """
    if min(size) < 32:
        raise ArgumentError(
            f"size must be (height, width), each at least 32 pixels. Received: {size}."
        )
    pose = sample_pose(rng)
    offset, unit = _place(rng, pose.points[:, :2], size)
    points = offset + unit * pose.points[:16, :2]

    backdrop = background(rng, size)
    light = 0.45 * CIRCLE[rng.integers(8, 14)]  # from above
    scene = Scene(backdrop.copy(), np.zeros(size, np.uint8), light, backdrop)
    for part in sorted(dress(rng, pose), key=lambda part: part.depth):
        balls = part.balls * unit + [*offset, 0]
        paint(scene, balls, part.colour, part.region, part.layers)
    if rng.random() < 0.34:
        occlude(rng, scene, points, unit)

    keypoints = _label(points, scene.regions)
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    skull = pose.skull * unit + [*offset, 0]
    x1, y1 = np.minimum((skull[:, :2] - skull[:, 2:]).min(axis=0), points[NECK])
    x2, y2 = np.maximum((skull[:, :2] + skull[:, 2:]).max(axis=0), points[NECK])
    return Figure(
        image=photograph(rng, scene.image),
        keypoints=keypoints,
        headbox=(float(x1), float(y1), float(x2), float(y2)),
        center=(float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2),
        scale=float(max(0.8 * unit, *(high - low))) / 200,
    )


def _place(
    rng: np.random.Generator, points: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """Returns the pelvis `(x, y)` and the stature in pixels; one figure in ten leaves the image."""
    room = np.array(size[::-1], float)
    low, high = points.min(axis=0) - 0.05, points.max(axis=0) + 0.05
    extent = high - low
    unit = min(rng.uniform(0.42, 0.92) * room[1] / extent.max(), 0.96 * (room / extent).min())
    corner = rng.random(2) * (room - extent * unit)
    if rng.random() < 0.1:
        axis, cut = rng.integers(2), rng.uniform(0.12, 0.35)
        beyond = rng.choice([-cut * extent * unit, room - (1 - cut) * extent * unit])
        corner[axis] = beyond[axis]
    return corner - low * unit, unit


def _label(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Adds the visibility to `points` `(16, 2)`, according to the map of regions."""
    height, width = regions.shape
    keypoints = np.zeros((len(points), 3))
    for row, (x, y) in enumerate(points):
        if 0 <= x <= width - 1 and 0 <= y <= height - 1:
            visible = regions[round(y), round(x)] in _SHOWS_IN[row]
            keypoints[row] = x, y, 2 if visible else 1
    return keypoints
