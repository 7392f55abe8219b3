"""Draws a sheet of samples, to inspect a dataset in one picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from simplebase.codec import HeatmapCodec
from simplebase.data.viewing.samples import Sample
from simplebase.drawing import draw_skeleton, plain
from simplebase.skeletons import Skeleton
from simplebase.tiles import draw_tiles

_TILE_HEIGHT = 272
_FINER = 2  # drawn at twice the size, so that small dots are round
_LINE = 1.1
_HEAT = np.array((255, 196, 0), np.float32)
_HEAT_STRENGTH = 0.45


def draw_sheet(
    samples: Sequence[Sample],
    skeleton: Skeleton,
    title: str,
    codec: HeatmapCodec | None = None,
    *,
    truth: str = "labelled",
) -> np.ndarray:
    """Draws samples with their skeletons in a grid.

    Args:
        samples: at least one sample, all of the same size.
        skeleton: skeleton of their keypoints.
        title: title of the sheet.
        codec: encodes the heatmaps that are drawn over the images; by default none.
        truth: the legend's word for the samples' `truth`.

    Returns:
        `(height, width, 3)` uint8.
    """
    legend = "white rim: visible   black hole: hidden   nothing: not labelled"
    if any(sample.truth is not None for sample in samples):
        legend = f"white: {truth}   in colour: found"
    legend += "   yellow: what the network is taught" if codec is not None else ""
    return draw_tiles(
        [_draw_tile(sample, skeleton, codec) for sample in samples],
        [_caption(sample) for sample in samples],
        title=title,
        legend=f"{legend}   below each: record, image",
    )


def _draw_tile(sample: Sample, skeleton: Skeleton, codec: HeatmapCodec | None) -> np.ndarray:
    magnification = _TILE_HEIGHT * _FINER / sample.image.shape[0]
    width = round(sample.image.shape[1] * magnification / _FINER)
    size = (_FINER * width, _FINER * _TILE_HEIGHT)
    method = cv2.INTER_AREA if magnification < 1 else cv2.INTER_CUBIC
    tile = cv2.resize(sample.image, size, interpolation=method)
    if codec is not None:
        tile = _with_heatmaps(tile, codec.encode(sample.keypoints[None].astype(np.float32))[0][0])
    if sample.truth is not None:
        _draw_keypoints(tile, sample.truth, plain(skeleton), magnification)
    _draw_keypoints(tile, sample.keypoints, skeleton, magnification, sides=True)
    return cv2.resize(tile, (width, _TILE_HEIGHT), interpolation=cv2.INTER_AREA)


def _draw_keypoints(
    tile: np.ndarray,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    magnification: float,
    sides: bool = False,
) -> None:
    # From edge to edge: the area of pixel 0 starts at the tile's corner.
    points = (np.nan_to_num(keypoints[:, :2]) + 0.5) * magnification - 0.5
    visibility = keypoints[:, 2]
    draw_skeleton(
        tile,
        points,
        skeleton,
        shown=visibility > 0,
        width=_LINE * _FINER,
        hollow=visibility == 1,
        sides=sides,
    )


def _with_heatmaps(tile: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Draws the maximum of heatmaps `(h, w, K)` over `tile`."""
    heat = cv2.resize(heatmaps.max(axis=-1), tile.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    share = _HEAT_STRENGTH * heat[..., None]
    return np.round(tile * (1 - share) + _HEAT * share).astype(np.uint8)


def _caption(sample: Sample) -> str:
    note = f"{sample.note}  " if sample.note else ""
    return f"{note}{sample.record}  {sample.path}"
