"""Results of metrics, in a form that tables, JSON and charts share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simplebase.metrics import Interval, percentile_interval


@dataclass(frozen=True)
class Figure:
    """A figure of a metric.

    Args:
        name: its name, such as `PCK@0.5`.
        value: its value; `None` if nothing relevant is labelled.
        samples: `(R,)` values on resampled images, see `simplebase.metrics.confidence`; `None` if
            there are none.
    """

    name: str
    value: float | None
    samples: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def interval(self) -> Interval | None:
        """The bounds of its 95 % confidence interval; `None` if undefined."""
        return None if self.samples is None else defined_interval(self.samples)


@dataclass(frozen=True)
class Scores:
    """The results of one metric for one model on one set of objects.

    Args:
        metric: the metric's name on the command line.
        figures: figures over all objects, the most important one first.
        columns: names of the values in `parts`.
        parts: values by keypoint, or by another division.
        unit: unit of the values; empty for fractions.
        leading: number of main figures; those after them explain the first.
        grouped: whether the parts are groups of keypoints, few enough for one row, as in MPII's
            table. Its last column, Mean, is the first figure.
    """

    metric: str
    figures: tuple[Figure, ...]
    columns: tuple[str, ...] = ()
    parts: Mapping[str, tuple[float | None, ...]] | None = None
    unit: str = ""
    leading: int = 1
    grouped: bool = False

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
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
    """Returns `value`, or `None` if it is not finite."""
    return float(value) if math.isfinite(value) else None


def defined_interval(samples: np.ndarray) -> Interval | None:
    """Returns the 95 % interval of `(R,)` samples; `None` if a bound is not finite."""
    interval = percentile_interval(samples)
    return interval if np.isfinite(interval).all() else None


def by_part(
    names: Sequence[str], columns: Sequence[np.ndarray]
) -> dict[str, tuple[float | None, ...]]:
    """Returns `parts` of `Scores` from a sequence of values for each column."""
    return {
        name: tuple(number(value) for value in values)
        for name, values in zip(names, zip(*columns, strict=True), strict=True)
    }
