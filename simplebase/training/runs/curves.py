"""Draws the curves of several runs in one picture."""

import math
import os
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from simplebase.errors import ArgumentError
from simplebase.files import short_names
from simplebase.plots import COLOURS, new_figure
from simplebase.training.runs.metrics import EpochMetrics, best_epoch, read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":", "-.")
_MOST_RUNS = len(COLOURS) * len(_DASHES)
_WIDTH, _HEIGHT, _LEGEND_ROW = 9.0, 8.0, 0.2  # inches
_LEGEND_CHARACTERS = 110  # per row of the legend
_HANDLE_CHARACTERS = 8  # width of a handle and the gaps around it
_MOST_DOTS = 30  # epochs; more dots would hide the line


def plot_curves(
    runs: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> dict[str, tuple[EpochMetrics, ...]]:
    """Draws loss, learning rate and val PCK of `runs` over their epochs.

    Args:
        runs: the runs' folders, at most 28, which is how many lines can be distinguished.
        path: the image to write.
        overwrite: replace `path` if it exists.

    Returns:
        The metrics of each run, by its name in the legend.

    Raises:
        ArgumentError: there are no runs or too many, a run is given twice, or `path` has no image
            suffix.
        MissingFileError: a folder is not that of a run.
        DataError: a `metrics.csv` is damaged, or no epoch has ended yet.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    if not 1 <= len(runs) <= _MOST_RUNS:
        raise ArgumentError(f"one picture can show 1 to {_MOST_RUNS} runs. Received: {len(runs)}.")
    curves = dict(zip(short_names(runs), map(read_metrics, runs), strict=True))
    columns = _legend_columns(curves)
    height = _HEIGHT + _LEGEND_ROW * math.ceil(len(curves) / columns)
    with new_figure(path, (_WIDTH, height), overwrite=overwrite) as figure:
        _draw_panels(figure, list(curves.values()))
        _draw_legend(figure, list(curves), columns)
    return curves


def _legend_columns(names: Iterable[str]) -> int:
    widths = [len(name) + _HANDLE_CHARACTERS for name in names]
    return min(len(widths), max(1, _LEGEND_CHARACTERS // max(widths)))


def _draw_panels(figure: "Figure", curves: Sequence[Sequence[EpochMetrics]]) -> None:
    panels = figure.subplots(3, sharex=True, height_ratios=(3, 2, 3))
    loss, rate, pck = panels
    longest = max(map(len, curves))
    for index, metrics in enumerate(curves):
        style = _line_style(index)
        if longest <= _MOST_DOTS or len(metrics) == 1:
            style |= {"marker": "o", "markersize": 3.5}
        epochs = [row.epoch for row in metrics]
        loss.plot(epochs, [row.loss for row in metrics], **style)
        rate.plot(epochs, [row.learning_rate for row in metrics], **style)
        _draw_scores(pck, metrics, style)
    loss.set_title("Loss", loc="left")
    _choose_scale(loss, [row.loss for metrics in curves for row in metrics])
    rate.set_title("Learning rate", loc="left")
    # A schedule that falls to 0 spans any range. Whether a run would be flat on the axis depends on
    # the runs' peaks.
    _choose_scale(rate, [max(row.learning_rate for row in metrics) for metrics in curves])
    for axes in panels:
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    _finish_scores(pck, measured=any(map(best_epoch, curves)))
    _label_epochs(pck, [row.epoch for metrics in curves for row in metrics])


def _line_style(index: int) -> dict[str, Any]:
    dashes, colour = divmod(index, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": _DASHES[dashes]}


def _draw_scores(axes: "Axes", metrics: Sequence[EpochMetrics], style: dict[str, Any]) -> None:
    scores = [math.nan if row.val_pck is None else row.val_pck for row in metrics]
    axes.plot([row.epoch for row in metrics], scores, **style)
    if best := best_epoch(metrics):
        axes.plot(
            [best.epoch],
            [best.val_pck or 0.0],
            marker="*",
            markersize=14,
            markeredgecolor="white",
            color=style["color"],
            zorder=3,  # above all lines
            clip_on=False,  # draws the whole mark at the edge, too
        )


def _finish_scores(axes: "Axes", *, measured: bool) -> None:
    axes.set_title("Val PCK, a star at the best epoch", loc="left")
    if measured:
        axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)


def _choose_scale(axes: "Axes", values: Sequence[float]) -> None:
    """Chooses a logarithmic scale if `values` span more than a factor of 10, else a linear one."""
    from matplotlib.ticker import LogLocator

    if 0 < 10 * min(values) < max(values):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        subs = (1, 2, 5) if high < 500 * low else (1,)  # more labels would touch
        axes.yaxis.set_major_locator(LogLocator(subs=subs))


def _label_epochs(axes: "Axes", epochs: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    first, last = min(epochs), max(epochs)
    axes.set(xlabel="epoch", xlim=(first - 0.5, last + 0.5 + 0.01 * (last - first)))
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=(1, 2, 5, 10), integer=True, min_n_ticks=1))


def _draw_legend(figure: "Figure", names: Sequence[str], columns: int) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=2, **_line_style(index)) for index in range(len(names))]
    width = _LEGEND_CHARACTERS - _HANDLE_CHARACTERS
    legend = figure.legend(
        handles,
        ["\n".join(textwrap.wrap(name, width)) for name in names],
        loc="outside lower center",
        ncols=columns,
        fontsize="small",
        handlelength=3,
        frameon=False,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # so that a "$" in a name does not start a formula
