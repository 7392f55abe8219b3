"""What two evaluations differ by, and how sure that is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from labelled import people

from simplebase.errors import SimplebaseWarning
from simplebase.evaluation import (
    Evaluation,
    Figure,
    comparison_config,
    difference,
    warn_of_other_normalisers,
)
from simplebase.evaluation.detections import Detections
from simplebase.evaluation.measuring import measure_epe, measure_pck

NOTHING = Detections(*(np.zeros(0) for _ in range(4)))


def evaluation_of(*scores) -> Evaluation:
    return Evaluation(NOTHING, None, scores, 10)


def test_models_that_differ_in_each_image_alike_differ_for_sure():
    dataset = people(40)
    labels = dataset.records.keypoints
    # Each object is off by an error of its own, which differs much from image to image.
    errors = np.random.default_rng(0).uniform(1, 50, (40, 1, 1)) * (1, 0, 0)
    worse = measure_epe(labels + errors + (1, 0, 0), dataset).figures[0]
    better = measure_epe(labels + errors, dataset).figures[0]
    apart = difference(better, worse)
    assert apart.value == pytest.approx(-1)
    assert apart.interval == (pytest.approx(-1), pytest.approx(-1))
    assert better.interval is not None and worse.interval is not None
    assert better.interval[1] > worse.interval[0]


def test_what_is_not_defined_differs_by_nothing():
    sure = Figure("PCK@0.5", 0.5, np.full(10, 0.5))
    assert difference(Figure("PCK@0.5", None), sure).value is None
    assert difference(sure, Figure("PCK@0.5", 0.4)).interval is None
    never = Figure("PCK@0.5", None, np.full(10, np.nan))
    assert difference(sure, never).interval is None


def test_what_is_infinite_in_both_differs_by_nothing():
    endless = Figure("EPE", None, np.full(10, np.inf))
    assert difference(endless, endless).interval is None


def test_models_of_several_aspect_ratios_do_not_compare_by_upstreams_normaliser():
    dataset = people(2)
    scores = measure_epe(dataset.records.keypoints, dataset)

    def of(size: tuple[int, int], normaliser: str, metric: str) -> Evaluation:
        conditions = {"normaliser": normaliser, "input_size": list(size)}
        return Evaluation(
            NOTHING, None, (replace(scores, metric=metric),), 2, conditions=conditions
        )

    def warned(*arguments) -> None:
        warn_of_other_normalisers({"a": of((256, 192), *arguments), "b": of((64, 64), *arguments)})

    with pytest.warns(SimplebaseWarning, match="depends on the aspect ratio"):
        warned("upstream", "pck")
    warned("box", "pck")
    warned("upstream", "epe")


def test_each_figure_of_the_others_is_compared_with_the_first():
    dataset = people(10)
    labels, normaliser = dataset.records.keypoints, np.full(10, 10.0)
    far = labels + np.where(np.arange(10) < 5, 4.0, 0.0)[:, None, None] * (1, 0, 0)
    content = comparison_config(
        {
            name: evaluation_of(
                measure_pck(predictions, dataset, normaliser, (0.2, 0.5)),
                measure_epe(predictions, dataset),
            )
            for name, predictions in (("right", labels), ("far", far))
        }
    )
    assert "difference" not in content["right"]
    compared = content["far"]["difference"]
    assert compared["to"] == "right"
    values = {
        figure: each["value"]
        for figures in compared["metrics"].values()
        for figure, each in figures.items()
    }
    assert values == {"PCK@0.2": -0.5, "PCK@0.5": 0.0, "EPE": 2.0, "EPE found": 0.0}
    low, high = compared["metrics"]["pck"]["PCK@0.2"]["interval_95"]
    assert -1 <= low < -0.5 < high <= 0
    json.dumps(content)
