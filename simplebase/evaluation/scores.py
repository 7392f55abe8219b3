"""What a metric says, in a form that tables, JSON and charts share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simplebase.metrics import Interval, percentile_interval


@dataclass(frozen=True)
class Figure:
    """One figure of a metric.

    Args:
        name: such as `PCK@0.5`.
        value: `None` where nothing is labelled that it could be of.
        samples: `(R,)` what it comes to on images that are drawn again, see
            `simplebase.metrics.confidence`; `None` if that was not tried.
    """

    name: str
    value: float | None
    samples: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def interval(self) -> Interval | None:
        """Ends of its 95 % confidence interval; `None` where it is not defined."""
        return None if self.samples is None else defined_interval(self.samples)


@dataclass(frozen=True)
class Scores:
    """A metric of one model on one set of objects.

    Args:
        metric: its name on the command line.
        figures: those over all objects, the one that is looked at first in front.
        columns: what `parts` has of each part.
        parts: values by keypoint, or by what else the metric is told apart by.
        unit: of the values; empty for fractions.
        leading: how many figures somebody asked for; those after them explain the first.
        grouped: whether the parts are groups of keypoints, few enough for a row, as in MPII's
            table, whose last column is the first figure under the name Mean.
    """

    metric: str
    figures: tuple[Figure, ...]
    columns: tuple[str, ...] = ()
    parts: Mapping[str, tuple[float | None, ...]] | None = None
    unit: str = ""
    leading: int = 1
    grouped: bool = False

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


def defined_interval(samples: np.ndarray) -> Interval | None:
    """The 95 % interval of `(R,)` samples; `None` where an end is not finite."""
    interval = percentile_interval(samples)
    return interval if np.isfinite(interval).all() else None


def by_part(
    names: Sequence[str], columns: Sequence[np.ndarray]
) -> dict[str, tuple[float | None, ...]]:
    """`parts` of `Scores` from a sequence of values for each column."""
    return {
        name: tuple(number(value) for value in values)
        for name, values in zip(names, zip(*columns, strict=True), strict=True)
    }
