"""Evaluations side by side: how much they differ, and whether that is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simplebase.evaluation.evaluation import Evaluation
from simplebase.evaluation.scores import Figure, defined_interval
from simplebase.metrics import Interval


@dataclass(frozen=True)
class Difference:
    """How much a figure is above that of another evaluation of the same images.

    Args:
        value: this one minus the other; `None` where either is not defined.
        interval: ends of its 95 % confidence interval. Both figures are of the same drawn images,
            so it is narrower than those of the figures: if 0 is outside, the two are not equal.
    """

    value: float | None
    interval: Interval | None

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"value": self.value, "interval_95": self.interval}


def difference(figure: Figure, other: Figure) -> Difference:
    """`figure` minus `other`, the same figure of two evaluations with one target."""
    value = None if figure.value is None or other.value is None else figure.value - other.value
    if figure.samples is None or other.samples is None:
        return Difference(value, None)
    return Difference(value, defined_interval(figure.samples - other.samples))


def comparison_config(evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Plain values for JSON: each evaluation by its name, those after the first with differences.

    Args:
        evaluations: of one target and the same metrics.
    """
    names = list(evaluations)
    first = evaluations[names[0]]
    content = {name: evaluation.to_config() for name, evaluation in evaluations.items()}
    for name in names[1:]:
        content[name]["difference"] = {
            "to": names[0],
            "metrics": {
                scores.metric: {
                    figure.name: difference(figure, other).to_config()
                    for figure, other in zip(scores.figures, others.figures, strict=True)
                }
                for scores, others in zip(evaluations[name].scores, first.scores, strict=True)
            },
        }
    return content
