"""Crop matrices and affine maths: pure NumPy, floating point, nothing rounded.

A point is `(x, y)` in pixels, zero-based, an integer being a pixel's centre. A size is
`(height, width)`. A matrix is `(2, 3)` and maps a point by `matrix[:, :2] @ (x, y) + matrix[:, 2]`.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from simplebase.errors import ArgumentError, shown

Size = tuple[int, int]

Fit = Literal["letterbox", "stretch", "crop"]
"""How a box is fitted into an input of another aspect ratio, see `Crop.box_matrix`."""

LONGEST_SIDE = 8192
"""Upper bound of a model's input in pixels. Keep equal to `deploy/pose/metadata.cpp`."""

LARGEST_PADDING, LARGEST_SHIFT = 100, 10_000
"""Bounds of a `Crop`, far beyond any real model. Keep equal to `deploy/pose/metadata.cpp`."""

PERSON_PIXELS = 200.0
"""Height in pixels of a person of `scale` 1 (MPII, http://human-pose.mpi-inf.mpg.de)."""


@dataclass(frozen=True)
class Crop:
    """Describes how a model's input is cut out of an image.

    Args:
        padding: side of the crop divided by the longer side of the object's box.
        center_shift: distance in pixels per unit of scale by which the crop's centre lies below the
            object's. The official MPII code uses 15.

    Raises:
        ArgumentError: `padding` is not above 0, or a value exceeds its bounds.
    """

    padding: float = 1.25
    center_shift: float = 0.0

    def __post_init__(self) -> None:
        """Checks the settings."""
        if not 0 < self.padding <= LARGEST_PADDING or not abs(self.center_shift) <= LARGEST_SHIFT:
            raise ArgumentError(
                f"a crop's padding must be above 0 and at most {LARGEST_PADDING}, its center_shift "
                f"a number from -{LARGEST_SHIFT} to {LARGEST_SHIFT}. "
                f"Received: {shown(self.padding)}, {shown(self.center_shift)}."
            )

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for a preset or a model's metadata."""
        return asdict(self)

    def matrix(self, center: np.ndarray, scale: np.ndarray | float, size: Size) -> np.ndarray:
        """Returns the matrix from image to input that centres the object.

        `x_in = (x - center_x) * s + (W - 1) / 2`, and likewise for y, with the same
        `s = H / (200 * scale * padding)` for both axes.

        Args:
            center: `(..., 2)` pixels of the image.
            scale: `(...)` longer side of the object's box / 200 px.
            size: `(H, W)` of the input.

        Returns:
            `(..., 2, 3)` float64.
        """
        return self.canvas_matrix(center, scale, size, size)

    def canvas_matrix(
        self, center: np.ndarray, scale: np.ndarray | float, size: Size, canvas: Size
    ) -> np.ndarray:
        """Returns a matrix like `matrix` into a larger canvas, with the object at the same size.

        Args:
            center: `(..., 2)` pixels of the image.
            scale: `(...)` longer side of the object's box / 200 px.
            size: `(H, W)` of the input, which determines the magnification.
            canvas: `(Hc, Wc)` of the canvas, which has the same centre.

        Returns:
            `(..., 2, 3)` float64.
        """
        center = np.asarray(center, np.float64)
        scale = np.asarray(scale, np.float64)
        magnification = size[0] / (PERSON_PIXELS * scale * self.padding)
        middle_y, middle_x = (canvas[0] - 1) / 2, (canvas[1] - 1) / 2
        matrix = np.zeros((*scale.shape, 2, 3))
        matrix[..., 0, 0] = matrix[..., 1, 1] = magnification
        matrix[..., 0, 2] = middle_x - center[..., 0] * magnification
        center_y = center[..., 1] + self.center_shift * scale
        matrix[..., 1, 2] = middle_y - center_y * magnification
        return matrix

    def around_box(self, box: np.ndarray, size: Size) -> tuple[np.ndarray, np.ndarray]:
        """Returns the centre and scale of the crop that shows the whole `box` with `padding`.

        Args:
            box: `(..., 4)` x, y, width, height in pixels; x and y are the top left corner.
            size: `(H, W)` of the input, for its aspect ratio.

        Returns:
            Centre `(..., 2)` and scale `(...)`.
        """
        box = np.asarray(box, np.float64)
        # A box from 0 to w covers the pixel centres 0 to w - 1.
        center = box[..., :2] + (box[..., 2:] - 1) / 2
        height = np.maximum(box[..., 3], box[..., 2] * size[0] / size[1])
        scale = height / PERSON_PIXELS
        center[..., 1] -= self.center_shift * scale
        return center, scale

    def box_matrix(self, box: np.ndarray, size: Size, fit: Fit = "letterbox") -> np.ndarray:
        """Returns the matrix from image to input that centres the box, with `padding` around it.

        Args:
            box: `(..., 4)` x, y, width, height in pixels; x and y are the top left corner.
            size: `(H, W)` of the input.
            fit: `letterbox` keeps the aspect ratio and shows the whole box, as in training.
                `stretch` fills the input, with different magnifications for the two axes. `crop`
                keeps the aspect ratio and fills the input, so both ends of the longer side are cut
                off.

        Returns:
            `(..., 2, 3)` float64.

        Raises:
            ArgumentError: `fit` is unknown.
        """
        if fit not in get_args(Fit):
            raise ArgumentError(
                f"fit must be one of {', '.join(get_args(Fit))}. Received: {fit!r}."
            )
        box = np.asarray(box, np.float64)
        if fit == "letterbox":
            return self.matrix(*self.around_box(box, size), size)
        sides = np.array([size[1], size[0]], np.float64)
        magnification = sides / (box[..., 2:] * self.padding)
        if fit == "crop":
            magnification[...] = magnification.max(axis=-1, keepdims=True)
        center = box[..., :2] + (box[..., 2:] - 1) / 2
        matrix = np.zeros((*box.shape[:-1], 2, 3))
        matrix[..., [0, 1], [0, 1]] = magnification
        matrix[..., 2] = (sides - 1) / 2 - center * magnification
        return matrix


def invert(matrix: np.ndarray) -> np.ndarray:
    """Returns the exact inverse of `(..., 2, 3)` affine matrices."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Returns the `(..., 2, 3)` matrix that applies `first`, then `second`."""
    linear = second[..., :2] @ first[..., :2]
    offset = second[..., :2] @ first[..., 2:] + second[..., 2:]
    return np.concatenate([linear, offset], axis=-1)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps `(..., K, 2)` points by `(..., 2, 3)` matrices."""
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
