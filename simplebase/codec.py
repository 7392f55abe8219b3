"""Keypoints to heatmaps and back.

Axes: `B` batch, `K` keypoints, `H, W` input pixels, `h, w` heatmap cells = input / stride.
"""

from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np

from simplebase import published
from simplebase.errors import ArgumentError, shown
from simplebase.geometry import Size

DecodeMethod = Literal["argmax", "quarter", "dark", "published"]
Alignment = Literal["center", "corner", "upstream"]

WIDEST_SIGMA = 100
"""In heatmap cells. The kernel of `dark` grows with sigma, so a damaged file must not set any."""

BLUR_KERNELS = range(3, 2 * WIDEST_SIGMA, 2)
"""Allowed sizes of a published model's blur kernel, in cells."""

# Lower bound of a heatmap before its logarithm: float32 Gaussians vanish far from the peak, and
# networks also predict values below zero.
HEATMAP_FLOOR = 1e-10


@dataclass(frozen=True)
class HeatmapCodec:
    """Gaussian heatmaps with sub-pixel encoding and decoding.

    Args:
        input_size: `(H, W)` of the network's input in pixels.
        stride: input pixels per heatmap cell.
        sigma: standard deviation of the Gaussian in heatmap cells.
        alignment: the input pixel of cell j. `"center"`: `(j + 0.5) * stride - 0.5`, a grid that a
            flip maps onto itself. `"corner"`: `j * stride`, as in the official code. `"upstream"`:
            `(j - 0.5) * stride - 0.5`, a whole cell before `center`, as in the tf.keras project,
            which counts cells from 1.
        blur_kernel: size in cells of the blur with which a model was published that uses DARK
            decoding, such as 11; None for all other models. Only used by `decode` with `published`.

    The attribute `cell_offset` is the input pixel of cell 0 along either axis.

    Raises:
        ArgumentError: a side of `input_size` is not a multiple of `stride`, or another value is
            invalid.
    """

    input_size: Size
    stride: int = 4
    sigma: float = 2.0
    alignment: Alignment = "center"
    blur_kernel: int | None = None
    cell_offset: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Checks the settings."""
        if not isinstance(self.stride, Integral) or not isinstance(self.sigma, Real):
            raise ArgumentError(
                "stride must be a whole number, and sigma a number. "
                f"Received: {shown(self.stride)}, {shown(self.sigma)}."
            )
        if self.stride < 1 or any(side <= 0 or side % self.stride for side in self.input_size):
            raise ArgumentError(
                f"each side of the input size must be a multiple of {self.stride}. "
                f"Received: {self.input_size}."
            )
        if self.alignment not in get_args(Alignment):
            known = ", ".join(get_args(Alignment))
            raise ArgumentError(
                f"alignment must be one of {known}. Received: {shown(self.alignment)}."
            )
        if not self.sigma > 0:
            raise ArgumentError(f"sigma must be above 0. Received: {shown(self.sigma)}.")
        if self.sigma > WIDEST_SIGMA:
            raise ArgumentError(
                f"sigma must be at most {WIDEST_SIGMA} heatmap cells. Received: "
                f"{shown(self.sigma)}."
            )
        if self.blur_kernel is not None and not (
            isinstance(self.blur_kernel, Integral) and self.blur_kernel in BLUR_KERNELS
        ):
            raise ArgumentError(
                f"blur_kernel must be an odd number from {BLUR_KERNELS[0]} to {BLUR_KERNELS[-1]}. "
                f"Received: {shown(self.blur_kernel)}."
            )
        middle = (self.stride - 1) / 2
        offsets = {"center": middle, "corner": 0.0, "upstream": middle - self.stride}
        object.__setattr__(self, "cell_offset", offsets[self.alignment])

    @property
    def blur_radius(self) -> int:
        """Radius in heatmap cells of the Gaussian with which `dark` blurs."""
        return round(2 * self.sigma)

    @property
    def heatmap_size(self) -> Size:
        """`(h, w)`."""
        return self.input_size[0] // self.stride, self.input_size[1] // self.stride

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for a model's metadata; it stores `input_size` separately."""
        config = asdict(self)
        del config["input_size"], config["cell_offset"]
        if self.blur_kernel is None:
            # Files written before this setting existed do not have the key.
            del config["blur_kernel"]
        return config

    def encode(self, keypoints: Any, ops: Any = np) -> tuple[Any, Any]:
        """Renders one Gaussian of height 1 per keypoint.

        Args:
            keypoints: `(B, K, 3)` float32 x, y in input pixels, and visibility.
            ops: the array library: `numpy`, or `keras.ops` inside a graph.

        Returns:
            Heatmaps `(B, h, w, K)` float32, and weights `(B, K)` float32: 1 where the keypoint is
            labelled and inside the input, else 0. Where the weight is 0, the heatmap is all zeros.
        """
        height, width = self.heatmap_size
        x, y = keypoints[..., 0], keypoints[..., 1]
        inside_x = ops.logical_and(x > -0.5, x < self.input_size[1] - 0.5)
        inside_y = ops.logical_and(y > -0.5, y < self.input_size[0] - 0.5)
        valid = ops.logical_and(keypoints[..., 2] > 0, ops.logical_and(inside_x, inside_y))
        weights = ops.where(valid, np.float32(1), np.float32(0))
        x, y = (x - self.cell_offset) / self.stride, (y - self.cell_offset) / self.stride
        # A Gaussian is separable: two short exponentials and one product per keypoint.
        columns = np.arange(width, dtype=np.float32)[None, :, None]
        rows = np.arange(height, dtype=np.float32)[None, :, None]
        denominator = 2 * self.sigma**2
        across = ops.exp(-((columns - x[:, None, :]) ** 2) / denominator) * weights[:, None, :]
        down = ops.exp(-((rows - y[:, None, :]) ** 2) / denominator)
        return down[:, :, None, :] * across[:, None, :, :], weights

    def unflip(
        self, heatmaps: np.ndarray, permutation: np.ndarray, *, whole_cells: bool = False
    ) -> np.ndarray:
        """Flips heatmaps of mirrored images back, and swaps left and right keypoints.

        Args:
            heatmaps: `(B, h, w, K)` of images that were flipped left to right.
            permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
            whole_cells: round the shift to whole cells, as the official code does.

        With alignment `corner`, a mirrored cell is `1 - 1 / stride` of a cell away from the next
        one, so values are interpolated. With `upstream` it is two cells away.
        """
        mirrored = heatmaps[:, :, ::-1, permutation]
        # Cell j corresponds to cell w - 1 - j + shift of the mirrored map.
        shift = 1 - (1 + 2 * self.cell_offset) / self.stride
        whole, part = divmod(round(shift) if whole_cells else shift, 1)
        mirrored = _moved_right(mirrored, int(whole))
        return mirrored if part == 0 else (1 - part) * mirrored + part * _moved_right(mirrored, 1)

    def decode(
        self, heatmaps: np.ndarray, method: DecodeMethod = "dark"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds each heatmap's peak.

        Args:
            heatmaps: `(B, h, w, K)`.
            method: `argmax`: the highest cell. `quarter`: a quarter of a cell from there towards
                the higher neighbour (official Simple Baselines code). `dark`: a Taylor step on the
                logarithm of the blurred map (Zhang et al., CVPR 2020,
                https://arxiv.org/abs/1910.06278). `published`: what the code computes that
                published models were evaluated with, see `simplebase.published`; its version of
                `dark` if the codec has a `blur_kernel`, else of `quarter`.

        Returns:
            Keypoints `(B, K, 2)` float32 in input pixels, and scores `(B, K)` float32, which are
            the heights of the peaks.

        Raises:
            ArgumentError: the method is unknown, or the heatmaps have another size.
        """
        refinements = {
            "argmax": None,
            "quarter": _quarter_step,
            "dark": self._dark_step,
            "published": self._published_step,
        }
        if method not in refinements:
            raise ArgumentError(
                f"decode method must be one of {', '.join(refinements)}. Received: {method!r}."
            )
        if heatmaps.ndim != 4 or heatmaps.shape[1:3] != self.heatmap_size:
            raise ArgumentError(
                f"heatmaps must be (B, {self.heatmap_size[0]}, {self.heatmap_size[1]}, K). "
                f"Received: {heatmaps.shape}."
            )
        batch, height, width, count = heatmaps.shape
        maps = np.moveaxis(heatmaps, -1, 1).reshape(batch * count, height, width)
        cells_in_row = maps.reshape(batch * count, height * width)
        peaks = cells_in_row.argmax(axis=1)
        scores = cells_in_row[np.arange(len(peaks)), peaks]
        cells = np.stack([peaks % width, peaks // width], axis=-1)
        refine = refinements[method]
        points = cells if refine is None else refine(maps, cells)
        keypoints = (points * self.stride + self.cell_offset).astype(np.float32)
        return (
            keypoints.reshape(batch, count, 2),
            scores.reshape(batch, count).astype(np.float32),
        )

    def _dark_step(self, maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Refines the peaks at `cells` `(N, 2)` of `maps` `(N, h, w)`; returns `(N, 2)`."""
        _, height, width = maps.shape
        # For the outermost cells, the parabola is fitted around their inner neighbour. For a
        # Gaussian, this gives the same result.
        stencil = np.clip(cells, 1, [width - 2, height - 2])
        surface = np.log(np.maximum(self._blurred(maps, stencil), HEATMAP_FLOOR))
        middle = surface[:, 1, 1]
        gradient = np.stack(
            [surface[:, 1, 2] - surface[:, 1, 0], surface[:, 2, 1] - surface[:, 0, 1]], axis=-1
        )
        gradient /= 2
        xx = surface[:, 1, 2] - 2 * middle + surface[:, 1, 0]
        yy = surface[:, 2, 1] - 2 * middle + surface[:, 0, 1]
        xy = surface[:, 2, 2] - surface[:, 2, 0] - surface[:, 0, 2] + surface[:, 0, 0]
        xy /= 4
        determinant = xx * yy - xy**2
        # Only a maximum has a peak to step to; flat and saddle-shaped maps keep their cell.
        peaked = (xx < 0) & (determinant > 1e-12)
        safe = np.where(peaked, determinant, 1.0)
        step_x = (xy * gradient[:, 1] - yy * gradient[:, 0]) / safe
        step_y = (xy * gradient[:, 0] - xx * gradient[:, 1]) / safe
        refined = stencil + np.stack([step_x, step_y], axis=-1)
        # A step of more than one cell means that the parabola does not fit.
        refined = np.clip(refined, cells - 1, cells + 1)
        return np.where(peaked[:, None], refined, cells)

    def _published_step(self, maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
        if self.blur_kernel is None:
            return published.quarter_step(maps, cells)
        return published.dark_step(maps, cells, self.blur_kernel)

    def _blurred(self, maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Returns `(N, 3, 3)`: the values around `cells` after blurring with the codec's Gaussian.

        Only these nine values are computed, because only they are needed. Near the border the
        kernel narrows, so that it stays symmetric within the map. A clipped kernel would bias the
        peak.
        """
        _, height, width = maps.shape
        radius = self.blur_radius
        reach = np.arange(-radius - 1, radius + 2)
        distance = np.abs(reach[None, :] - np.arange(-1, 2)[:, None])
        kernel = np.exp(-(distance**2) / (2 * self.sigma**2))
        room = np.minimum(cells, [width - 1, height - 1] - cells) - 1
        across, down = (
            kernel * (distance <= np.minimum(radius, room[:, axis])[:, None, None])
            for axis in (0, 1)
        )
        rows = np.clip(cells[:, 1, None] + reach, 0, height - 1)
        columns = np.clip(cells[:, 0, None] + reach, 0, width - 1)
        patch = maps[np.arange(len(maps))[:, None, None], rows[:, :, None], columns[:, None, :]]
        return down @ patch @ np.swapaxes(across, 1, 2)


def _moved_right(heatmaps: np.ndarray, cells: int) -> np.ndarray:
    """Shifts heatmaps `(B, h, w, K)` to the right and repeats the first column."""
    if cells == 0:
        return heatmaps
    columns = np.maximum(np.arange(heatmaps.shape[2]) - cells, 0)
    return heatmaps[:, :, columns]


def _quarter_step(maps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Moves `cells` `(N, 2)` by a quarter of a cell towards their higher neighbours.

    As in the official code (`get_final_preds` requires 1 < x < w - 1), cells do not move in the
    first two rows and columns and in the last row and column.
    """
    _, height, width = maps.shape
    inner = np.clip(cells, 1, [width - 2, height - 2])
    index = np.arange(len(maps))
    across = maps[index, cells[:, 1], inner[:, 0] + 1] - maps[index, cells[:, 1], inner[:, 0] - 1]
    down = maps[index, inner[:, 1] + 1, cells[:, 0]] - maps[index, inner[:, 1] - 1, cells[:, 0]]
    step = 0.25 * np.sign(np.stack([across, down], axis=-1))
    inside = ((cells > 1) & (cells < [width - 1, height - 1])).all(axis=1, keepdims=True)
    return cells + np.where(inside, step, 0.0)
