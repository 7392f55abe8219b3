"""The picture of one or several runs' curves."""

import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from simplebase.errors import ArgumentError, DataError, OutputExistsError
from simplebase.images import WRITTEN_SUFFIXES, read_image
from simplebase.plots import COLOURS, new_figure
from simplebase.training.runs import curves
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.metrics import (
    METRICS,
    EpochMetrics,
    read_metrics,
    write_metrics,
)


def write_run(folder: Path, epochs: int, *, loss: float = 2.0, peak: float = 1e-3) -> Path:
    """A run whose PCK is best in the middle and whose loss ends at half of `loss`."""
    rows = []
    for epoch in range(1, epochs + 1):
        done = epoch / epochs
        pck = 0.8 - abs(epoch - math.ceil(epochs / 2)) / epochs
        rows.append(EpochMetrics(epoch, loss * (1 - done / 2), pck, peak * (1 - done), 20.0))
    return write_epochs(folder, rows)


def write_epochs(folder: Path, epochs: Sequence[EpochMetrics]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder / METRICS, epochs)
    return folder


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that `plot_curves` draws, to look at their parts."""
    kept = []

    @contextmanager
    def keep(*arguments: Any, **options: Any) -> Iterator[Figure]:
        with new_figure(*arguments, **options) as figure:
            kept.append(figure)
            yield figure

    monkeypatch.setattr(curves, "new_figure", keep)
    return kept


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
def test_the_picture_shows_the_runs(tmp_path: Path, suffix: str) -> None:
    two = [write_run(tmp_path / name, 9, loss=loss) for name, loss in (("a", 1), ("b", 2))]
    pictures = []
    for index, run in enumerate(two):
        path = tmp_path / f"{index}{suffix}"
        plot_curves([run], path)
        pictures.append(read_image(path))
    height, width = pictures[0].shape[:2]
    assert (width, height) == (9 * 150, 8.2 * 150)
    assert (pictures[0] != pictures[1]).any()


def test_panels_hold_the_metrics_of_each_run(tmp_path: Path, figures: list[Figure]) -> None:
    partly = (EpochMetrics(1, 2.5, 0.25, 0.001, 18.5), EpochMetrics(2, 1.25, None, 0.0005, 19.5))
    runs = [write_run(tmp_path / "a", 4), write_epochs(tmp_path / "b", partly)]
    drawn = plot_curves(runs, tmp_path / "curves.png")
    assert drawn == {"a": read_metrics(runs[0]), "b": partly}
    loss, rate, pck = figures[0].axes
    for axes, field in ((loss, "loss"), (rate, "learning_rate")):
        for line, metrics in zip(axes.lines, drawn.values(), strict=True):
            assert list(line.get_xdata()) == [row.epoch for row in metrics]
            assert list(line.get_ydata()) == [getattr(row, field) for row in metrics]
    stars = [line for line in pck.lines if line.get_marker() == "*"]
    assert [(*star.get_xdata(), *star.get_ydata()) for star in stars] == [(2, 0.8), (1, 0.25)]
    assert [to_hex(star.get_color()) for star in stars] == list(COLOURS[:2])
    scores = pck.lines[2].get_ydata()
    assert scores[0] == 0.25 and math.isnan(scores[1])
    assert loss.get_xlim() == rate.get_xlim() == pck.get_xlim()


def test_a_loss_over_more_than_a_factor_of_10_is_logarithmic(
    tmp_path: Path, figures: list[Figure]
) -> None:
    write_run(tmp_path / "high", 5, loss=22)  # ends at 11, the other at 1
    write_run(tmp_path / "low", 5, loss=2)
    for runs in (("high",), ("low",), ("high", "low")):
        plot_curves([tmp_path / run for run in runs], tmp_path / "curves.png", overwrite=True)
    assert [figure.axes[0].get_yscale() for figure in figures] == ["linear", "linear", "log"]


def test_a_falling_schedule_stays_linear_and_unlike_peaks_do_not(
    tmp_path: Path, figures: list[Figure]
) -> None:
    runs = [write_run(tmp_path / name, 50, peak=peak) for name, peak in (("a", 1e-2), ("b", 1e-4))]
    plot_curves(runs[:1], tmp_path / "one.png")
    plot_curves(runs, tmp_path / "two.png")
    assert [figure.axes[1].get_yscale() for figure in figures] == ["linear", "log"]


def test_a_single_epoch_is_a_dot(tmp_path: Path, figures: list[Figure]) -> None:
    runs = [write_run(tmp_path / "one", 1), write_run(tmp_path / "long", 100)]
    plot_curves(runs, tmp_path / "curves.png")
    markers = [line.get_marker() for line in figures[0].axes[0].lines]
    assert markers == ["o", "None"]
    assert figures[0].axes[2].get_xlim()[0] < 1


def test_runs_without_pck_say_so(tmp_path: Path, figures: list[Figure]) -> None:
    run = write_epochs(tmp_path / "a", [EpochMetrics(2, 1.25, None, 5e-4, 19.5)])
    plot_curves([run], tmp_path / "curves.png")
    pck = figures[0].axes[2]
    assert [text.get_text() for text in pck.texts] == ["not measured"]
    assert not any(line.get_marker() == "*" for line in pck.lines)


def test_28_runs_have_28_looks(tmp_path: Path, figures: list[Figure]) -> None:
    runs = [write_run(tmp_path / f"run{index}", 3) for index in range(29)]
    plot_curves(runs[:28], tmp_path / "curves.png")
    handles = figures[0].legends[0].get_lines()
    for lines in (handles, figures[0].axes[0].lines):
        looks = [(to_hex(line.get_color()), line.get_linestyle()) for line in lines]
        assert len(set(looks)) == 28
        assert len({colour for colour, _ in looks[:7]}) == 7
    with pytest.raises(ArgumentError, match="1 to 28 runs. Received: 29"):
        plot_curves(runs, tmp_path / "more.png")


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("runs/cows",), ["cows"]),
        (("runs/cows", "runs/horses"), ["cows", "horses"]),
        (("a/cows", "b/cows", "b/horses"), ["a/cows", "b/cows", "horses"]),
        (("a/x/cows", "b/x/cows"), ["a/x/cows", "b/x/cows"]),
        (("a/cows", "a/cows/cows"), ["a/cows", "cows/cows"]),
        (("_a", "$x^$_{1"), ["_a", "$x^$_{1"]),
        (("caf\udce9", "caf\udce8"), [r"caf\xe9", r"caf\xe8"]),
    ],
)
def test_legend_names_are_as_long_as_they_must_be(
    tmp_path: Path, figures: list[Figure], folders: tuple[str, ...], names: list[str]
) -> None:
    drawn = plot_curves(
        [write_run(tmp_path / folder, 2) for folder in folders], tmp_path / "curves.png"
    )
    assert list(drawn) == names
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == names


def test_a_relative_run_is_named_after_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_run(tmp_path / "cows", 1))
    assert list(plot_curves(["."], "curves.png")) == ["cows"]


@pytest.mark.parametrize("length", [3, 46, 150])
def test_the_legend_stays_in_the_picture(
    tmp_path: Path, figures: list[Figure], length: int
) -> None:
    runs = [write_run(tmp_path / f"{index}".rjust(length, "n"), 2) for index in range(9)]
    plot_curves(runs, tmp_path / "curves.png")
    (figure,) = figures
    box, lowest = figure.legends[0].get_window_extent(), figure.axes[2].get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1
    assert lowest is not None and box.y1 <= lowest.y0


@pytest.mark.parametrize(("high", "epochs"), [(2, 1), (2, 100), (30, 30), (4e5, 7)])
def test_tick_labels_do_not_touch(
    tmp_path: Path, figures: list[Figure], high: float, epochs: int
) -> None:
    runs = [
        write_run(tmp_path / "high", epochs, loss=high, peak=1e-5),
        write_run(tmp_path / "low", epochs, peak=1e-2),
    ]
    plot_curves(runs, tmp_path / "curves.png")
    for axes in figures[0].axes:
        low, top = axes.get_ylim()
        boxes = [
            label.get_window_extent()
            for label, place in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
            if low <= place <= top
        ]
        assert len(boxes) >= 2
        assert not any(label.get_text() for label in axes.get_yticklabels(minor=True))
        assert all(below.y1 < above.y0 for below, above in zip(boxes, boxes[1:], strict=False))


def test_what_cannot_be_drawn_writes_nothing(tmp_path: Path) -> None:
    good, bad = write_run(tmp_path / "good", 2), write_run(tmp_path / "bad", 1)
    (bad / METRICS).write_text((bad / METRICS).read_text().replace("\n1,", "\n1,x"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="bad/metrics.csv, line 2"):
        plot_curves([good, bad], tmp_path / "new" / "curves.png")
    with pytest.raises(ArgumentError, match=r"curves\.txt"):
        plot_curves([good], tmp_path / "curves.txt")
    with pytest.raises(ArgumentError, match="good is given twice"):
        plot_curves([good, tmp_path / "bad" / ".." / "good"], tmp_path / "curves.png")
    with pytest.raises(ArgumentError, match="Received: 0"):
        plot_curves([], tmp_path / "curves.png")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_earlier_picture_is_replaced_on_demand_only(tmp_path: Path) -> None:
    run, path = write_run(tmp_path / "run", 2), tmp_path / "curves.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        plot_curves([run], path)
    assert path.read_bytes() == b"mine"
    plot_curves([run], path, overwrite=True)
    assert read_image(path).dtype == np.uint8


def test_curves_need_no_tensorflow() -> None:
    program = """
import sys
import simplebase.training.runs.curves
heavy = {"tensorflow", "keras", "matplotlib.figure"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
