"""What is said of pseudo keypoints that teach nothing."""

import warnings

import pytest

from simplebase.errors import SimplebaseWarning
from simplebase.presets import load_recipe
from simplebase.training import EpochMetrics
from simplebase.training.unlabelled.monitor import PseudoKeypointMonitor

RECIPE = load_recipe("few").updated(
    {"total_epoch": 4, "unlabelled": {"ramp": 0.5, "threshold": 0.6}}
)
"""Its ramp ends with epoch 2."""


def metrics(epoch: int, share: float) -> EpochMetrics:
    return EpochMetrics(epoch, 1.0, 0.5, 1e-3, 10.0, share, 0.08)


def said(shares: list[float], done: int = 0) -> dict[int, str]:
    """What the epochs after `done` of them say."""
    epochs = [metrics(epoch, share) for epoch, share in enumerate(shares, start=1)]
    monitor = PseudoKeypointMonitor(RECIPE, epochs[:done])
    found = {}
    for each in epochs[done:]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            monitor.epoch_ended(each)
        if caught:
            [warning] = caught
            assert warning.category is SimplebaseWarning
            found[each.epoch] = str(warning.message)
    return found


def test_a_threshold_that_nothing_reaches_is_told_after_the_first_epoch_and_after_the_ramp() -> (
    None
):
    told = said([0, 0, 0, 0])
    assert list(told) == [1, 2]
    expected = r"no pseudo keypoint reached the threshold 0.6 (their mean score is 0.08)"
    assert all(expected in text for text in told.values())
    assert "usual at first" in told[1] and "Label more images, or" in told[2]
    assert said([0.01, 0]) == {2: told[2]}


@pytest.mark.parametrize("done", [0, 2, 3])
def test_a_share_that_falls_to_a_fraction_is_told_once(done: int) -> None:
    told = said([0.2, 0.4, 0.39, 0.09, 0.08, 0.2, 0.05], done)
    assert list(told) == [4, 7]
    assert "9.0% of the pseudo keypoints reach the threshold, after 40.0% earlier" in told[4]


def test_small_shares_and_a_run_without_unlabelled_images_are_not_told_of() -> None:
    assert said([0.04, 0.001]) == {}
    monitor = PseudoKeypointMonitor(RECIPE, [])
    monitor.epoch_ended(EpochMetrics(1, 1.0, 0.5, 1e-3, 10.0))
