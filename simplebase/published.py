"""Decodes heatmaps like the code with which published models were evaluated.

Simple Baselines (Xiao et al., 2018, https://arxiv.org/abs/1804.06208) steps a quarter cell; models
trained with DARK (Zhang et al., 2020, https://arxiv.org/abs/1910.06278) take a Newton step. Both
are as in MMPose 1.x, to reproduce published figures. For other uses, `HeatmapCodec.decode` with
`dark` is better: its steps are at most one cell, and it is also unbiased at the border.

`N` maps `(h, w)`, and the highest cell x, y of each.
"""

import numpy as np

_FLOOR = 1e-10


def quarter_step(maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Moves `cells` `(N, 2)` of `maps` `(N, h, w)` by a quarter towards their higher neighbours.

    A cell moves along an axis only if there are two cells before and one after it, and if it is not
    in the first row or column of the other axis.
    """
    _, height, width = maps.shape
    index = np.arange(len(maps))
    x, y = np.clip(cells, 1, [max(width - 2, 1), max(height - 2, 1)]).T
    across = maps[index, cells[:, 1], x + 1] - maps[index, cells[:, 1], x - 1]
    down = maps[index, y + 1, cells[:, 0]] - maps[index, y - 1, cells[:, 0]]
    inside = (cells > 1) & (cells < [width - 1, height - 1]) & (cells[:, ::-1] > 0)
    return cells + 0.25 * np.where(inside, np.sign(np.stack([across, down], axis=-1)), 0)


def dark_step(maps: np.ndarray, cells: np.ndarray, blur_kernel: int) -> np.ndarray:
    """Takes a Newton step on the logarithm of blurred `maps` `(N, h, w)` from `cells` `(N, 2)`.

    Second differences are over two cells. Cells within two of the border do not move.

    Args:
        maps: heatmaps.
        cells: x, y of the highest cell of each.
        blur_kernel: size of the Gaussian in cells, odd.
    """
    _, height, width = maps.shape
    blurred = _blur_matrix(height, blur_kernel) @ maps @ _blur_matrix(width, blur_kernel)
    # The blur keeps the height of the peak, and the floor below is a fraction of that.
    heights, peaks = (each.max(axis=(1, 2), keepdims=True) for each in (maps, blurred))
    blurred *= heights / np.where(peaks > 0, peaks, 1)
    rows, columns = (
        np.clip(cells[:, axis, None] + np.arange(-2, 3), 0, side - 1)
        for axis, side in ((1, height), (0, width))
    )
    nearby = blurred[np.arange(len(maps))[:, None, None], rows[:, :, None], columns[:, None, :]]
    surface = np.log(np.maximum(nearby, _FLOOR))
    slope_x = (surface[:, 2, 3] - surface[:, 2, 1]) / 2
    slope_y = (surface[:, 3, 2] - surface[:, 1, 2]) / 2
    xx = (surface[:, 2, 4] - 2 * surface[:, 2, 2] + surface[:, 2, 0]) / 4
    yy = (surface[:, 4, 2] - 2 * surface[:, 2, 2] + surface[:, 0, 2]) / 4
    xy = (surface[:, 3, 3] - surface[:, 1, 3] - surface[:, 3, 1] + surface[:, 1, 1]) / 4
    determinant = xx * yy - xy**2
    inside = ((cells > 1) & (cells < [width - 2, height - 2])).all(axis=1)
    steps = inside & (np.abs(determinant) > 1e-12)
    safe = np.where(steps, determinant, 1)
    step = np.stack([xy * slope_y - yy * slope_x, xy * slope_x - xx * slope_y], axis=-1)
    return cells + np.where(steps[:, None], step / safe[:, None], 0)


def _blur_matrix(length: int, kernel: int) -> np.ndarray:
    """Returns a matrix `(length, length)` that blurs along one axis, with zeros beyond the border.

    Its standard deviation follows from the size as in OpenCV: 2.0 cells of 11, 2.9 of 17.
    """
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    radius = kernel // 2
    distance = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    total = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2)).sum()
    return np.where(distance <= radius, np.exp(-(distance**2) / (2 * sigma**2)) / total, 0)
