"""Left and right in keypoint names."""

import pytest

from simplebase.skeletons import load_skeleton, pairs_by_name, skeleton_names


@pytest.mark.parametrize(
    "pair",
    [
        ("left_eye", "right_eye"),
        ("eye_left", "eye_right"),
        ("LeftEye", "RightEye"),
        ("eyeLeft", "eyeRight"),
        ("LEFT EYE", "RIGHT EYE"),
        ("l_eye", "r_eye"),
        ("eye_l", "eye_r"),
        ("eye.L", "eye.R"),
        ("LEye", "REye"),
        ("lEye", "rEye"),
        ("eyeL", "eyeR"),
        ("front_left_knee", "front_right_knee"),
    ],
)
def test_names_that_differ_by_the_side_are_a_pair(pair) -> None:
    assert pairs_by_name(("nose", pair[1], "tail", pair[0])) == (pair,)


@pytest.mark.parametrize(
    "names",
    [("left_eye", "eye"), ("level", "rever"), ("heel", "heer"), ("tail", "tair"), ("lid", "rid")],
)
def test_other_names_are_none(names) -> None:
    assert pairs_by_name(names) == ()


# The points of clothes have numbers.
@pytest.mark.parametrize("name", sorted({*skeleton_names()} - {"deepfashion2"}))
def test_the_built_in_pairs_are_what_the_names_say(name) -> None:
    skeleton = load_skeleton(name)
    inferred = {frozenset(pair) for pair in pairs_by_name(skeleton.keypoints)}
    assert inferred == {frozenset(pair) for pair in skeleton.horizontal_pairs}
