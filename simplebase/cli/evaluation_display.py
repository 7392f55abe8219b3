"""What `simplebase eval` prints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import console, say

if TYPE_CHECKING:
    from simplebase.evaluation import Evaluation, Scores
    from simplebase.metrics import Interval


def print_evaluations(evaluations: "Mapping[str, Evaluation]", images: int) -> None:
    """Prints all of one evaluation, or the figures over all of several.

    Args:
        evaluations: by the names of their models or results.
        images: how many they are of.
    """
    if len(evaluations) == 1:
        [(name, evaluation)] = evaluations.items()
        for scores in evaluation.scores:
            console.print(_table(name, scores))
    else:
        for index in range(len(next(iter(evaluations.values())).scores)):
            rows = {name: each.scores[index] for name, each in evaluations.items()}
            for table in _comparison(rows):
                console.print(table)
    found = {name: len(evaluation.detections) for name, evaluation in evaluations.items()}
    if len(set(found.values())) == 1:
        found = {"": next(iter(found.values()))}
    for name, count in found.items():
        say(f"{name and name + ': '}{count} objects in {images} images")


def _table(name: str, scores: "Scores") -> Table:
    """A metric of one model; the figures over all come last."""
    title = f"{name}: {scores.metric}{_unit(scores)}"
    if scores.parts is None:
        table = _new_table(title, "", "", "95 %")
        for figure in scores.figures:
            table.add_row(
                figure.name, _text(figure.value, scores), _interval(figure.interval, scores)
            )
        return table
    table = _new_table(title, "", *scores.columns)
    for part, values in scores.parts.items():
        table.add_row(escape(part), *(_text(value, scores) for value in values))
    table.add_section()
    table.add_row(
        _mean_name(scores), *(_text(each.value, scores) for each in scores.figures), style="bold"
    )
    intervals = [figure.interval for figure in scores.figures]
    for end, label in enumerate(("95 % from", "to")):
        cells = ("" if each is None else _text(each[end], scores) for each in intervals)
        table.add_row(label, *cells)
    return table


def _comparison(rows: "Mapping[str, Scores]") -> list[Table]:
    """A metric of several models, a row each: first what counts, with intervals, then the rest."""
    first = next(iter(rows.values()))
    # Of PCK and PCKh each threshold is a figure that somebody asked for.
    leading = len(first.figures) if first.metric in ("pck", "pckh") else 1
    tables = [_differences(rows, index) for index in range(leading)]
    if columns := _rest(first, leading):
        table = _new_table("", "", *columns)
        for name, scores in rows.items():
            values = _rest(scores, leading).values()
            table.add_row(escape(name), *(_text(value, scores) for value in values))
        tables.append(table)
    tables[0].title = escape(f"{first.metric}{_unit(first)}")
    return tables


def _differences(rows: "Mapping[str, Scores]", index: int) -> Table:
    """A figure of several models, and how much it differs from that of the first."""
    from simplebase.evaluation import difference

    (first_name, first), *_ = rows.items()
    reference = first.figures[index]
    table = _new_table("", "", reference.name, "95 %", "to the first", "95 %")
    for name, scores in rows.items():
        figure = scores.figures[index]
        cells = [_text(figure.value, scores), _interval(figure.interval, scores)]
        if name != first_name:
            apart = difference(figure, reference)
            cells += [_text(apart.value, scores, "+"), _interval(apart.interval, scores, "+")]
        table.add_row(escape(name), *cells)
    return table


def _rest(scores: "Scores", leading: int) -> dict[str, float | None]:
    """The figures after the `leading` ones; of PCKh the columns of the official table before."""
    values = {}
    if scores.metric == "pckh" and scores.parts:
        values = {part: each[0] for part, each in scores.parts.items()}
        values[_mean_name(scores)] = scores.figures[0].value
    return values | {figure.name: figure.value for figure in scores.figures[leading:]}


def _new_table(title: str, *columns: str) -> Table:
    """Numbers right below each other, in the width that there is."""
    table = Table(
        title=escape(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1) if console.width >= 110 else 0,
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        table.add_column(
            escape(column), justify="right" if index else "left", overflow="fold", no_wrap=False
        )
    return table


def _mean_name(scores: "Scores") -> str:
    """What stands for all keypoints; in MPII's table it is a mean without pelvis and thorax."""
    return "Mean" if scores.metric == "pckh" else "all"


def _unit(scores: "Scores") -> str:
    return f", in {scores.unit}" if scores.unit else ""


def _text(value: float | None, scores: "Scores", sign: str = "") -> str:
    if value is None:
        return options.score_text(value)
    digits = 2 if scores.unit and scores.metric != "nme" else 3
    return f"{value:{sign}.{digits}f}"


def _interval(interval: "Interval | None", scores: "Scores", sign: str = "") -> str:
    if interval is None:
        return ""
    return " to ".join(_text(end, scores, sign) for end in interval)
