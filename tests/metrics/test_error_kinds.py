"""One hand-made case for each kind of error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.errors import ArgumentError
from simplebase.metrics import ERROR_KINDS, error_kinds

# Nose, left eye, right eye; two objects 100 px apart in one image, a third at the first one's place
# in another image.
COUNTERPARTS = np.array([0, 2, 1])
SIGMAS = np.full(3, 0.05)
AREAS = np.full(3, 10_000.0)
LABELLED = np.array(
    [
        [[0, 0], [40, 0], [0, 40]],
        [[100, 100], [140, 100], [100, 140]],
        [[200, 0], [240, 0], [200, 40]],
    ],
    float,
)
IMAGES = np.array(["a.jpg", "a.jpg", "b.jpg"], object)
# exp(-d ** 2 / (2 * 10000 * 0.1 ** 2)) is 0.85 at 5.7 px and 0.5 at 11.8 px.


def kinds_of(predicted, visible=None, matched=(0,), labelled=LABELLED, areas=AREAS):
    """Names of the kinds, `-` for what does not count, of each detection."""
    found = error_kinds(
        np.array(predicted, float),
        np.array(matched),
        labelled,
        np.ones((3, 3), bool) if visible is None else visible,
        areas,
        IMAGES,
        sigmas=SIGMAS,
        counterparts=COUNTERPARTS,
    )
    return [["-" if kind == -1 else ERROR_KINDS[kind] for kind in row] for row in found]


@pytest.mark.parametrize(
    "nose, kind",
    [
        ((0, 0), "good"),
        ((5.6, 0), "good"),
        ((5.8, 0), "jitter"),
        ((0, -11.7), "jitter"),
        ((0, -11.9), "miss"),
        # The other person's nose, and 5 px beside it.
        ((100, 100), "swap"),
        ((103, 104), "swap"),
        # Its eyes are not counterparts of a nose; nor is the own person's.
        ((140, 100), "miss"),
        ((40, 0), "miss"),
        # A nose, but in another image.
        ((200, 0), "miss"),
        ((np.nan, np.nan), "miss"),
    ],
)
def test_kinds_of_a_keypoint_without_counterpart(nose, kind):
    assert kinds_of([[nose, (40, 0), (0, 40)]]) == [[kind, "good", "good"]]


@pytest.mark.parametrize(
    "eye, kind",
    [
        # The left eye of this person stands at (40, 0), the right one at (0, 40).
        ((0, 40), "inversion"),
        ((0, 51), "inversion"),
        ((0, 52), "miss"),
        # Left and right eye of the other person.
        ((140, 100), "swap"),
        ((100, 140), "swap"),
    ],
)
def test_kinds_of_a_keypoint_with_counterpart(eye, kind):
    assert kinds_of([[(0, 0), eye, (0, 40)]]) == [["good", kind, "good"]]


def test_left_and_right_exchanged_are_two_inversions():
    assert kinds_of([[(0, 0), (0, 40), (40, 0)]]) == [["good", "inversion", "inversion"]]


def test_the_whole_pose_on_the_other_person_is_swapped():
    assert kinds_of([LABELLED[1]]) == [["swap"] * 3]
    assert kinds_of([LABELLED[1]], matched=[1]) == [["good"] * 3]


@pytest.mark.parametrize("other, kind", [(52, "swap"), (56, "jitter")])
def test_near_its_own_place_another_may_still_be_nearer(other, kind):
    labelled = LABELLED.copy()
    labelled[1, 1] = [other, 0]
    # 7 px from its own place, 5 or 9 px from the other person's left eye.
    assert kinds_of([[(0, 0), (47, 0), (0, 40)]], labelled=labelled)[0][1] == kind


@pytest.mark.parametrize("other, kind", [(48, "inversion"), (44, "swap")])
def test_of_inversion_and_swap_the_nearer_place_decides(other, kind):
    labelled = LABELLED.copy()
    # 3 px from the own right eye, and 5 px or 1 px from the other person's left one.
    labelled[1, 1] = [0, other]
    assert kinds_of([[(0, 0), (0, 43), (0, 40)]], labelled=labelled)[0][1] == kind


def test_unlabelled_keypoints_neither_count_nor_draw_others():
    visible = np.ones((3, 3), bool)
    visible[0, [0, 2]] = False
    visible[1, 2] = False
    # On the own right eye and then on the other's, neither of which is labelled.
    assert kinds_of([[(0, 0), (0, 40), (0, 40)]], visible) == [["-", "miss", "-"]]
    assert kinds_of([[(0, 0), (100, 140), (0, 40)]], visible) == [["-", "miss", "-"]]


def test_the_area_of_the_object_that_is_compared_with_decides():
    # The other person is so small that 5 px are far off.
    small = np.array([10_000.0, 100.0, 10_000.0])
    assert kinds_of([[(103, 104), (40, 0), (0, 40)]], areas=small)[0][0] == "miss"


def test_a_detection_of_nothing_does_not_count():
    assert kinds_of([LABELLED[0], LABELLED[2]], matched=[-1, 2]) == [["-"] * 3, ["good"] * 3]


def test_no_detections_have_no_kinds():
    assert kinds_of(np.zeros((0, 3, 2)), matched=np.zeros(0, int)) == []


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(ArgumentError, match=r"predicted has the shape \(2, 3, 2\)"):
        kinds_of([LABELLED[0]], matched=[0, 1])


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_each_labelled_keypoint_of_a_matched_detection_has_one_kind(seed):
    random = np.random.default_rng(seed)
    labelled = random.uniform(0, 60, (6, 3, 2))
    visible = random.random((6, 3)) < 0.7
    matched = random.integers(-1, 6, 8)
    kinds = error_kinds(
        labelled[matched] + random.normal(0, 10, (8, 3, 2)),
        matched,
        labelled,
        visible,
        random.uniform(100, 10_000, 6),
        random.integers(0, 2, 6),
        sigmas=SIGMAS,
        counterparts=COUNTERPARTS,
    )
    np.testing.assert_array_equal(kinds >= 0, visible[matched] & (matched >= 0)[:, None])
    assert (kinds < len(ERROR_KINDS)).all()
