"""Arranges pictures with captions on one sheet."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_CAPTION = 22
_GAP = 10
_HEADER = 64
_ASPECT = 1.5  # width / height of the sheet
_INK, _FAINT, _PAPER = (30, 30, 30), (110, 110, 110), (255, 255, 255)


def draw_tiles(
    tiles: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    title: str,
    legend: str,
    beside: np.ndarray | None = None,
) -> np.ndarray:
    """Arranges tiles in rows on a sheet that is about 1.5 times as wide as high.

    Args:
        tiles: at least one `(height, width, 3)` uint8, all of the same size.
        captions: texts below the tiles. If one is too long, its middle is left out.
        title: title of the sheet.
        legend: a line below it.
        beside: `(height, width, 3)` uint8 of any size, to the left of the tiles.

    Returns:
        `(height, width, 3)` uint8.
    """
    height, width = tiles[0].shape[:2]
    cell_height, cell_width = height + _CAPTION + _GAP, width + _GAP
    columns = round(math.sqrt(len(tiles) * _ASPECT * cell_height / cell_width))
    columns = min(max(columns, 1), len(tiles))
    rows = math.ceil(len(tiles) / columns)
    left = _GAP if beside is None else beside.shape[1] + 3 * _GAP
    body = max(rows * cell_height, 0 if beside is None else beside.shape[0] + _GAP)
    fonts = ImageFont.load_default(20), ImageFont.load_default(13)
    # The sheet is at least as wide as the text at its top.
    written = max(font.getlength(text) for font, text in zip(fonts, (title, legend), strict=True))
    paper_width = max(left + columns * cell_width, math.ceil(written) + 2 * _GAP)
    sheet = Image.new("RGB", (paper_width, _HEADER + body), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 10), title, _INK, fonts[0])
    pen.text((_GAP, 38), legend, _FAINT, fonts[1])
    if beside is not None:
        sheet.paste(Image.fromarray(beside), (_GAP, _HEADER))
    for place, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        x = left + place % columns * cell_width
        y = _HEADER + place // columns * cell_height
        sheet.paste(Image.fromarray(tile), (x, y))
        pen.text((x, y + height + 3), _shortened(caption, pen, fonts[1], width), _FAINT, fonts[1])
    return np.asarray(sheet)


def _shortened(
    text: str,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width: int,
) -> str:
    """Shortens the middle of `text` until it is no wider than `width` pixels."""
    short, keep = text, len(text)
    while pen.textlength(short, font) > width and keep > 2:
        keep -= 1
        short = text[: keep // 2] + "…" + text[len(text) - (keep - keep // 2) :]
    return short
