"""OKS against pycocotools, suppression and matching against cases worked out by hand."""

import numpy as np
import pytest
from coco_people import PERSON, SIGMAS, by_hand, disturbed, made_up_people
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase import load_skeleton
from simplebase.errors import ArgumentError
from simplebase.metrics import keypoint_similarity, match_by_oks, oks, oks_nms, oks_sigmas
from simplebase.metrics.oks import FALLBACK_SIGMA


def image_arrays(truth, results, image):
    """Arguments of `oks` for one image; results best first, as pycocotools sorts them."""
    objects = [each for each in truth["annotations"] if each["image_id"] == image]
    found = sorted(
        (each for each in results if each["image_id"] == image), key=lambda each: -each["score"]
    )
    labelled = np.array([each["keypoints"] for each in objects]).reshape(-1, 17, 3)
    predicted = np.array([each["keypoints"] for each in found]).reshape(-1, 17, 3)
    return {
        "predicted": predicted[..., :2],
        "labelled": labelled[..., :2],
        "visible": labelled[..., 2] > 0,
        "areas": np.array([each["area"] for each in objects]),
        "boxes": np.array([each["bbox"] for each in objects]).reshape(-1, 4),
    }


@pytest.mark.parametrize("seed", range(3))
def test_oks_is_that_of_pycocotools(seed):
    truth = made_up_people(seed=seed, images=40)
    results = disturbed(truth, seed)
    without_labels = [a for a in truth["annotations"] if a["num_keypoints"] == 0]
    assert without_labels
    compared = 0
    for (image, _), theirs in by_hand(truth, results).ious.items():
        ours = oks(**image_arrays(truth, results, image), sigmas=SIGMAS)
        if len(theirs):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
            compared += theirs.size
    assert compared > 100


def test_a_point_inside_the_doubled_box_is_no_distance_from_an_object_without_labels():
    nothing = np.zeros((1, 2, 2))
    similarity = oks(
        # The box is doubled to (0, 0)-(30, 30): inside, and 3 right and 4 below of it.
        np.array([[[5, 29], [1, 1]], [[33, 34], [1, 1]]], float),
        nothing,
        np.zeros((1, 2), bool),
        np.array([50.0]),
        np.array([0.5, 0.5]),
        np.array([[10.0, 10, 10, 10]]),
    )
    # 25 px ** 2 over 2 * 50 * (2 * 0.5) ** 2.
    np.testing.assert_allclose(similarity, [[1], [(np.exp(-0.25) + 1) / 2]])


def test_without_boxes_an_object_without_labels_has_no_oks():
    points = np.zeros((2, 3, 2))
    similarity = oks(
        points, points, np.array([[True] * 3, [False] * 3]), np.ones(2), np.full(3, 0.1)
    )
    np.testing.assert_array_equal(similarity, [[1, np.nan], [1, np.nan]])


def test_a_keypoint_that_was_not_found_is_not_similar():
    predicted = np.array([[[np.nan, 0], [0, 0]]])
    labelled, visible = np.zeros((1, 2, 2)), np.ones((1, 2), bool)
    assert oks(predicted, labelled, visible, np.ones(1), np.full(2, 0.1)) == 0.5


def test_an_object_without_area_is_only_similar_to_itself():
    squared = np.array([0.0, 1.0])
    np.testing.assert_array_equal(
        keypoint_similarity(squared, np.array(0.0), np.array([0.1, 0.1])), [1, 0]
    )


def test_arrays_of_another_number_of_keypoints_are_refused():
    points, visible = np.zeros((1, 17, 2)), np.ones((1, 17), bool)
    with pytest.raises(ArgumentError, match=r"predicted has the shape \(any, 17, 2\)"):
        oks(points[:, :3], points, visible, np.ones(1), SIGMAS)


@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100), shift=st.floats(-1000, 1000))
@settings(deadline=None, max_examples=50)
def test_oks_is_a_share_and_does_not_depend_on_the_size_of_the_image(seed, scale, shift):
    random = np.random.default_rng(seed)
    labelled = random.uniform(0, 100, (3, 17, 2))
    predicted = labelled[:2] + random.normal(0, 10, (2, 17, 2))
    visible, areas = random.random((3, 17)) < 0.7, random.uniform(100, 5000, 3)
    before = oks(predicted, labelled, visible, areas, SIGMAS)
    after = oks(
        predicted * scale + shift, labelled * scale + shift, visible, areas * scale**2, SIGMAS
    )
    assert ((before >= 0) & (before <= 1)).all()
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_sigmas_are_the_skeletons_own_or_the_mean_of_cocos():
    sigmas, own = oks_sigmas(PERSON)
    np.testing.assert_array_equal(sigmas, PERSON.sigmas)
    assert own
    sigmas, own = oks_sigmas(load_skeleton("mpii"))
    np.testing.assert_array_equal(sigmas, np.full(16, FALLBACK_SIGMA))
    assert not own
    assert pytest.approx(np.mean(PERSON.sigmas)) == FALLBACK_SIGMA


def poses(*shifts):
    """One pose of 17 keypoints, moved to the right; 10,000 square pixels."""
    pose = np.random.default_rng(0).uniform(0, 100, (17, 3))
    return np.array([pose + [shift, 0, 0] for shift in shifts]), np.full(len(shifts), 1e4)


def test_of_two_detections_of_one_object_the_better_one_stays():
    keypoints, areas = poses(0, 0.5, 60)
    kept = oks_nms(keypoints, np.array([0.5, 0.9, 0.7]), areas, SIGMAS)
    np.testing.assert_array_equal(kept, [1, 2])


def test_what_a_removed_detection_is_similar_to_may_stay():
    # Neighbours are alike, the first and the last are not.
    keypoints, areas = poses(0, 4, 8)
    step = keypoint_similarity(np.full(17, 16.0), np.array(1e4), SIGMAS).mean()
    both = keypoint_similarity(np.full(17, 64.0), np.array(1e4), SIGMAS).mean()
    threshold = (step + both) / 2
    scores = np.array([0.9, 0.8, 0.7])
    np.testing.assert_array_equal(oks_nms(keypoints, scores, areas, SIGMAS, threshold), [0, 2])
    # Best in the middle: it removes both.
    scores = np.array([0.8, 0.9, 0.7])
    np.testing.assert_array_equal(oks_nms(keypoints, scores, areas, SIGMAS, threshold), [1])


def test_the_mean_of_both_areas_decides():
    keypoints, _ = poses(0, 3)
    scores, sigmas = np.array([0.9, 0.8]), np.full(17, 0.05)
    # exp(-9 / (2 * area * 0.1 ** 2)) is 0.9 at an area of 4271.
    for areas, kept in (([4271 - 3000, 4271 + 2900], [0, 1]), ([4271 - 3000, 4271 + 3100], [0])):
        np.testing.assert_array_equal(oks_nms(keypoints, scores, np.array(areas), sigmas), kept)


def test_exactly_the_threshold_stays():
    keypoints, areas = poses(0, 0)
    kept = oks_nms(keypoints, np.array([0.1, 0.2]), areas, SIGMAS, threshold=1)
    np.testing.assert_array_equal(kept, [1, 0])


def test_of_equal_scores_the_first_stays():
    keypoints, areas = poses(0, 0, 0)
    np.testing.assert_array_equal(oks_nms(keypoints, np.ones(3), areas, SIGMAS), [0])


def test_nothing_found_leaves_nothing():
    keypoints, areas = poses()
    assert oks_nms(keypoints.reshape(0, 17, 3), np.zeros(0), areas, SIGMAS).tolist() == []


@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_matches_are_those_of_pycocotools(threshold):
    truth = made_up_people(images=40)
    # An ignored object gives way to any other there; here it is left out.
    truth["annotations"] = [
        each for each in truth["annotations"] if each["num_keypoints"] and not each["iscrowd"]
    ]
    results = disturbed(truth)
    theirs = by_hand(truth, results)
    theirs.params.iouThrs = np.array([threshold])
    matched = 0
    for image in theirs.params.imgIds:
        arrays = image_arrays(truth, results, image)
        evaluated = theirs.evaluateImg(image, 1, theirs.params.areaRng[0], 20)
        if evaluated is None:
            continue
        scores = -np.arange(len(arrays["predicted"]))
        ours = match_by_oks(oks(**arrays, sigmas=SIGMAS), scores, threshold)
        ids = np.array([*evaluated["gtIds"], 0])
        np.testing.assert_array_equal(ids[ours], evaluated["dtMatches"][0])
        matched += (ours >= 0).sum()
    assert matched > 20


def test_the_best_detection_chooses_first():
    similarity = np.array([[0.9, 0.8], [0.95, 0.3], [0.9, 0.9]])
    matched = match_by_oks(similarity, np.array([0.5, 0.9, 0.1]))
    np.testing.assert_array_equal(matched, [1, 0, -1])


def test_an_object_without_similarity_is_of_no_detection():
    similarity = np.array([[np.nan, 0.2], [np.nan, 0.05]])
    np.testing.assert_array_equal(match_by_oks(similarity, np.array([1, 2])), [1, -1])
    np.testing.assert_array_equal(match_by_oks(np.zeros((2, 0)), np.ones(2)), [-1, -1])
