"""Draws charts with Matplotlib."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from simplebase.files import require_output
from simplebase.images import require_image_suffix, write_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#7768ae", "#3d3d3d", "#8d5524")
# There are more backbones than categories in other charts.
_BACKBONE_COLOURS = (*COLOURS, "#e07fb0", "#0f9d9d")
_MARKERS = ("o", "s", "^")
_PIXELS_PER_INCH = 150


@contextmanager
def new_figure(
    path: str | os.PathLike[str], size: tuple[float, float], *, overwrite: bool = False
) -> "Iterator[Figure]":
    """Yields an empty figure, and writes it after the block.

    Args:
        path: the image to write.
        size: `(width, height)` in inches of 150 pixels.
        overwrite: replace `path` if it exists.

    Raises:
        ArgumentError: `path` has no image suffix.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    # Imported here, because the import takes half a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    require_image_suffix(path)
    require_output(path, overwrite=overwrite)
    figure = Figure(figsize=size, dpi=_PIXELS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    yield figure
    canvas.draw()
    # Matplotlib's own savefig cannot write all of WRITTEN_SUFFIXES.
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    write_image(path, pixels, overwrite=overwrite)


def plot_costs(
    presets: Sequence[dict[str, Any]], path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Draws parameters over GFLOPs, one point per preset; colour is backbone, shape is head.

    Args:
        presets: summaries with `backbone`, `head`, `params` and `gflops`.
        path: the image to write.
        overwrite: replace `path` if it exists.

    Raises:
        ArgumentError: `path` has no image suffix.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    with new_figure(path, (9, 6), overwrite=overwrite) as figure:
        _draw_costs(figure, presets)


def _draw_costs(figure: "Figure", presets: Sequence[dict[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    backbones = sorted({preset["backbone"] for preset in presets})
    heads = sorted({preset["head"] for preset in presets})
    colours = dict(zip(backbones, _BACKBONE_COLOURS, strict=False))
    markers = dict(zip(heads, _MARKERS, strict=False))
    axes = figure.subplots()
    for backbone in backbones:
        own = [preset for preset in presets if preset["backbone"] == backbone]
        own.sort(key=lambda preset: preset["params"])
        params = [preset["params"] / 1e6 for preset in own]
        gflops = [preset["gflops"] for preset in own]
        axes.plot(gflops, params, color=colours[backbone], linewidth=1, alpha=0.4)
        for x, y, preset in zip(gflops, params, own, strict=True):
            axes.plot(x, y, markers[preset["head"]], color=colours[backbone], markersize=8)
    axes.set(xscale="log", yscale="log", title="Presets, 16 keypoints")
    axes.set(xlabel="GFLOPs (2 x multiply-adds)", ylabel="parameters, millions")
    for axis, ticks in ((axes.xaxis, (1, 2, 4, 8, 16)), (axes.yaxis, (1, 2, 4, 8, 16, 32))):
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
        axis.set_ticks([], minor=True)
    axes.grid(alpha=0.25)
    handles = [Line2D([], [], color=colours[name], lw=3, label=name) for name in backbones]
    handles += [
        Line2D([], [], color="#555555", marker=markers[name], lw=0, label=name) for name in heads
    ]
    axes.legend(handles=handles, loc="lower right", ncols=2, frameon=False)
