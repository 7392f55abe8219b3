"""The one-euro filter."""

import math

import numpy as np
import pytest

from simplebase.demo.smoothing import KeypointSmoother, OneEuro, smoothing_settings
from simplebase.errors import ArgumentError

FOUND = np.array([True])
FPS = 30.0


def run(points: np.ndarray, settings: OneEuro | None = None, side: float = 100.0) -> np.ndarray:
    """`(T, 2)` the filter's answers to `(T, 2)` places of one keypoint."""
    smoother = KeypointSmoother(settings or OneEuro(), 1)
    return np.array(
        [smoother(point[None], FOUND, n / FPS, side)[0] for n, point in enumerate(points)]
    )


def by_the_paper(values: np.ndarray, settings: OneEuro) -> list[float]:
    """One coordinate by the algorithm as it is printed, at a constant rate; speeds unscaled."""

    def alpha(cutoff: float) -> float:
        return 1 / (1 + FPS / (2 * math.pi * cutoff))

    filtered, speed = [float(values[0])], 0.0
    for before, value in zip(values[:-1], values[1:], strict=True):
        del before
        weight = alpha(settings.derivative_cutoff)
        # As in the authors' code the speed is that from the last filtered value.
        speed = weight * (value - filtered[-1]) * FPS + (1 - weight) * speed
        weight = alpha(settings.min_cutoff + settings.beta * abs(speed))
        filtered.append(weight * value + (1 - weight) * filtered[-1])
    return filtered


def test_along_one_axis_it_is_the_filter_of_the_paper() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0, 3, 40))
    settings = OneEuro(min_cutoff=0.7, beta=0.3, derivative_cutoff=1.2)
    points = np.stack([values, np.zeros(40)], axis=1)
    np.testing.assert_allclose(
        run(points, settings, side=1.0)[:, 0], by_the_paper(values, settings), rtol=1e-12
    )


def test_a_still_point_stays_where_it_is() -> None:
    np.testing.assert_array_equal(run(np.full((20, 2), 7.0)), np.full((20, 2), 7.0))


def test_a_trembling_point_trembles_less() -> None:
    points = 50 + np.random.default_rng(0).normal(0, 0.5, (200, 2))
    assert run(points)[50:].std() < 0.5 * points[50:].std()


def test_a_fast_point_lags_less_than_two_frames() -> None:
    points = np.stack([np.arange(60) * 5.0, np.zeros(60)], axis=1)
    assert (points - run(points))[-1, 0] / 5.0 < 2


def test_size_does_not_matter() -> None:
    points = np.cumsum(np.random.default_rng(0).normal(0, 2, (30, 2)), axis=0)
    np.testing.assert_allclose(run(points * 8, side=800), run(points, side=100) * 8, rtol=1e-9)


def test_a_diagonal_move_stays_on_its_line() -> None:
    points = np.cumsum(np.random.default_rng(0).uniform(0, 3, 30))[:, None] * [1.0, 0.25]
    smooth = run(points)
    np.testing.assert_allclose(smooth[:, 1], smooth[:, 0] * 0.25, rtol=1e-9)


def test_a_keypoint_that_was_lost_starts_anew_and_the_others_go_on() -> None:
    smoother = KeypointSmoother(OneEuro(min_cutoff=0.1, beta=0.0), 2)
    both, first = np.array([True, True]), np.array([True, False])
    here, there = np.zeros((2, 2)), np.full((2, 2), 80.0)
    smoother(here, both, 0.0, 100.0)
    np.testing.assert_array_equal(smoother(there, first, 0.1, 100.0)[1], there[1])
    again = smoother(there, both, 0.2, 100.0)
    assert again[0, 0] < 30
    np.testing.assert_array_equal(again[1], there[1])


def test_two_frames_of_one_time_are_no_division_by_zero() -> None:
    smoother = KeypointSmoother(OneEuro(), 1)
    for _ in range(3):
        assert np.isfinite(smoother(np.random.rand(1, 2), FOUND, 1.0, 10.0)).all()


def test_smoothing_is_chosen_by_name() -> None:
    assert smoothing_settings("none") is None
    assert smoothing_settings("one-euro") == OneEuro()
    with pytest.raises(ArgumentError, match="one-euro, none. Received: 'kalman'"):
        smoothing_settings("kalman")  # type: ignore[arg-type]
