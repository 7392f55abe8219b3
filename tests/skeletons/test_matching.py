"""Which keypoints of one skeleton are those of another."""

import pytest

from simplebase.skeletons import Skeleton, load_skeleton
from simplebase.skeletons.matching import KeypointMatch, match_keypoints


def match(mine: tuple[str, ...], theirs: tuple[str, ...]) -> KeypointMatch:
    return match_keypoints(Skeleton("mine", mine), Skeleton("theirs", theirs))


def test_names_that_are_equal_match_wherever_they_stand() -> None:
    found = match(("nose", "neck", "tail"), ("tail", "ear", "nose"))
    assert found.places == (2, None, 0)
    assert not found.identical
    assert match(("a", "b"), ("a", "b")).identical
    assert not match(("a", "b"), ("b", "a")).identical


@pytest.mark.parametrize("name", ["Left Wrist", "left-wrist", "LEFT_WRIST", "leftWrist"])
def test_case_and_separators_do_not_matter(name: str) -> None:
    assert match(("left_wrist",), ("nose", name)).places == (1,)


@pytest.mark.parametrize("left, right", [("L_Eye", "R_Eye"), ("eye.L", "eye.R"), ("lEye", "rEye")])
def test_a_letter_for_the_side_is_read_where_the_other_side_has_its_letter(left, right) -> None:
    assert match(("right_eye", "left_eye"), (left, right)).places == (1, 0)
    # Without a counterpart nobody knows what the letter means.
    assert match(("right_eye", "left_eye"), (left, "nose")).places == (None, None)


def test_an_equal_name_comes_before_one_that_is_spelt_otherwise() -> None:
    assert match(("left eye", "left_eye"), ("left_eye", "Left-Eye")).places == (None, 0)
    assert match(("left_eye",), ("Left_Eye", "left_eye")).places == (1,)


def test_a_name_that_fits_two_is_left_alone() -> None:
    assert match(("left_eye",), ("Left_Eye", "left-eye")).places == (None,)
    assert match(("Left_Eye", "left-eye"), ("left_eye",)).places == (None, None)


def test_other_words_are_not_guessed() -> None:
    names = ("head", "upper_neck", "left_hand", "knee")
    assert match(names, ("head_top", "neck", "left_wrist", "left_knee")).places == (None,) * 4


@pytest.mark.parametrize("counted", [("keypoint_0", "keypoint_1", "keypoint_2"), ("1", "2", "3")])
def test_counted_keypoints_match_by_order_if_there_are_as_many(counted: tuple[str, ...]) -> None:
    for found in (match(counted, ("a", "b", "c")), match(("a", "b", "c"), counted)):
        assert found.places == (0, 1, 2)
        assert found.by_order
    assert match(counted, (*counted, counted[0].replace("0", "3").replace("1", "4"))).places == (
        None,
        None,
        None,
    )
    assert match(counted, counted).identical


def test_the_built_in_skeletons_of_people_share_their_limbs() -> None:
    coco, mpii, lsp = (load_skeleton(name) for name in ("coco", "mpii", "lsp"))
    assert match_keypoints(mpii, coco).sentence("coco.keras") == (
        "12 of 16 keypoints start from coco.keras; untrained: pelvis, thorax, upper_neck, head_top."
    )
    found = match_keypoints(lsp, mpii)
    assert found.sentence("m") == "13 of 14 keypoints start from m; untrained: neck."
    for name, place in zip(lsp.keypoints, found.places, strict=True):
        assert place is None or mpii.keypoints[place] == name


def test_a_sentence_is_short_for_133_keypoints() -> None:
    mine = tuple(f"point_{index}" for index in range(133))
    text = match(mine, mine[:17]).sentence("coco.keras")
    assert text.startswith(
        "17 of 133 keypoints start from coco.keras; untrained: point_17, point_18, "
    )
    assert text.endswith(", ... (116 in all).")
    assert len(text) < 160


def test_a_sentence_says_what_was_spelt_otherwise_and_what_has_no_match() -> None:
    text = match(("left_eye", "right_eye", "nose"), ("L_Eye", "R_Eye", "nose")).sentence("ap10k")
    assert text == (
        "3 of 3 keypoints start from ap10k (left_eye from L_Eye, right_eye from R_Eye)."
    )
    assert match(("a", "b"), ("c",)).sentence("m.keras") == (
        "m.keras has none of the 2 keypoints by name, so the last layer starts from random weights."
    )
