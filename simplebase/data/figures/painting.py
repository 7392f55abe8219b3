"""Paints the parts of a figure, as hulls of balls."""

import colorsys
from dataclasses import dataclass, field

import cv2
import numpy as np

from simplebase.equality import ArrayEquality

TORSO, HEAD, R_ARM, L_ARM, R_LEG, L_LEG, OBJECT = range(1, 8)  # 0: background

_SUBPIXEL_BITS = 4
_ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
# (share of the radius, brightness) of the layers that make a part look round, outermost first.
ROUND = np.array([(1.0, 0.6), (0.82, 0.87), (0.5, 1.05)])
FLAT = np.array([(1.0, 1.0)])


@dataclass(frozen=True, eq=False)
class Part(ArrayEquality):
    """A hull of `balls` `(n, 3)`: x, y, radius. Parts with the larger `depth` are in front."""

    depth: float
    region: int
    colour: np.ndarray
    balls: np.ndarray
    layers: np.ndarray = field(default_factory=lambda: ROUND)


@dataclass(frozen=True, eq=False)
class Scene(ArrayEquality):
    """The image, and the body region that is in front at each pixel."""

    image: np.ndarray
    regions: np.ndarray
    light: np.ndarray  # (x, y) towards it, below 1
    backdrop: np.ndarray  # the image without the figure


def cloth(rng: np.random.Generator) -> np.ndarray:
    """Returns a random colour `(3,)` for clothes, 0 to 255."""
    hue, saturation, value = rng.uniform((0, 0.05, 0.22), (1, 0.8, 0.95))
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255


def paint(
    scene: Scene, balls: np.ndarray, colour: np.ndarray, region: int, layers: np.ndarray = ROUND
) -> None:
    """Paints the hull of `balls` (pixels); inner layers are shrunk and moved towards the light."""
    shares = layers[:, 0, None, None, None]
    rims = shares * CIRCLE + (1 - shares) * scene.light
    rims = balls[:, None, :2] + balls[:, None, 2:] * rims  # (layer, ball, point of a circle, 2)
    fixed = np.rint(rims.reshape(len(layers), -1, 2) * 2**_SUBPIXEL_BITS).astype(np.int32)
    colours = (layers[:, 1:] * colour).clip(0, 255).tolist()
    for (share, _), points, rgb in zip(layers, fixed, colours, strict=True):
        hull = cv2.convexHull(points)
        cv2.fillConvexPoly(scene.image, hull, rgb, cv2.LINE_AA, _SUBPIXEL_BITS)
        if share == 1:
            cv2.fillConvexPoly(scene.regions, hull, region, cv2.LINE_8, _SUBPIXEL_BITS)
