"""The criteria that rank frames, with keypoints made by hand."""

import numpy as np
import pytest

from simplebase.errors import DataError
from simplebase.suggesting.scoring import (
    Criteria,
    LabelledPoses,
    jumps,
    mirror_disagreement,
    ranks,
)

NAN = np.nan
SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)


def test_ranks_go_from_0_to_1_and_equal_values_share_one() -> None:
    np.testing.assert_allclose(ranks(np.array([5.0, 1.0, 5.0, 9.0])), [0.5, 0, 0.5, 1])
    np.testing.assert_array_equal(ranks(np.array([7.0, NAN, 2.0])), [1, NAN, 0])
    np.testing.assert_array_equal(ranks(np.array([3.0, 3.0, NAN])), [0.5, 0.5, NAN])
    np.testing.assert_array_equal(ranks(np.array([3.0])), [0.5])
    np.testing.assert_array_equal(ranks(np.array([NAN])), [NAN])


def test_the_score_is_the_mean_rank_of_the_criteria_a_frame_has() -> None:
    criteria = Criteria(
        mean_score=np.array([0.9, 0.1, 0.5]),
        mirror=np.array([0.0, 0.2, 0.1]),
        jump=np.array([1.0, 3.0, NAN]),
        unlikely=np.full(3, NAN),
    )
    np.testing.assert_allclose(criteria.score(), [0, 1, 0.5])


def test_a_model_that_mirrors_with_its_image_does_not_disagree() -> None:
    permutation = np.array([1, 0, 2])
    points = np.array([[10, 5], [40, 6], [25, 30]], float)
    mirrored = np.array([[63 - 40, 6], [63 - 10, 5], [63 - 25, 30]], float)
    assert mirror_disagreement(points, mirrored, permutation, (32, 64)) == 0
    # One of three keypoints is 6.4 of 64 pixels off.
    mirrored[2, 1] += 6.4
    assert mirror_disagreement(points, mirrored, permutation, (32, 64)) == pytest.approx(0.1 / 3)
    # Left and right taken for each other in both: 30 pixels, twice.
    swapped = np.array([[63 - 10, 5], [63 - 40, 6], [63 - 25, 30]], float)
    apart = np.hypot(30, 1) * 2 / 3 / 64
    assert mirror_disagreement(points, swapped, permutation, (32, 64)) == pytest.approx(apart)


def test_a_frame_far_from_both_neighbours_jumps_and_a_cut_does_not() -> None:
    x = np.array([0, 2, 4, 26, 8, 10, 12, 212, 214, 216], float)
    points = np.stack([x, np.zeros(10)], axis=-1)[:, None].repeat(3, axis=1)
    found = jumps([*points[:, None]])
    # The median step is 2. Frame 3 is 18 from the nearer neighbour; frame 7 begins another scene.
    np.testing.assert_allclose(found, [1, 1, 1, 9, 1, 1, 1, 1, 1, 1])


def test_jumps_do_not_depend_on_the_speed_of_a_video_or_on_frames_shown_twice() -> None:
    x = np.array([0, 1, 2, 12, 4, 5], float)
    points = np.stack([x, x], axis=-1)[:, None, None]
    np.testing.assert_allclose(jumps([*points]), jumps([*(7 * points)]))
    twice = points.repeat(2, axis=0)
    assert jumps([*twice]).max() == 0
    np.testing.assert_array_equal(jumps([*points[:1]]), [NAN])
    np.testing.assert_array_equal(jumps([*points[:1].repeat(3, axis=0)]), [0, 0, 0])


def test_keypoints_that_tremble_over_a_still_picture_do_not_jump() -> None:
    points = np.random.default_rng(0).normal(scale=0.01, size=(30, 1, 5, 2))
    assert jumps([*points]).max() < 0.1


def test_of_several_objects_each_is_compared_with_the_nearest() -> None:
    def at(*places: float) -> np.ndarray:
        return np.array([[[x, 0.0]] for x in places])

    # Two objects step by 2, in another order in frame 1. One leaves before frame 3, where the
    # other is 10 from its neighbours.
    frames = [at(0, 100), at(102, 2), at(4, 104), at(16), at(6, 200)]
    np.testing.assert_allclose(jumps(frames), [1, 1, 1, 5, (5 + 92) / 2])


@pytest.fixture
def labelled() -> np.ndarray:
    """Squares of several places and sizes, each corner a little off."""
    random = np.random.default_rng(0)
    poses = SQUARE + random.normal(scale=0.5, size=(50, 4, 2))
    poses = poses * random.uniform(1, 9, (50, 1, 1)) + random.uniform(0, 99, (50, 1, 2))
    return np.concatenate([poses, np.full((50, 4, 1), 2.0)], axis=-1)


def test_poses_like_the_labelled_ones_are_near_whatever_their_place_and_size(
    labelled: np.ndarray,
) -> None:
    poses = LabelledPoses(labelled, "squares")
    own = poses.distance(labelled[..., :2])
    assert np.sqrt((own**2).mean()) == pytest.approx(1)
    crossed = SQUARE[[1, 0, 2, 3]]
    near, moved, far = poses.distance(np.stack([SQUARE, 3 * SQUARE + 40, crossed]))
    assert near == pytest.approx(moved) and near < 1 and far > 5


def test_a_pose_that_is_a_single_point_is_unlikely_and_no_error(labelled: np.ndarray) -> None:
    assert LabelledPoses(labelled, "squares").distance(np.full((1, 4, 2), 3.0))[0] > 5


def test_poses_with_unlabelled_keypoints_do_not_count(labelled: np.ndarray) -> None:
    spoiled = labelled.copy()
    spoiled[10:, 0] = 0
    expected = LabelledPoses(labelled[:10], "squares").distance(SQUARE[None])
    np.testing.assert_array_equal(LabelledPoses(spoiled, "x").distance(SQUARE[None]), expected)
    with pytest.raises(DataError, match="squares has 9 poses with all keypoints labelled"):
        LabelledPoses(spoiled[1:], "squares")
