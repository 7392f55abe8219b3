"""Charts of scores."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simplebase.evaluation.scores import Scores
from simplebase.plots import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _FRAME = 0.3, 1.4  # inches
_FAINT = 0.25
_KIND_COLOURS = ("#2e933c", "#edae49", "#7768ae", "#1b6ca8", "#d1495b")


def plot_parts(scores: Scores, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Draws a bar for each keypoint and column, and a dashed line at the overall figure.

    Args:
        scores: scores with `parts`, whose figures are in the order of the columns. If they have a
            unit, only the first column is drawn.
        path: the image to write.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    parts = {name: values for name, values in (scores.parts or {}).items() if None not in values}
    names = sorted(parts, key=lambda name: parts[name][0] or 0.0)
    labels = scores.columns[:1] if scores.unit else scores.columns
    columns = len(labels)
    rows = np.arange(len(names))
    height = _FRAME + _ROW * len(names) * (1 + columns) / 2
    with new_figure(path, (8, height), overwrite=overwrite) as figure:
        axes = figure.subplots()
        for column, label in enumerate(labels):
            values = [parts[name][column] or 0.0 for name in names]
            place = rows + 0.8 * ((columns - 1) / 2 - column) / columns
            bars = axes.barh(place, values, 0.8 / columns, color=COLOURS[column], label=label)
            digits = ".3f" if not scores.unit else ".1f"
            texts = [f"{value:{digits}}" for value in values]
            # On a white background, because the lines of the means pass below some of them.
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            axes.bar_label(bars, texts, padding=3, fontsize=9, bbox=ground)
            overall = scores.figures[column].value if column < len(scores.figures) else None
            if overall is not None:
                axes.axvline(overall, color=COLOURS[column], linestyle="--", linewidth=1, zorder=0)
        axes.set_yticks(rows, names)
        axes.set(ylim=(-0.6, len(names) - 0.4), xlabel=scores.unit or "fraction of keypoints")
        if not scores.unit:
            axes.set_xlim(0, 1.1)
        axes.set_title(
            "   ".join(
                f"{each.name} {each.value:{digits}}"
                for each in scores.figures[:columns]
                if each.value is not None
            )
        )
        if columns > 1:
            axes.legend(loc="lower right", frameon=False)
        _finish(axes)


def plot_precision_recall(
    curves: Mapping[str, np.ndarray], path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Draws precision over recall.

    Args:
        curves: by OKS threshold, the precision `(101,)` at recall 0, 0.01, ... 1; NaN if no object
            counts.
        path: the image to write.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    import matplotlib

    recall = np.linspace(0, 1, 101)
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
    with new_figure(path, (7.5, 5.5), overwrite=overwrite) as figure:
        axes = figure.subplots()
        for colour, (label, precision) in zip(colours, curves.items(), strict=True):
            axes.plot(recall, precision, color=colour, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        axes.set_title("Precision and recall by OKS threshold")
        axes.legend(title="OKS, AP", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        _finish(axes)


def plot_error_kinds(
    shares: Mapping[str, Mapping[str, float]],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Draws the shares of the kinds of error as a bar for each keypoint.

    Args:
        shares: by keypoint, the share of each kind; all have the same kinds.
        path: the image to write.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    names = list(shares)[::-1]
    with new_figure(path, (8, _FRAME + _ROW * len(names)), overwrite=overwrite) as figure:
        axes = figure.subplots()
        start = np.zeros(len(names))
        for colour, kind in zip(_KIND_COLOURS, shares[names[0]], strict=True):
            values = np.array([shares[name][kind] for name in names])
            axes.barh(names, values, 0.75, left=start, color=colour, label=kind)
            start += values
        axes.set(xlim=(0, 1), xlabel="share of labelled keypoints of matched objects")
        axes.set_title("Kinds of error (Ronchi and Perona, ICCV 2017)")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        _finish(axes)


def _finish(axes: "Axes") -> None:
    axes.grid(alpha=_FAINT, axis="both" if axes.lines and not axes.patches else "x")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
