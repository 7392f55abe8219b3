"""The metrics of a run's epochs, and their file `metrics.csv`."""

import csv
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from simplebase.errors import DataError, MissingFileError, cut, shown
from simplebase.files import read_text, replacing

METRICS = "metrics.csv"


@dataclass(frozen=True)
class EpochMetrics:
    """The metrics of one epoch.

    Args:
        epoch: number of the epoch, from 1.
        loss: mean over its steps.
        val_pck: PCK on the val split, see `simplebase.evaluation.mean_pck`; `None` without labels.
        learning_rate: mean over its steps.
        images_per_second: speed of its training steps, without the tracing of the first one.
        pseudo_keypoints: share of the unlabelled samples' keypoints whose teacher score reached the
            threshold; `None` without unlabelled images.
        pseudo_score: mean score of a mean teacher's keypoints; `None` with other teachers.
    """

    epoch: int
    loss: float
    val_pck: float | None
    learning_rate: float
    images_per_second: float
    pseudo_keypoints: float | None = None
    pseudo_score: float | None = None


_COLUMNS = [field.name for field in fields(EpochMetrics)]
_OPTIONAL = ["pseudo_keypoints", "pseudo_score"]
"""Columns that only runs with unlabelled images have."""
_REQUIRED = [name for name in _COLUMNS if name not in _OPTIONAL]
_MAY_BE_EMPTY = ("val_pck", *_OPTIONAL)


def best_epoch(metrics: Sequence[EpochMetrics]) -> EpochMetrics | None:
    """Returns the first epoch with the highest val PCK; `None` without PCK."""
    scored = [row for row in metrics if row.val_pck is not None]
    return max(scored, key=lambda row: row.val_pck or 0.0, default=None)


def write_metrics(path: str | os.PathLike[str], metrics: Sequence[EpochMetrics]) -> None:
    """Replaces the file at `path` with one row for each of `metrics`."""
    columns = _COLUMNS if any(row.pseudo_keypoints is not None for row in metrics) else _REQUIRED
    with replacing(path, overwrite=True) as partial:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(asdict(epoch) for epoch in metrics)


def read_metrics(run_dir: str | os.PathLike[str]) -> tuple[EpochMetrics, ...]:
    """Returns the metrics of a run's epochs, in order.

    Raises:
        MissingFileError: `run_dir` is not the folder of a run.
        DataError: its `metrics.csv` is damaged, or no epoch has ended yet.
    """
    folder = Path(run_dir)
    path = folder / METRICS
    if not folder.exists():
        raise MissingFileError(f"{folder}: the run folder does not exist. Check the path.")
    if not folder.is_dir():
        raise MissingFileError(f"{folder} is a file, but a run is a folder with a {METRICS}.")
    if not path.is_file():
        raise MissingFileError(
            f"{folder} has no {METRICS}: it is not the folder of a run, or no epoch has ended yet."
        )
    metrics: list[EpochMetrics] = []
    rows = _rows(path)
    for line, cells in rows[1:]:
        row = _parse(f"{path}, line {line}", rows[0][1], cells)
        if metrics and row.epoch <= metrics[-1].epoch:
            raise DataError(
                f"{path}, line {line}, column epoch: {row.epoch} comes after "
                f"{metrics[-1].epoch}, but epochs must increase."
            )
        metrics.append(row)
    if not metrics:
        raise DataError(f"{path} has no rows: no epoch has ended yet.")
    return tuple(metrics)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Returns the header and the rows, each with its line number, from 1."""
    try:
        reader = csv.reader(io.StringIO(read_text(path), newline=""))
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as CSV: {error}.") from error
    if rows and rows[0][1] not in (_REQUIRED, _COLUMNS):
        raise DataError(
            f"{path}, line 1: expected the columns {','.join(_REQUIRED)}. "
            f"Received: {cut(','.join(rows[0][1]))}."
        )
    return rows


def _parse(where: str, columns: Sequence[str], cells: Sequence[str]) -> EpochMetrics:
    if len(cells) != len(columns):
        raise DataError(f"{where} has {len(cells)} values, but there are {len(columns)} columns.")
    texts = dict(zip(columns, cells, strict=True))
    epoch = texts.pop("epoch")
    if not re.fullmatch(r"[1-9]\d{,8}", epoch):
        raise DataError(f"{where}, column epoch: expected 1, 2, 3, ... Received: {shown(epoch)}.")
    values: dict[str, Any] = {
        name: None
        if name in _MAY_BE_EMPTY and not text
        else _number(f"{where}, column {name}", text)
        for name, text in texts.items()
    }
    return EpochMetrics(epoch=int(epoch), **values)


def _number(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: expected a number. Received: {shown(text)}.")
    return value
