"""Learning rates: each decay by hand, the warm-up before it, and the graph against plain Python."""

from typing import get_args

import keras
import numpy as np
import pytest

from simplebase.errors import ArgumentError
from simplebase.presets.recipe import DecayType
from simplebase.training.optimizer import DECAYS, Schedule

# Of a peak of 1: the rates at these steps of a run of 140 without warm-up.
RATES = {
    "none": {0: 1, 70: 1, 139: 1, 140: 1},
    # A quarter and a half of the way down from 1 to 0.01: 0.01 + 0.99 * (1 + cos(45°)) / 2, 0.505.
    "cosine": {0: 1, 35: 0.855018, 70: 0.505, 140: 0.01},
    # 0.9 ** 0.5 half way.
    "exponential": {0: 1, 70: 0.948683, 140: 0.9},
    "polynomial": {0: 1, 35: 0.7525, 70: 0.505, 140: 0.01},
    "piecewise-constant": {0: 1, 70: 1, 125: 1, 126: 0.1, 140: 0.1},
    "step": {0: 1, 70: 1, 89: 1, 90: 0.1, 119: 0.1, 120: 0.01, 139: 0.01, 140: 0.01},
}


def test_every_decay_of_a_recipe_is_there() -> None:
    assert set(DECAYS) == set(RATES) == set(get_args(DecayType))


@pytest.mark.parametrize("name", DECAYS)
def test_a_decay_has_the_rates_worked_out_by_hand(name: DecayType) -> None:
    schedule = Schedule(1.0, name, warmup_steps=0, total_steps=140)
    for step, rate in RATES[name].items():
        assert schedule.at(step) == pytest.approx(rate, rel=1e-5), step
    assert schedule.at(10**6) == pytest.approx(schedule.at(140))


@pytest.mark.parametrize("name", DECAYS)
def test_a_rate_never_rises_again_after_the_warm_up(name: DecayType) -> None:
    schedule = Schedule(0.5, name, warmup_steps=7, total_steps=140)
    rates = np.array([schedule.at(step) for step in range(7, 150)])
    assert rates[0] == 0.5
    assert (np.diff(rates) <= 0).all()


def test_the_warm_up_rises_in_equal_steps_and_the_decay_takes_what_is_left() -> None:
    schedule = Schedule(0.8, "cosine", warmup_steps=3, total_steps=13)
    rates = [schedule.at(step) for step in range(14)]
    np.testing.assert_allclose(rates[:4], [0.2, 0.4, 0.6, 0.8])
    # Half way between steps 3 and 13: (1 + 0.01) / 2 of the peak.
    assert rates[8] == pytest.approx(0.8 * 0.505)
    assert rates[13] == pytest.approx(0.008)


def test_drops_count_from_the_end_of_the_warm_up() -> None:
    # A warm-up of 10 steps and ten more: nine tenths of those are over at step 19.
    schedule = Schedule(1.0, "piecewise-constant", warmup_steps=10, total_steps=20)
    assert [schedule.at(step) for step in (10, 18, 19)] == pytest.approx([1, 1, 0.1])


@pytest.mark.parametrize("total", [140, 1400, 333_340])
@pytest.mark.parametrize("name", DECAYS)
def test_the_graph_computes_what_plain_python_does(name: DecayType, total: int) -> None:
    schedule = Schedule(0.3, name, warmup_steps=total // 10, total_steps=total)
    drops = [round(total * (0.1 + 0.9 * part)) for part in (90 / 140, 120 / 140, 0.9)]
    steps = {0, 1, total // 10, total // 2, total - 1, total, 2 * total}
    steps.update(drop + beside for drop in drops for beside in (-1, 0, 1))
    for step in sorted(steps):
        in_graph = schedule(keras.ops.convert_to_tensor(step, "int64"))
        assert keras.backend.standardize_dtype(in_graph.dtype) == "float32"
        assert float(in_graph) == pytest.approx(schedule.at(step), rel=2e-5), step


@pytest.mark.parametrize("name", DECAYS)
def test_a_run_of_one_step_trains_at_its_peak(name: DecayType) -> None:
    schedule = Schedule(0.3, name, warmup_steps=0, total_steps=1)
    assert schedule.at(0) == 0.3


def test_a_run_of_three_steps_decays_by_thirds() -> None:
    schedule = Schedule(1.0, "polynomial", warmup_steps=0, total_steps=3)
    assert [schedule.at(step) for step in range(4)] == pytest.approx([1, 0.67, 0.34, 0.01])


def test_a_schedule_survives_its_config() -> None:
    schedule = Schedule(0.8, "step", warmup_steps=3, total_steps=13)
    config = keras.saving.serialize_keras_object(schedule)
    twin = keras.saving.deserialize_keras_object(config)
    assert isinstance(twin, Schedule)
    assert [twin.at(step) for step in range(14)] == [schedule.at(step) for step in range(14)]


def test_an_unknown_decay_is_told_with_those_there_are() -> None:
    with pytest.raises(ArgumentError, match="one of none, cosine, .*, step. Received: 'linear'"):
        Schedule(0.8, "linear", warmup_steps=0, total_steps=1)
