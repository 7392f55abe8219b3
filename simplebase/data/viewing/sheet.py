"""A sheet of samples: one picture to look a dataset over."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from simplebase.codec import HeatmapCodec
from simplebase.data.viewing.samples import Sample
from simplebase.drawing import draw_skeleton, plain
from simplebase.skeletons import Skeleton

_TILE_HEIGHT = 272
_FINER = 2  # drawn at twice the size, so that small dots are round
_LINE = 1.1
_CAPTION = 22
_GAP = 10
_HEADER = 64
_ASPECT = 1.5  # of the sheet, width over height
_INK, _FAINT, _PAPER = (30, 30, 30), (110, 110, 110), (255, 255, 255)
_HEAT = np.array((255, 196, 0), np.float32)
_HEAT_STRENGTH = 0.45


def draw_sheet(
    samples: Sequence[Sample], skeleton: Skeleton, title: str, codec: HeatmapCodec | None = None
) -> np.ndarray:
    """Draws samples with their skeletons in a grid.

    Args:
        samples: at least one, all of one size.
        skeleton: what their keypoints are.
        title: of the sheet.
        codec: lays the heatmaps that it encodes over the images; by default none.

    Returns:
        `(height, width, 3)` uint8.
    """
    tiles = [_draw_tile(sample, skeleton, codec) for sample in samples]
    height, width = tiles[0].shape[:2]
    cell_height, cell_width = height + _CAPTION + _GAP, width + _GAP
    columns = round(math.sqrt(len(tiles) * _ASPECT * cell_height / cell_width))
    columns = min(max(columns, 1), len(tiles))
    rows = math.ceil(len(tiles) / columns)
    size = (columns * cell_width + _GAP, _HEADER + rows * cell_height)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    _draw_header(pen, title, codec is not None, any(sample.truth is not None for sample in samples))
    font = ImageFont.load_default(13)
    for place, (sample, tile) in enumerate(zip(samples, tiles, strict=True)):
        x = _GAP + place % columns * cell_width
        y = _HEADER + place // columns * cell_height
        sheet.paste(Image.fromarray(tile), (x, y))
        caption = _caption(sample, pen, font, width)
        pen.text((x, y + height + 3), caption, _FAINT, font)
    return np.asarray(sheet)


def _draw_tile(sample: Sample, skeleton: Skeleton, codec: HeatmapCodec | None) -> np.ndarray:
    magnification = _TILE_HEIGHT * _FINER / sample.image.shape[0]
    width = round(sample.image.shape[1] * magnification / _FINER)
    size = (_FINER * width, _FINER * _TILE_HEIGHT)
    method = cv2.INTER_AREA if magnification < 1 else cv2.INTER_CUBIC
    tile = cv2.resize(sample.image, size, interpolation=method)
    if codec is not None:
        tile = _with_heat(tile, codec.encode(sample.keypoints[None].astype(np.float32))[0][0])
    if sample.truth is not None:
        _draw_keypoints(tile, sample.truth, plain(skeleton), magnification)
    _draw_keypoints(tile, sample.keypoints, skeleton, magnification)
    return cv2.resize(tile, (width, _TILE_HEIGHT), interpolation=cv2.INTER_AREA)


def _draw_keypoints(
    tile: np.ndarray, keypoints: np.ndarray, skeleton: Skeleton, magnification: float
) -> None:
    # Edge to edge: pixel 0 of the image is spread over the tile from its corner on.
    points = (np.nan_to_num(keypoints[:, :2]) + 0.5) * magnification - 0.5
    visibility = keypoints[:, 2]
    draw_skeleton(
        tile, points, skeleton, shown=visibility > 0, width=_LINE * _FINER, hollow=visibility == 1
    )


def _with_heat(tile: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """`tile` with the maximum over `(h, w, K)` heatmaps laid over it."""
    heat = cv2.resize(heatmaps.max(axis=-1), tile.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    share = _HEAT_STRENGTH * heat[..., None]
    return np.round(tile * (1 - share) + _HEAT * share).astype(np.uint8)


def _draw_header(pen: ImageDraw.ImageDraw, title: str, heat: bool, truth: bool) -> None:
    pen.text((_GAP, 10), title, _INK, ImageFont.load_default(20))
    legend = "white rim: visible   black hole: hidden   nothing: not labelled"
    if truth:
        legend = "white: labelled   in colour: found"
    legend += "   yellow: what the network is taught" if heat else ""
    legend += "   below each: record, image"
    pen.text((_GAP, 38), legend, _FAINT, ImageFont.load_default(13))


def _caption(
    sample: Sample,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    note = f"{sample.note}  " if sample.note else ""
    room = width - pen.textlength(note, font)
    return note + _shortened(f"{sample.record}  {sample.path}", pen, font, room)


def _shortened(
    text: str,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: float,
) -> str:
    """`text` with its middle left out until it is no wider than `width` pixels."""
    short, keep = text, len(text)
    while pen.textlength(short, font) > width and keep > 2:
        keep -= 1
        short = text[: keep // 2] + "…" + text[len(text) - (keep - keep // 2) :]
    return short
