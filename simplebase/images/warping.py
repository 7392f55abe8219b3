"""Samples images: reduces by averaging, and warps."""

import cv2
import numpy as np

from simplebase.geometry import Size, compose


def reduction_for(magnification: np.ndarray | float) -> np.ndarray:
    """Returns the power of two by which an image is reduced before sampling at `magnification`.

    The remaining magnification is above a half, so bilinear sampling skips no pixels.
    """
    return np.exp2(np.maximum(0, np.floor(-np.log2(magnification)))).astype(int)


def reduced_matrix(matrix: np.ndarray, reduction: np.ndarray | int) -> np.ndarray:
    """Returns the matrix `(..., 2, 3)` for an image that was reduced by `reduction` `(...)`."""
    reduction = np.asarray(reduction)
    return compose(matrix, _grown(np.stack([reduction, reduction], axis=-1)))


def warp_image(
    image: np.ndarray, matrix: np.ndarray, size: Size, out: np.ndarray | None = None
) -> np.ndarray:
    """Samples `image` through `matrix`; points outside the image become black.

    Sampling is bilinear. At half size and below, the image is first reduced by averaging to avoid
    aliasing, see `reduction_for`.

    Args:
        image: `(height, width, 3)` uint8.
        matrix: `(2, 3)`, maps pixels of `image` to the result.
        size: `(height, width)` of the result.
        out: the array to write to, `(*size, 3)` uint8.
    """
    # The lengths of the columns are the magnifications along x and y of `image`.
    magnification = np.linalg.norm(matrix[:, :2], axis=0)
    if magnification.min() <= 0.5:
        reduction = reduction_for(magnification)
        reduction = np.minimum(reduction, [image.shape[1], image.shape[0]])
        image = shrunk(image, int(reduction[1]), int(reduction[0]))
        matrix = compose(matrix, _grown(reduction))
    return cv2.warpAffine(image, matrix, (size[1], size[0]), dst=out, flags=cv2.INTER_LINEAR)


def _grown(reduction: np.ndarray) -> np.ndarray:
    """Returns the matrix `(..., 2, 3)` that undoes a reduction by `reduction` `(..., 2)`."""
    grow = np.zeros((*reduction.shape[:-1], 2, 3))
    grow[..., [0, 1], [0, 1]] = reduction
    grow[..., 2] = (reduction - 1) / 2
    return grow


def shrunk(image: np.ndarray, down: int, across: int) -> np.ndarray:
    """Averages `image` over rectangles of `down` x `across` pixels, padding at the end."""
    bottom, right = -image.shape[0] % down, -image.shape[1] % across
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = image.shape[1] // across, image.shape[0] // down
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
