"""Which frames are compared."""

import numpy as np
import pytest

from simplebase.data.frames.sampling import Moment, Sampler

BLACK = np.zeros((64, 120, 3), np.uint8)


def _sampled(times: list[list[float]], limit: int) -> list[Moment]:
    sampler = Sampler(limit)
    for video, own in enumerate(times):
        for index, time in enumerate(own):
            sampler.add(Moment(video, index, time), BLACK)
    return list(sampler.sample().moments)


def test_all_frames_are_kept_below_the_limit() -> None:
    assert len(_sampled([[n / 30 for n in range(50)]], limit=50)) == 50


@pytest.mark.parametrize("count", [51, 100, 1234])
def test_a_long_video_is_sampled_evenly_over_time(count: int) -> None:
    moments = _sampled([[n / 30 for n in range(count)]], limit=50)
    assert 20 <= len(moments) <= 50
    steps = np.diff([moment.time for moment in moments])
    assert steps.max() - steps.min() < 1.5 / 30
    assert moments[0].index == 0


def test_fast_parts_of_a_variable_rate_get_no_more_frames_than_slow_ones() -> None:
    times = [n / 240 for n in range(2400)] + [10 + n / 10 for n in range(100)]
    moments = _sampled([times], limit=100)
    fast = sum(moment.time < 10 for moment in moments)
    assert abs(fast - (len(moments) - fast)) <= 2


def test_each_video_keeps_a_frame() -> None:
    moments = _sampled([[0.0, 1.0, 2.0]] * 8, limit=4)
    assert [moment.video for moment in moments] == list(range(8))


def test_small_images_are_30_pixels_wide_in_the_shape_of_the_first_frame() -> None:
    sampler = Sampler()
    sampler.add(Moment(0, 0, 0.0), BLACK)
    sampler.add(Moment(1, 0, 0.0), np.full((300, 200, 3), 255, np.uint8))
    images = sampler.sample().images
    assert images.shape == (2, 16, 30)
    assert images[0].max() == 0
    assert images[1].min() == 255
