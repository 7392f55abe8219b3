"""EPE, NME and AUC against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.errors import ArgumentError
from simplebase.metrics import auc, distances, epe, mean_by_keypoint, nme, pck

# Distances of two objects: 5, 10 and, not labelled, 100; 0, 2 and 6 pixels.
LABELLED = np.array([[[0, 0], [1, 1], [9, 9]], [[2, 2], [3, 3], [4, 4]]], float)
PREDICTED = LABELLED + [[[3, 4], [6, 8], [100, 0]], [[0, 0], [0, 2], [6, 0]]]
VISIBLE = np.array([[True, True, False], [True, True, True]])


def test_epe_by_hand():
    per_keypoint, mean = epe(PREDICTED, LABELLED, VISIBLE)
    np.testing.assert_allclose(per_keypoint, [2.5, 6, 6])
    assert mean == pytest.approx((5 + 10 + 0 + 2 + 6) / 5)


def test_nme_by_hand():
    per_keypoint, mean = nme(PREDICTED, LABELLED, VISIBLE, normaliser=np.array([10.0, 2.0]))
    # 0.5, 1 and 0, 1, 3 normalisers.
    np.testing.assert_allclose(per_keypoint, [0.25, 1, 3])
    assert mean == pytest.approx(5.5 / 5)


def test_auc_by_hand():
    # Of the thresholds up to 10 a distance of 5 meets half, 10 none, 0 all, 2 0.8 and 6 0.4.
    per_keypoint, mean = auc(PREDICTED, LABELLED, VISIBLE, maximum=10)
    np.testing.assert_allclose(per_keypoint, [(0.5 + 1) / 2, (0 + 0.8) / 2, 0.4])
    assert mean == pytest.approx((0.5 + 0 + 1 + 0.8 + 0.4) / 5)


def test_auc_is_the_integral_of_pck_over_the_thresholds():
    random = np.random.default_rng(0)
    labelled = random.uniform(0, 100, (40, 5, 2))
    predicted = labelled + random.normal(0, 15, labelled.shape)
    visible = random.random((40, 5)) < 0.7
    # The midpoints of 3000 steps of 0.01 pixels.
    curve = [
        pck(predicted, labelled, visible, threshold=0.01 * (step + 0.5), normaliser=np.ones(40))
        for step in range(3000)
    ]
    per_keypoint, mean = auc(predicted, labelled, visible, maximum=30)
    np.testing.assert_allclose(
        per_keypoint, np.mean([each for each, _ in curve], axis=0), atol=1e-3
    )
    assert mean == pytest.approx(np.mean([total for _, total in curve]), abs=1e-3)


def test_auc_over_normalisers_is_that_over_pixels():
    twice = auc(PREDICTED, LABELLED, VISIBLE, maximum=5, normaliser=np.full(2, 2.0))
    assert twice[1] == pytest.approx(auc(PREDICTED, LABELLED, VISIBLE, maximum=10)[1])


def test_where_nothing_is_labelled_all_is_nan():
    nothing = np.zeros((2, 3), bool)
    for per_keypoint, mean in (
        epe(PREDICTED, LABELLED, nothing),
        nme(PREDICTED, LABELLED, nothing, normaliser=np.ones(2)),
        auc(PREDICTED, LABELLED, nothing, maximum=10),
    ):
        assert np.isnan(per_keypoint).all() and np.isnan(mean)


def test_unlabelled_coordinates_are_not_looked_at():
    labelled = np.where(VISIBLE[..., None], LABELLED, np.nan)
    assert epe(PREDICTED, labelled, VISIBLE)[1] == epe(PREDICTED, LABELLED, VISIBLE)[1]


def test_a_keypoint_that_was_not_found_is_infinitely_far():
    predicted = PREDICTED.copy()
    predicted[0, 0, 1] = np.nan
    per_keypoint, mean = epe(predicted, LABELLED, VISIBLE)
    assert per_keypoint[0] == mean == np.inf and per_keypoint[1] == 6
    # It meets no threshold.
    per_keypoint, _ = auc(predicted, LABELLED, VISIBLE, maximum=10)
    assert per_keypoint[0] == pytest.approx(0.5)


def test_one_that_is_neither_found_nor_labelled_does_not_count():
    predicted = PREDICTED.copy()
    predicted[0, 2] = np.nan
    assert epe(predicted, LABELLED, VISIBLE)[1] == epe(PREDICTED, LABELLED, VISIBLE)[1]


@pytest.mark.parametrize("missing", [np.nan, np.inf, 0, -1])
def test_an_object_without_a_normaliser_does_not_count(missing):
    per_keypoint, mean = nme(PREDICTED, LABELLED, VISIBLE, normaliser=np.array([missing, 2.0]))
    np.testing.assert_allclose(per_keypoint, [0, 1, 3])
    assert mean == pytest.approx(4 / 3)


def test_mean_by_keypoint_weighs_points_not_keypoints():
    per_keypoint, mean = mean_by_keypoint(np.array([[1, 0], [1, np.nan], [1, np.nan]]))
    np.testing.assert_array_equal(per_keypoint, [1, 0])
    assert mean == 0.75


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labelled": LABELLED[:1]}, r"labelled has the shape \(2, 3, 2\). Received: \(1, 3, 2\)"),
        ({"visible": VISIBLE[:, :2]}, r"visible has the shape \(2, 3\). Received: \(2, 2\)"),
        ({"normaliser": np.ones((2, 1))}, r"normaliser has the shape \(2,\). Received: \(2, 1\)"),
    ],
)
def test_arrays_that_would_broadcast_are_refused(change, message):
    arrays = {"predicted": PREDICTED, "labelled": LABELLED, "visible": VISIBLE} | change
    with pytest.raises(ArgumentError, match=message):
        distances(**arrays)


@given(
    shift=st.floats(-1000, 1000),
    scale=st.floats(0.1, 10),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=50)
def test_normalised_metrics_keep_when_image_and_normaliser_are_moved_and_scaled(shift, scale, seed):
    random = np.random.default_rng(seed)
    labelled = random.uniform(0, 100, (4, 3, 2))
    predicted = labelled + random.normal(0, 5, labelled.shape)
    visible, normaliser = random.random((4, 3)) < 0.8, random.uniform(5, 50, 4)
    before = distances(predicted, labelled, visible, normaliser)
    after = distances(
        predicted * scale + shift, labelled * scale + shift, visible, normaliser * scale
    )
    np.testing.assert_allclose(after, before, atol=1e-9)
