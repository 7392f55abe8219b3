"""The evaluation of published models, one map at a time with OpenCV's own blur.

From the formulas: Simple Baselines (https://arxiv.org/abs/1804.06208), DARK
(https://arxiv.org/abs/1910.06278), and what MMPose says of its settings `shift_heatmap` and
`blur_kernel_size`. Kept as plain as can be: it is what the fast code is compared with.
"""

import cv2
import numpy as np


def flip_average(maps: np.ndarray, of_mirrored: np.ndarray, swapped: list[int]) -> np.ndarray:
    """`(K, h, w)`: the mean of both, the mirrored image's turned back and a column to the right."""
    back = np.stack([of_mirrored[other][:, ::-1] for other in swapped])
    shifted = back.copy()
    shifted[:, :, 1:] = back[:, :, :-1]
    return (maps + shifted) * 0.5


def highest_cell(heatmap: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    return int(x), int(y)


def quarter(heatmap: np.ndarray, stride: int = 4) -> np.ndarray:
    """Input pixels of a peak that is moved a quarter cell towards the second highest neighbour."""
    height, width = heatmap.shape
    x, y = highest_cell(heatmap)
    point = np.array([x, y], float)
    if 1 < x < width - 1 and y > 0:
        point[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 1 < y < height - 1 and x > 0:
        point[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return point * stride


def dark(heatmap: np.ndarray, kernel: int, stride: int = 4) -> np.ndarray:
    """Input pixels of the maximum of the parabola through the logarithm of the blurred map."""
    height, width = heatmap.shape
    x, y = highest_cell(heatmap)
    point = np.array([x, y], float)
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return point * stride
    border = kernel // 2
    padded = np.pad(heatmap.astype(np.float64), border)
    # A deviation of 0 is OpenCV's own rule for the size.
    blurred = cv2.GaussianBlur(padded, (kernel, kernel), 0)[border:-border, border:-border]
    blurred = blurred * heatmap.max() / blurred.max()
    f = np.log(np.maximum(blurred, 1e-10))
    gradient = np.array([f[y, x + 1] - f[y, x - 1], f[y + 1, x] - f[y - 1, x]]) / 2
    across = f[y, x + 2] - 2 * f[y, x] + f[y, x - 2]
    down = f[y + 2, x] - 2 * f[y, x] + f[y - 2, x]
    mixed = f[y + 1, x + 1] - f[y - 1, x + 1] - f[y + 1, x - 1] + f[y - 1, x - 1]
    hessian = np.array([[across, mixed], [mixed, down]]) / 4
    return (point - np.linalg.solve(hessian, gradient)) * stride
