"""Bootstrap intervals: what they cover, and that they draw images."""

import numpy as np
import pytest

from simplebase.errors import ArgumentError
from simplebase.metrics import (
    Interval,
    bootstrap,
    bootstrap_mean,
    bootstrap_ratio,
    confidence,
    percentile_interval,
)


def ratio_interval(tops, bottoms, images, level: float = 0.95, **settings) -> Interval:
    return percentile_interval(bootstrap_ratio(tops, bottoms, images, **settings), level)


def test_a_share_has_the_interval_of_its_binomial():
    # 400 images, 300 of them right: the standard error is sqrt(0.75 * 0.25 / 400) = 0.0217.
    right = np.arange(400) < 300
    low, high = ratio_interval(right, np.ones(400), np.arange(400), resamples=4000)
    assert low == pytest.approx(0.75 - 1.96 * 0.0217, abs=0.005)
    assert high == pytest.approx(0.75 + 1.96 * 0.0217, abs=0.005)


def test_a_narrower_level_is_inside():
    right, images = np.arange(400) < 300, np.arange(400)
    low, high = ratio_interval(right, np.ones(400), images, level=0.68, resamples=4000)
    assert low == pytest.approx(0.75 - 0.0217, abs=0.005)
    assert high == pytest.approx(0.75 + 0.0217, abs=0.005)


def test_95_of_100_intervals_hold_the_truth():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        # Images of one to five keypoints, whose accuracy differs from image to image; 0.6 in all.
        counts = random.integers(1, 6, 80)
        right = random.binomial(counts, random.beta(3, 2, 80))
        low, high = ratio_interval(right, counts, np.arange(80), resamples=400)
        held += low <= 0.6 <= high
    assert 0.90 <= held / 300 <= 0.98


def test_objects_of_an_image_are_drawn_together():
    # Ten images of forty objects each, which are all right or all wrong.
    images = np.repeat(np.arange(10), 40)
    right = (images < 5).astype(float)
    low, high = ratio_interval(right, np.ones(400), images)
    alone_low, alone_high = ratio_interval(right, np.ones(400), np.arange(400))
    assert high - low > 4 * (alone_high - alone_low)


def test_objects_in_any_order_and_images_of_any_name():
    random = np.random.default_rng(1)
    images, right = random.integers(0, 30, 200), random.random(200)
    order = random.permutation(200)
    paths = np.array([f"{image:02}.jpg" for image in images], object)
    expected = ratio_interval(right, np.ones(200), images)
    assert ratio_interval(right[order], np.ones(200), images[order]) == pytest.approx(expected)
    assert ratio_interval(right, np.ones(200), paths) == pytest.approx(expected)


def test_a_seed_decides():
    right, images = np.arange(50) % 3, np.arange(50)
    first = ratio_interval(right, np.ones(50), images, seed=1)
    assert ratio_interval(right, np.ones(50), images, seed=1) == first
    assert ratio_interval(right, np.ones(50), images, seed=2) != first


def test_what_is_held_in_memory_changes_nothing(monkeypatch):
    right, images = np.arange(50) % 3, np.arange(50)
    whole = ratio_interval(right, np.ones(50), images)
    monkeypatch.setattr(confidence, "_CHUNK_VALUES", 333)
    assert ratio_interval(right, np.ones(50), images) == whole


def test_a_statistic_of_weights_is_the_same_ratio():
    random = np.random.default_rng(2)
    tops, bottoms = random.random(40), random.integers(1, 5, 40)
    by_statistic = bootstrap(lambda w: {"ratio": (w @ tops) / (w @ bottoms)}, 40)["ratio"]
    np.testing.assert_allclose(by_statistic, bootstrap_ratio(tops, bottoms, np.arange(40)))


def test_the_difference_of_two_models_is_surer_than_either():
    random = np.random.default_rng(4)
    # Images that are easy or hard for both; the second model is a little better in each.
    first = random.random((200, 1))
    second = first + 0.01 + 0.02 * random.random((200, 1))
    samples = [bootstrap_mean(values, np.arange(200)) for values in (first, second)]
    low, high = percentile_interval(samples[1] - samples[0])
    assert 0.015 < low < 0.02 < high < 0.025
    # Their own intervals overlap.
    assert percentile_interval(samples[0])[1] > percentile_interval(samples[1])[0]


def test_each_resample_has_as_many_images():
    def statistic(weights):
        assert weights.sum() == 25 and (weights >= 0).all()
        return {"first": float(weights[0])}

    samples = bootstrap(statistic, 25, resamples=500)["first"]
    # How often one image of 25 is drawn: Poisson of 1, nearly.
    assert percentile_interval(samples) == (0, 3)


def test_a_mean_of_keypoints_is_a_ratio():
    random = np.random.default_rng(3)
    values = np.where(random.random((60, 4)) < 0.7, random.random((60, 4)), np.nan)
    images = random.integers(0, 20, 60)
    expected = bootstrap_ratio(
        np.nansum(values, axis=1), np.isfinite(values).sum(axis=1), images, seed=5
    )
    np.testing.assert_array_equal(bootstrap_mean(values, images, seed=5), expected)


def test_resamples_without_labels_are_passed_over():
    # One labelled image of three: a third of the resamples are without it.
    values = np.array([[1.0], [np.nan], [np.nan]])
    assert percentile_interval(bootstrap_mean(values, np.arange(3))) == (1, 1)


def test_without_any_label_there_is_no_interval():
    samples = bootstrap_mean(np.full((3, 2), np.nan), np.arange(3))
    assert np.isnan(samples).all() and np.isnan(percentile_interval(samples)).all()


def test_an_infinite_error_has_an_infinite_bound():
    # A third of the resamples are without the one image of ten.
    values = np.array([[1.0]] * 9 + [[np.inf]])
    assert percentile_interval(bootstrap_mean(values, np.arange(10))) == (1, np.inf)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: bootstrap(dict, 0), "at least one image"),
        (lambda: bootstrap(dict, 3, resamples=0), "resamples must be at least 1"),
        (lambda: bootstrap_ratio(np.ones(0), np.ones(0), np.ones(0)), "at least one image"),
        (lambda: bootstrap_ratio(np.ones(2), np.ones(3), np.ones(3)), r"numerators .* \(3,\)"),
        (lambda: bootstrap_ratio(np.ones(3), np.ones(2), np.ones(3)), r"denominators .* \(3,\)"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
