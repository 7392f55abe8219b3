"""Sampling images: averaging down and warping."""

import cv2
import numpy as np

from simplebase.geometry import Size, compose


def reduction_for(magnification: np.ndarray | float) -> np.ndarray:
    """By which power of two an image is averaged down before it is sampled at `magnification`.

    What remains is a magnification above a half, at which bilinear sampling misses nothing.
    """
    return np.exp2(np.maximum(0, np.floor(-np.log2(magnification)))).astype(int)


def reduced_matrix(matrix: np.ndarray, reduction: np.ndarray | int) -> np.ndarray:
    """`(..., 2, 3)` from an image that was averaged down by `reduction` `(...)` to the result."""
    reduction = np.asarray(reduction)
    return compose(matrix, _grown(np.stack([reduction, reduction], axis=-1)))


def warp_image(
    image: np.ndarray, matrix: np.ndarray, size: Size, out: np.ndarray | None = None
) -> np.ndarray:
    """Samples `image` through `matrix`; what lies outside it becomes black.

    Bilinear; at half size and below the image is first averaged down, see `reduction_for`, so that
    nothing aliases.

    Args:
        image: `(height, width, 3)` uint8.
        matrix: `(2, 3)` from `image` to the result.
        size: `(height, width)` of the result.
        out: where to write it, `(*size, 3)` uint8.
    """
    # By the lengths of the columns: along x and along y of `image`, which may differ.
    magnification = np.linalg.norm(matrix[:, :2], axis=0)
    if magnification.min() <= 0.5:
        reduction = reduction_for(magnification)
        reduction = np.minimum(reduction, [image.shape[1], image.shape[0]])
        image = shrunk(image, int(reduction[1]), int(reduction[0]))
        matrix = compose(matrix, _grown(reduction))
    return cv2.warpAffine(image, matrix, (size[1], size[0]), dst=out, flags=cv2.INTER_LINEAR)


def _grown(reduction: np.ndarray) -> np.ndarray:
    """`(..., 2, 3)` from an image averaged down by `reduction` `(..., 2)` in x and y to itself."""
    grow = np.zeros((*reduction.shape[:-1], 2, 3))
    grow[..., [0, 1], [0, 1]] = reduction
    grow[..., 2] = (reduction - 1) / 2
    return grow


def shrunk(image: np.ndarray, down: int, across: int) -> np.ndarray:
    """`image` averaged over rectangles of `down` x `across` pixels, the last ones filled up."""
    bottom, right = -image.shape[0] % down, -image.shape[1] % across
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = image.shape[1] // across, image.shape[0] // down
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
