"""PCK against cases worked out by hand."""

import numpy as np
import pytest

from simplebase.errors import DataError
from simplebase.metrics.pck import (
    box_normaliser,
    correct_keypoints,
    head_normaliser,
    pck,
    torso_normaliser,
    upstream_normaliser,
)
from simplebase.skeletons import load_skeleton


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


@pytest.mark.parametrize("missing", [np.nan, np.inf, 0.0])
def test_an_object_without_a_normaliser_does_not_count(missing):
    predicted = np.zeros((2, 2, 2))
    predicted[1, 1] = 100
    per_keypoint, mean = pck(
        predicted,
        np.zeros((2, 2, 2)),
        np.ones((2, 2), bool),
        threshold=0.5,
        normaliser=np.array([missing, 10]),
    )
    np.testing.assert_array_equal(per_keypoint, [1, 0])
    assert mean == 0.5


def test_correct_keypoints_tell_wrong_from_not_counted():
    predicted = np.array([[[0, 0], [9, 0], [0, 0]], [[0, 0], [np.nan, 0], [0, 0]]])
    correct = correct_keypoints(
        predicted,
        np.zeros((2, 3, 2)),
        np.array([[True, True, False], [True, True, True]]),
        threshold=0.5,
        normaliser=np.array([10.0, 10.0]),
    )
    np.testing.assert_array_equal(correct, [[1, 0, np.nan], [1, 0, 1]])


def test_box_normaliser_is_the_longer_side():
    boxes = np.array([[5, 6, 30, 20], [5, 6, 30, 40], [np.nan] * 4])
    np.testing.assert_array_equal(box_normaliser(boxes), [30, 40, np.nan])


def test_head_normaliser_is_a_share_of_the_diagonal():
    headboxes = np.array([[10, 20, 40, 60], [np.nan] * 4])
    np.testing.assert_allclose(head_normaliser(headboxes), [0.6 * 50, np.nan])


@pytest.mark.parametrize("name", ["mpii", "coco", "lsp"])
def test_torso_normaliser_is_from_left_hip_to_right_shoulder(name):
    skeleton = load_skeleton(name)
    keypoints = np.zeros((3, skeleton.num_keypoints, 3))
    hip, shoulder = map(skeleton.keypoints.index, ("left_hip", "right_shoulder"))
    keypoints[:, hip] = [13, 24, 2]
    keypoints[:, shoulder] = [10, 20, 1]
    keypoints[1, hip, 2] = 0
    keypoints[2, shoulder, 2] = 0
    np.testing.assert_array_equal(torso_normaliser(keypoints, skeleton), [5, np.nan, np.nan])


def test_a_skeleton_without_a_torso_is_refused():
    skeleton = load_skeleton("animal_pose")
    with pytest.raises(
        DataError, match="Skeleton 'animal_pose' lacks left_hip, right_shoulder; it has left_eye"
    ):
        torso_normaliser(np.zeros((1, skeleton.num_keypoints, 3)), skeleton)
