"""Compares evaluations: how much they differ, and whether that is more than chance."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.errors import SimplebaseWarning
from simplebase.evaluation.evaluation import Evaluation
from simplebase.evaluation.measuring import NORMALISED_METRICS, OKS_METRICS
from simplebase.evaluation.scores import Figure, defined_interval
from simplebase.metrics import Interval
from simplebase.skeletons import Skeleton


@dataclass(frozen=True)
class Difference:
    """The difference between a figure and that of another evaluation of the same images.

    Args:
        value: this figure minus the other; `None` if one of them is undefined.
        interval: bounds of its 95 % confidence interval. Both figures use the same drawn images, so
            it is usually narrower than their own. If two models are equally good, one interval in
            twenty still excludes 0.
    """

    value: float | None
    interval: Interval | None

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {"value": self.value, "interval_95": self.interval}


def difference(figure: Figure, other: Figure) -> Difference:
    """Returns `figure` minus `other`, the same figure of two evaluations of one target."""
    value = None if figure.value is None or other.value is None else figure.value - other.value
    if figure.samples is None or other.samples is None:
        return Difference(value, None)
    # Both may be infinite.
    with np.errstate(invalid="ignore"):
        samples = figure.samples - other.samples
    return Difference(value, defined_interval(samples))


def warn_of_other_normalisers(evaluations: Mapping[str, Evaluation]) -> None:
    """Warns if figures cannot be compared, as upstream's normaliser depends on the aspect ratio.

    Args:
        evaluations: evaluations of one target with the same metrics.
    """
    conditions = [evaluation.conditions for evaluation in evaluations.values()]
    metrics = {scores.metric for each in evaluations.values() for scores in each.scores}
    upstream = any(each["normaliser"] == "upstream" for each in conditions)
    ratios = {height / width for height, width in (each["input_size"] for each in conditions)}
    if upstream and len(ratios) > 1 and metrics.intersection(NORMALISED_METRICS):
        warnings.warn(
            "PCK, AUC and NME cannot be compared here: the normaliser upstream depends on the "
            "aspect ratio of a model's input, and these differ (results files count as square). "
            "Use --normaliser box, which is the same for all.",
            SimplebaseWarning,
            stacklevel=2,
        )


def warn_of_missing_sigmas(evaluations: Mapping[str, Evaluation], skeleton: Skeleton) -> None:
    """Warns if OKS was computed with COCO's mean for each keypoint.

    Args:
        evaluations: evaluations of one target with the same metrics.
        skeleton: of the target.
    """
    metrics = {scores.metric for each in evaluations.values() for scores in each.scores}
    if skeleton.sigmas is None and metrics.intersection(OKS_METRICS):
        warnings.warn(
            f"skeleton {skeleton.name!r} has no OKS sigmas, so each keypoint gets COCO's mean of "
            "0.067. Compare these figures only with those of the same skeleton.",
            SimplebaseWarning,
            stacklevel=2,
        )


def comparison_config(evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Returns plain values for JSON: evaluations by name, with differences from the first.

    Args:
        evaluations: evaluations of one target with the same metrics.
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
