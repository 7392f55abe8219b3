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
"""How a box of another shape than the input goes into it, see `Crop.box_matrix`."""

LONGEST_SIDE = 8192
"""Of a model's input in pixels, far beyond any; `deploy/pose/metadata.cpp` has the same."""

LARGEST_PADDING, LARGEST_SHIFT = 100, 10_000
"""Bounds of a `Crop`, far beyond those of any model; `deploy/pose/metadata.cpp` has the same."""

PERSON_PIXELS = 200.0
"""Height in pixels of a person of `scale` 1 (MPII, http://human-pose.mpi-inf.mpg.de)."""


@dataclass(frozen=True)
class Crop:
    """How a model cuts its input out of an image.

    Args:
        padding: side of the crop over the object's height.
        center_shift: pixels per unit of scale that the crop's centre lies below the object's.
            The official MPII code uses 15.

    Raises:
        ArgumentError: `padding` is not above 0, or one of them is beyond any use.
    """

    padding: float = 1.25
    center_shift: float = 0.0

    def __post_init__(self) -> None:
        """Checks the settings."""
        if not 0 < self.padding <= LARGEST_PADDING or not abs(self.center_shift) <= LARGEST_SHIFT:
            raise ArgumentError(
                f"a crop's padding is above 0 and at most {LARGEST_PADDING}, its center_shift a "
                f"number from -{LARGEST_SHIFT} to {LARGEST_SHIFT}. "
                f"Received: {shown(self.padding)}, {shown(self.center_shift)}."
            )

    def to_config(self) -> dict[str, Any]:
        """Plain values for a preset or a model's metadata."""
        return asdict(self)

    def matrix(self, center: np.ndarray, scale: np.ndarray | float, size: Size) -> np.ndarray:
        """Matrix from image to input, the object's centre in the middle of the input.

        `x_in = (x - center_x) * s + (W - 1) / 2`, likewise y, with one
        `s = H / (200 * scale * padding)` for both axes.

        Args:
            center: `(..., 2)` pixels of the image.
            scale: `(...)` height of the object over 200 pixels.
            size: `(H, W)` of the input.

        Returns:
            `(..., 2, 3)` float64.
        """
        return self.canvas_matrix(center, scale, size, size)

    def canvas_matrix(
        self, center: np.ndarray, scale: np.ndarray | float, size: Size, canvas: Size
    ) -> np.ndarray:
        """Like `matrix`, with the object as large as in an input of `size` but room to spare.

        Args:
            center: `(..., 2)` pixels of the image.
            scale: `(...)` height of the object over 200 pixels.
            size: `(H, W)` of the input, which sets the magnification.
            canvas: `(Hc, Wc)` of what is cut out around the same centre.

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
        """Centre and scale whose crop shows `box` whole, with `padding` around it.

        Args:
            box: `(..., 4)` x, y, width, height in pixels; x and y are the top left corner.
            size: `(H, W)` of the input, for its aspect ratio.

        Returns:
            center `(..., 2)` and scale `(...)`.
        """
        box = np.asarray(box, np.float64)
        # A box from 0 to w covers the pixel centres 0 to w - 1.
        center = box[..., :2] + (box[..., 2:] - 1) / 2
        height = np.maximum(box[..., 3], box[..., 2] * size[0] / size[1])
        scale = height / PERSON_PIXELS
        center[..., 1] -= self.center_shift * scale
        return center, scale

    def box_matrix(self, box: np.ndarray, size: Size, fit: Fit = "letterbox") -> np.ndarray:
        """Matrix from image to input, the box with `padding` around it in the middle of the input.

        Args:
            box: `(..., 4)` x, y, width, height in pixels; x and y are the top left corner.
            size: `(H, W)` of the input.
            fit: `letterbox` keeps the aspect ratio and shows the box whole, as in training;
                `stretch` fills the input by two magnifications; `crop` keeps the aspect ratio and
                fills the input, which cuts the longer side off at both ends.

        Returns:
            `(..., 2, 3)` float64.

        Raises:
            ArgumentError: another `fit`.
        """
        if fit not in get_args(Fit):
            raise ArgumentError(f"fit is one of {', '.join(get_args(Fit))}. Received: {fit!r}.")
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
    """The exact inverse of `(..., 2, 3)` affine matrices."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The `(..., 2, 3)` matrix that maps by `first` and then by `second`."""
    linear = second[..., :2] @ first[..., :2]
    offset = second[..., :2] @ first[..., 2:] + second[..., 2:]
    return np.concatenate([linear, offset], axis=-1)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps `(..., K, 2)` points by `(..., 2, 3)` matrices."""
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
