"""What a metric says, in a form that tables, JSON and charts share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One figure of a metric.

    Args:
        name: such as `PCK@0.5`.
        value: `None` where nothing is labelled that it could be of.
        interval: ends of its 95 % confidence interval, by bootstrap over images.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scores:
    """A metric of one model on one set of objects.

    Args:
        metric: its name on the command line.
        figures: those over all objects, the one that is looked at first in front.
        columns: what `parts` has of each part.
        parts: values by keypoint, or by what else the metric is told apart by.
        unit: of the values; empty for fractions.
    """

    metric: str
    figures: tuple[Figure, ...]
    columns: tuple[str, ...] = ()
    parts: Mapping[str, tuple[float | None, ...]] | None = None
    unit: str = ""

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        figures = {
            figure.name: {"value": figure.value, "interval_95": figure.interval}
            for figure in self.figures
        }
        parts = {
            name: dict(zip(self.columns, values, strict=True))
            for name, values in (self.parts or {}).items()
        }
        return {"unit": self.unit or "fraction", "figures": figures, "parts": parts}


def number(value: float) -> float | None:
    """A figure for `Figure` and `Scores`: what is not finite is `None`."""
    return float(value) if math.isfinite(value) else None


def by_part(
    names: Sequence[str], columns: Sequence[np.ndarray]
) -> dict[str, tuple[float | None, ...]]:
    """`parts` of `Scores` from a sequence of values for each column."""
    return {
        name: tuple(number(value) for value in values)
        for name, values in zip(names, zip(*columns, strict=True), strict=True)
    }
