"""What `simplebase eval` prints."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from simplebase.cli import options
from simplebase.cli.app import console, say

if TYPE_CHECKING:
    from simplebase.evaluation import Evaluation, Scores
    from simplebase.metrics import Interval


def print_evaluations(
    evaluations: "Mapping[str, Evaluation]", images: int, normaliser: str
) -> None:
    """Prints all of one evaluation, or the figures over all of several.

    Args:
        evaluations: by the names of their models or results, of one target.
        images: how many they are of.
        normaliser: of PCK, AUC and NME.
    """
    from simplebase.evaluation import NORMALISED_METRICS

    if len(evaluations) == 1:
        [(name, evaluation)] = evaluations.items()
        for scores in evaluation.scores:
            console.print(_table(name, scores))
    else:
        for index in range(len(next(iter(evaluations.values())).scores)):
            rows = {name: each.scores[index] for name, each in evaluations.items()}
            for table in _comparison(rows):
                console.print(table)
    objects = next(iter(evaluations.values())).objects
    metrics = {scores.metric for each in evaluations.values() for scores in each.scores}
    divided = f", normaliser {normaliser}" if metrics.intersection(NORMALISED_METRICS) else ""
    say(f"{objects} labelled objects in {images} images{divided}")
    for name, evaluation in evaluations.items():
        if len(evaluation.detections) != objects:
            say(f"{name}: {len(evaluation.detections)} results")


def _table(name: str, scores: "Scores") -> Table:
    """A metric of one model; the figures over all come last."""
    title = f"{name}: {_title(scores)}"
    if scores.parts is None:
        has_intervals = any(figure.interval is not None for figure in scores.figures)
        table = _new_table(title, "", "", *(["95 %"] if has_intervals else []))
        for figure in scores.figures:
            interval = [_interval(figure.interval, scores)] if has_intervals else []
            table.add_row(figure.name, _text(figure.value, scores), *interval)
        return table
    table = _new_table(title, "", *scores.columns)
    for part, values in scores.parts.items():
        table.add_row(escape(part), *(_text(value, scores) for value in values))
    table.add_section()
    overall = (_text(figure.value, scores) for figure in scores.figures)
    table.add_row("Mean" if scores.grouped else "all", *overall, style="bold")
    intervals = [figure.interval for figure in scores.figures]
    if all(each is None for each in intervals):
        return table
    for end, label in enumerate(("95 % from", "to")):
        cells = ("" if each is None else _text(each[end], scores) for each in intervals)
        table.add_row(label, *cells)
    return table


def _comparison(rows: "Mapping[str, Scores]") -> list[Table]:
    """A metric of several models, a row each: first what was asked for, with intervals."""
    first = next(iter(rows.values()))
    title = _title(first)
    tables = [_differences(rows, index, "" if index else title) for index in range(first.leading)]
    if columns := _rest(first):
        table = _new_table("", "", *columns)
        for name, scores in rows.items():
            table.add_row(escape(name), *(_text(value, scores) for value in _rest(scores).values()))
        tables.append(table)
    return tables


def _differences(rows: "Mapping[str, Scores]", index: int, title: str) -> Table:
    """A figure of several models, and how much it differs from that of the first."""
    from simplebase.evaluation import difference

    reference = next(iter(rows.values())).figures[index]
    table = _new_table(title, "", reference.name, "95 %", "to the first", "95 %")
    for name, scores in rows.items():
        figure = scores.figures[index]
        cells = [_text(figure.value, scores), _interval(figure.interval, scores)]
        if figure is not reference:
            apart = difference(figure, reference)
            cells += [_apart(apart.value, scores), _interval(apart.interval, scores, _apart)]
        table.add_row(escape(name), *cells)
    return table


def _rest(scores: "Scores") -> dict[str, float | None]:
    """The figures that explain; of groups of keypoints first the table that papers print."""
    values = {}
    if scores.grouped and scores.parts:
        values = {part: each[0] for part, each in scores.parts.items()}
        values["Mean"] = scores.figures[0].value
    return values | {figure.name: figure.value for figure in scores.figures[scores.leading :]}


def _new_table(title: str, *columns: str) -> Table:
    """Numbers right below each other, in the width that there is."""
    table = Table(
        # A title that is wider than its table stays on one line.
        title=Text(title, no_wrap=True, overflow="ignore") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1) if console.width >= 110 else 0,
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        table.add_column(escape(column), justify="right" if index else "left", overflow="fold")
    return table


def _title(scores: "Scores") -> str:
    return f"{scores.metric}, in {scores.unit}" if scores.unit else scores.metric


def _text(value: float | None, scores: "Scores") -> str:
    if value is None:
        return options.score_text(value)
    return f"{value:.{_digits(scores)}f}"


def _apart(value: float | None, scores: "Scores") -> str:
    """A difference, with one digit more: its interval is narrow."""
    return options.score_text(value) if value is None else f"{value:+.{_digits(scores) + 1}f}"


def _digits(scores: "Scores") -> int:
    return 2 if scores.unit == "px" else 3


def _interval(
    interval: "Interval | None",
    scores: "Scores",
    text: "Callable[[float | None, Scores], str]" = _text,
) -> str:
    return "" if interval is None else " to ".join(text(end, scores) for end in interval)
