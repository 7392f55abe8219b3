"""Which frames are chosen, of scenes made by hand."""

import numpy as np
import pytest

from simplebase.data.frames.choosing import Choice, Method, choose, choose_best
from simplebase.data.frames.sampling import Moment, Sample

METHODS: list[Method] = ["kmeans", "uniform"]


def _sample(levels: list[list[int]], times: list[list[float]] | None = None) -> Sample:
    """Plain frames of these grey levels, one list a video; a frame a second if nothing else."""
    moments = []
    for video, own in enumerate(levels):
        for index in range(len(own)):
            moments.append(Moment(video, index, times[video][index] if times else float(index)))
    images = np.stack([np.full((8, 30), level, np.uint8) for own in levels for level in own])
    return Sample(tuple(moments), images)


def _indices(choice: Choice) -> list[int]:
    return [moment.index for moment in choice.moments]


def test_clusters_give_the_frame_nearest_to_their_mean() -> None:
    # Means of 14 and 204; 12 and 203 are the nearest.
    choice = choose(_sample([[10, 12, 20, 200, 203, 209]]), 2)
    assert _indices(choice) == [1, 4]


def test_a_short_event_in_a_long_scene_is_chosen() -> None:
    levels = [[50] * 40 + [150] * 3 + [50] * 40]
    assert 40 <= _indices(choose(_sample(levels), 2))[1] <= 42


@pytest.mark.parametrize("method", METHODS)
def test_near_duplicates_are_left_out_and_counted(method: Method) -> None:
    choice = choose(_sample([[100, 105, 110, 115, 118, 200]]), 4, method=method)
    chosen = [[100, 105, 110, 115, 118, 200][index] for index in _indices(choice)]
    assert len(chosen) == 2
    assert chosen[1] == 200
    assert choice.alike == 4


def test_places_that_duplicates_leave_free_go_to_other_frames() -> None:
    """Two videos of the same scene share a frame; the free place goes to what is left."""
    sample = _sample([[0, 0, 0, 40], [0, 0, 0, 80]])
    choice = choose(sample, 3)
    assert sorted(sample.images[:, 0, 0][[4 * m.video + m.index for m in choice.moments]]) == [
        0,
        40,
        80,
    ]


def test_a_small_thing_that_moves_is_no_duplicate() -> None:
    sample = _sample([[100, 100]])
    sample.images[1, 3, 7] = 160
    assert len(choose(sample, 2).moments) == 2


def test_below_zero_nothing_is_a_duplicate() -> None:
    assert len(choose(_sample([[5] * 6]), 6, alike=-1).moments) == 6


def test_uniform_follows_the_time_and_not_the_number_of_frames() -> None:
    times = [*np.arange(0, 2, 0.1), *np.arange(2, 10.5, 1)]
    levels = [[(90 * n) % 256 for n in range(len(times))]]
    sample = _sample(levels, [times])
    choice = choose(sample, 4, method="uniform", alike=-1)
    # Of 10 seconds the quarters' middles are 1.25, 3.75, 6.25 and 8.75.
    np.testing.assert_allclose([m.time for m in choice.moments], [1.25, 4, 6, 9], atol=0.06)


@pytest.mark.parametrize("method", METHODS)
def test_each_video_has_its_share_and_the_longest_what_is_left_over(method: Method) -> None:
    levels = [[0, 30, 60, 90], [15 + 30 * n for n in range(8)], [4, 250]]
    choice = choose(_sample(levels), 4, method=method, alike=5)
    assert [moment.video for moment in choice.moments] == [0, 1, 1, 2]


@pytest.mark.parametrize("method", METHODS)
def test_fewer_frames_than_asked_for_are_all_chosen(method: Method) -> None:
    assert _indices(choose(_sample([[0, 100, 200]]), 50, method=method)) == [0, 1, 2]


@pytest.mark.parametrize("method", METHODS)
def test_a_single_frame_is_chosen(method: Method) -> None:
    assert _indices(choose(_sample([[7]]), 3, method=method)) == [0]


def test_the_same_seed_chooses_the_same_frames() -> None:
    random = np.random.default_rng(0)
    sample = Sample(
        tuple(Moment(0, n, n / 30) for n in range(300)),
        random.integers(0, 256, (300, 8, 30), np.uint8),
    )
    assert choose(sample, 20, seed=3) == choose(sample, 20, seed=3)
    assert choose(sample, 20, seed=3) != choose(sample, 20, seed=4)


def test_the_best_frames_that_differ_are_chosen_of_each_video() -> None:
    sample = _sample([[0, 50, 55, 100, 150], [200, 240]])
    scores = np.array([0.1, 0.8, 0.9, 0.7, 0.6, 0.2, 0.3])
    choice = choose_best(sample, scores, 4)
    assert [(moment.video, moment.index) for moment in choice.moments] == [
        *[(0, 2), (0, 3)],
        *[(1, 0), (1, 1)],
    ]
    assert choice.alike == 1


def test_places_that_near_duplicates_leave_free_go_to_the_best_of_the_others() -> None:
    sample = _sample([[0, 50, 100, 150], [200, 205, 210]])
    scores = np.array([0.1, 0.2, 0.3, 0.3, 0.9, 0.9, 0.8])
    choice = choose_best(sample, scores, 4)
    assert [(moment.video, moment.index) for moment in choice.moments] == [
        *[(0, 1), (0, 2), (0, 3)],
        (1, 0),
    ]
    # More than there are.
    assert len(choose_best(sample, scores, 9).moments) == 5
    assert len(choose_best(sample, scores, 9, alike=-1).moments) == 7
