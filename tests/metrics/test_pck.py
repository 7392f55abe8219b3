"""PCK against cases worked out by hand."""

import numpy as np
import pytest

from simplebase.metrics.pck import pck, upstream_normaliser


def test_pck_of_a_case_by_hand():
    # Two samples, three keypoints; 0.5 * 10 = 5 px and 0.5 * 20 = 10 px count as correct.
    labelled = np.zeros((2, 3, 2))
    predicted = np.array([[[3, 4], [3, 4.1], [0, 0]], [[0, 10], [8, 6], [0, 10.5]]], float)
    visible = np.ones((2, 3), bool)
    per_keypoint, mean = pck(
        predicted, labelled, visible, threshold=0.5, normaliser=np.array([10.0, 20.0])
    )
    np.testing.assert_array_equal(per_keypoint, [1.0, 0.5, 0.5])
    assert mean == pytest.approx(4 / 6)


def test_unlabelled_points_neither_help_nor_hurt():
    predicted, labelled = np.zeros((3, 2, 2)), np.zeros((3, 2, 2))
    predicted[0, 0] = 100  # wrong and labelled
    predicted[1, 1] = 100  # wrong but not labelled
    visible = np.array([[True, True], [True, False], [False, True]])
    per_keypoint, mean = pck(predicted, labelled, visible, threshold=0.1, normaliser=np.ones(3))
    np.testing.assert_array_equal(per_keypoint, [0.5, 1.0])
    # Over points, not over keypoints: three of four.
    assert mean == 0.75


def test_a_keypoint_that_is_never_labelled_is_nan_and_left_out_of_the_mean():
    points = np.zeros((2, 2, 2))
    visible = np.array([[True, False], [True, False]])
    per_keypoint, mean = pck(points, points, visible, threshold=0.1, normaliser=np.ones(2))
    assert per_keypoint[0] == 1 and np.isnan(per_keypoint[1])
    assert mean == 1


def test_where_nothing_is_labelled_all_is_nan():
    points = np.zeros((2, 3, 2))
    per_keypoint, mean = pck(
        points, points, np.zeros((2, 3), bool), threshold=0.1, normaliser=np.ones(2)
    )
    assert np.isnan(per_keypoint).all() and np.isnan(mean)


def test_a_prediction_that_is_not_a_number_is_wrong():
    per_keypoint, mean = pck(
        np.full((1, 1, 2), np.nan),
        np.zeros((1, 1, 2)),
        np.ones((1, 1), bool),
        threshold=0.5,
        normaliser=np.ones(1),
    )
    assert per_keypoint[0] == 0 and mean == 0


@pytest.mark.parametrize(
    "size, scale, expected",
    [
        ((256, 256), 256 / 250, 25.6),  # an input pixel is an image pixel: 6.4 cells of 4 px
        ((128, 128), 256 / 250, 25.6),  # an input pixel is two, and there are half as many
        ((256, 192), 256 / 250, 22.4),  # the mean side is 224
        ((256, 256), 512 / 250, 51.2),
    ],
)
def test_upstream_normaliser_by_hand(size, scale, expected):
    np.testing.assert_allclose(upstream_normaliser(np.array([scale]), size), [expected])
