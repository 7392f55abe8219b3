"""The tables that `simplebase eval` prints."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from simplebase.cli import options
from simplebase.cli.app import console, say
from simplebase.errors import counted

if TYPE_CHECKING:
    from simplebase.evaluation import Evaluation, Scores
    from simplebase.metrics import Interval


def print_evaluations(
    evaluations: "Mapping[str, Evaluation]", images: int, normaliser: str
) -> None:
    """Prints all figures of one evaluation, or the overall figures of several side by side.

    Args:
        evaluations: the evaluations on one target, by the names of their models or results.
        images: number of images of the target.
        normaliser: name of the normaliser of PCK, AUC and NME.
    """
    from simplebase.evaluation import NORMALISED_METRICS

    if len(evaluations) == 1:
        [(name, evaluation)] = evaluations.items()
        for scores in evaluation.scores:
            say(f"{name}: {_title(scores)}")
            console.print(_table(scores))
    else:
        for index, scores in enumerate(next(iter(evaluations.values())).scores):
            rows = {name: each.scores[index] for name, each in evaluations.items()}
            say(_title(scores))
            for table in _comparison(rows):
                console.print(table)
    objects = next(iter(evaluations.values())).objects
    metrics = {scores.metric for each in evaluations.values() for scores in each.scores}
    divided = f", normaliser {normaliser}" if metrics.intersection(NORMALISED_METRICS) else ""
    say(f"{counted(objects, 'labelled object')} in {counted(images, 'image')}{divided}")
    for name, evaluation in evaluations.items():
        if len(evaluation.detections) != objects:
            say(f"{name}: {counted(len(evaluation.detections), 'result')}")


def _table(scores: "Scores") -> Table:
    """Returns the table of a metric of one model, with the overall figures at the end."""
    intervals = [figure.interval for figure in scores.figures]
    has_intervals = any(each is not None for each in intervals)
    if scores.parts is None:
        table = _new_table("", "", *["95 % CI"] * has_intervals)
        for figure in scores.figures:
            cells = [_interval(figure.interval, scores)] * has_intervals
            table.add_row(figure.name, _text(figure.value, scores), *cells)
        return table
    table = _new_table("", *scores.columns)
    for part, values in scores.parts.items():
        table.add_row(escape(part), *(_text(value, scores) for value in values))
    table.add_section()
    overall = (_text(figure.value, scores) for figure in scores.figures)
    table.add_row("Mean" if scores.grouped else "all", *overall, style="bold")
    for end, label in enumerate(("95 % CI from", "to") if has_intervals else ()):
        bounds = ("" if each is None else _text(each[end], scores) for each in intervals)
        table.add_row(label, *bounds)
    return table


def _comparison(rows: "Mapping[str, Scores]") -> list[Table]:
    """Returns the tables of a metric of several models: first the main figures with intervals."""
    first = next(iter(rows.values()))
    tables = [_differences(rows, index) for index in range(first.leading)]
    if columns := _rest(first):
        table = _new_table("", *columns)
        for name, scores in rows.items():
            table.add_row(escape(name), *(_text(value, scores) for value in _rest(scores).values()))
        tables.append(table)
    return tables


def _differences(rows: "Mapping[str, Scores]", index: int) -> Table:
    """Returns the table of a figure of several models and its difference to the first model."""
    from simplebase.evaluation import difference

    reference = next(iter(rows.values())).figures[index]
    table = _new_table("", reference.name, "95 % CI", "vs. first", "95 % CI")
    for name, scores in rows.items():
        figure = scores.figures[index]
        cells = [_text(figure.value, scores), _interval(figure.interval, scores)]
        if figure is not reference:
            apart = difference(figure, reference)
            cells += [
                _difference_text(apart.value, scores),
                _interval(apart.interval, scores, _difference_text),
            ]
        table.add_row(escape(name), *cells)
    return table


def _rest(scores: "Scores") -> dict[str, float | None]:
    """Returns the other figures. For groups of keypoints, the columns of papers come first."""
    values = {}
    if scores.grouped and scores.parts:
        values = {part: each[0] for part, each in scores.parts.items()}
        values["Mean"] = scores.figures[0].value
    return values | {figure.name: figure.value for figure in scores.figures[scores.leading :]}


def _new_table(*columns: str) -> Table:
    """Returns an empty table with right-aligned numbers that fits the terminal."""
    table = Table(
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


def _difference_text(value: float | None, scores: "Scores") -> str:
    """Returns a difference with one more digit, because its interval is narrow."""
    return options.score_text(value) if value is None else f"{value:+.{_digits(scores) + 1}f}"


def _digits(scores: "Scores") -> int:
    return 2 if scores.unit == "px" else 3


def _interval(
    interval: "Interval | None",
    scores: "Scores",
    text: "Callable[[float | None, Scores], str]" = _text,
) -> str:
    return "" if interval is None else " to ".join(text(end, scores) for end in interval)
