"""Draws charts of a dataset's labels."""

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.records import Records
from simplebase.files import require_output
from simplebase.geometry import PERSON_PIXELS, Crop, transform_points
from simplebase.images import require_image_suffix, write_image

_TRAIN, _VAL, _UNLABELLED, _HIDDEN = "#1b6ca8", "#edae49", "#dddddd", "#8fbbd9"
_INK = "#333333"
_CROP_SIDE = 1000
_BINS = 40
_DENSITY_BINS = 240
# A little more than the crop, to show also what it cuts off.
_AROUND = (-0.1, 1.1)


def plot_statistics(
    dataset: KeypointDataset,
    path: str | os.PathLike[str],
    crop: Crop,
    *,
    overwrite: bool = False,
) -> None:
    """Draws object sizes, visibility, positions in the crop, objects per image and box shapes.

    Args:
        dataset: a dataset of any size; images are not read.
        path: the image to write.
        crop: how objects are cut out.
        overwrite: replace `path` if it exists.

    Raises:
        ArgumentError: `path` has no image suffix.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    require_image_suffix(path)
    require_output(path, overwrite=overwrite)
    write_image(path, draw_statistics(dataset, crop), overwrite=overwrite)


def draw_statistics(dataset: KeypointDataset, crop: Crop) -> np.ndarray:
    """Returns the charts of `plot_statistics` as `(height, width, 3)` RGB uint8."""
    # Imported here, because the import takes half a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = dataset.records
    figure = Figure(figsize=(17, 7.5), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    rows: Any = [["visibility", "places", name] for name in ("sizes", "shapes", "objects")]
    axes: dict[str, Any] = figure.subplot_mosaic(rows, width_ratios=(0.9, 1.7, 0.8))
    _plot_visibility(axes["visibility"], records, dataset.skeleton.keypoints)
    _plot_places(axes["places"], records, dataset.skeleton.keypoints, crop)
    _plot_sizes(axes["sizes"], records)
    _plot_objects(axes["objects"], records)
    _plot_shapes(axes["shapes"], records)
    held_out = int(records.validation.sum())
    figure.suptitle(
        f"{os.path.basename(dataset.name)}: {len(records)} records, "
        f"{len(records) - held_out} train and {held_out} val",
        fontsize=15,
    )
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _plot_visibility(axes: Any, records: Records, names: Sequence[str]) -> None:
    """Draws the shares of unlabelled, hidden and visible, one bar per keypoint."""
    visibility = records.keypoints[..., 2]
    rows = np.arange(len(names))
    left = np.zeros(len(names))
    for value, label, colour in (
        (2, "visible", _TRAIN),
        (1, "hidden", _HIDDEN),
        (0, "not labelled", _UNLABELLED),
    ):
        share = 100 * (visibility == value).mean(axis=0)
        axes.barh(rows, share, left=left, color=colour, label=label)
        left += share
    axes.set_yticks(rows, names)
    axes.set(xlim=(0, 100), xlabel="% of records", ylim=(len(names) - 0.4, -0.6))
    axes.set_title("Visibility", loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, frameon=False)


def _plot_places(axes: Any, records: Records, names: Sequence[str], crop: Crop) -> None:
    """Draws the keypoints' density in the crop, and the median of each keypoint as a dot."""
    side = (_CROP_SIDE, _CROP_SIDE)
    matrices = crop.matrix(records.centers, records.scales, side)
    places = transform_points(matrices, records.keypoints[..., :2]) / (_CROP_SIDE - 1)
    labelled = records.keypoints[..., 2] > 0
    found = places[labelled]
    density, _, _ = np.histogram2d(
        found[:, 1], found[:, 0], bins=_DENSITY_BINS, range=(_AROUND, _AROUND)
    )
    smooth = cv2.GaussianBlur(density, (0, 0), _DENSITY_BINS / 100)
    extent = (*_AROUND, *_AROUND[::-1])
    axes.imshow(np.sqrt(smooth), extent=extent, cmap="Blues", interpolation="bilinear")
    axes.plot([0, 1, 1, 0, 0], [0, 0, 1, 1, 0], color=_INK, linewidth=1)
    medians = {
        name: np.median(places[labelled[:, index], index], axis=0)
        for index, name in enumerate(names)
        if labelled[:, index].any()
    }
    _name_points(axes, medians)
    axes.set(xticks=(), yticks=(), xlim=(-0.34, 1.34), ylim=_AROUND[::-1])
    axes.spines[:].set_visible(False)
    axes.set_title("Keypoints in the crop (frame); dots are medians", loc="left")


def _name_points(axes: Any, points: dict[str, np.ndarray]) -> None:
    """Draws dots with their names in a column on either side, without overlap."""
    middle = np.median([point[0] for point in points.values()]) if points else 0.5
    for at, alignment, left in ((-0.02, "right", True), (1.02, "left", False)):
        side = {name: p for name, p in points.items() if (p[0] <= middle) == left}
        heights = _spread([point[1] for point in side.values()], least=0.04)
        for (name, (x, y)), height in zip(side.items(), heights, strict=True):
            axes.plot([x, at], [y, height], color=_INK, linewidth=0.4, alpha=0.5)
            axes.plot(x, y, "o", color=_INK, markersize=5, markerfacecolor=_VAL)
            axes.text(at, height, name, ha=alignment, va="center", fontsize=8.5)


def _spread(values: Sequence[float], least: float) -> np.ndarray:
    """Moves `values` as little as possible in one pass, until neighbours are `least` apart."""
    spread = np.array(values, float)
    order = np.argsort(spread, kind="stable")
    for before, after in zip(order, order[1:], strict=False):
        spread[after] = max(spread[after], spread[before] + least)
    return spread


def _plot_sizes(axes: Any, records: Records) -> None:
    _plot_spread(axes, PERSON_PIXELS * records.scales, records.validation)
    axes.set(xlabel="object size, pixels")
    axes.set_title("Object sizes", loc="left")
    axes.legend(frameon=False)


def _plot_objects(axes: Any, records: Records) -> None:
    from matplotlib.ticker import MaxNLocator

    _, first, counts = np.unique(records.paths.astype(str), return_index=True, return_counts=True)
    edges = np.arange(0.5, counts.max() + 1.5) if counts.max() < _BINS else _BINS
    _plot_splits(axes, counts, records.validation[first], edges)
    axes.set(xlabel="records per image", ylabel="images")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_title("Objects per image", loc="left")


def _plot_shapes(axes: Any, records: Records) -> None:
    axes.set_title("Box shapes", loc="left")
    known = (records.boxes[:, 2:] > 0).all(axis=1)
    if not known.any():
        axes.text(0.5, 0.5, "no record has a bbox", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    shapes = records.boxes[known, 2] / records.boxes[known, 3]
    _plot_spread(axes, shapes, records.validation[known])
    axes.set(xlabel="box width over height")


def _plot_spread(axes: Any, values: np.ndarray, validation: np.ndarray) -> None:
    """Draws a histogram of positive values, logarithmic if they span a wide range."""
    from matplotlib.ticker import LogLocator, NullLocator

    bins = int(np.clip(2 * np.sqrt(len(values)), 10, _BINS))
    low, high = 0.95 * values.min(), 1.05 * values.max()
    wide = high > 5 * low
    edges = np.geomspace(low, high, bins) if wide else np.linspace(low, high, bins)
    _plot_splits(axes, values, validation, edges)
    if wide:
        axes.set(xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:g}")


def _plot_splits(axes: Any, values: np.ndarray, validation: np.ndarray, edges: Any) -> None:
    """Draws a stacked histogram of train and val."""
    axes.hist(
        [values[~validation], values[validation]],
        bins=edges,
        stacked=True,
        color=(_TRAIN, _VAL),
        label=("train", "val"),
    )
    axes.set_ylabel("records")
