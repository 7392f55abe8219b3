"""Built-in skeletons make sense, and a skeleton that contradicts itself is refused."""

import re

import numpy as np
import pytest

from simplebase.errors import ArgumentError, DataError
from simplebase.skeletons import Link, Skeleton, load_skeleton, skeleton_names
from simplebase.skeletons.loader import DATASETS

KEYPOINTS = {
    "aic": 14,
    "animal_pose": 20,
    "animal_pose_mmpose": 20,
    "ap10k": 17,
    "atrw": 15,
    "blazepose33": 33,
    "coco": 17,
    "coco_wholebody": 133,
    "crowdpose": 14,
    "deepfashion2": 294,
    "deepfashion_full": 8,
    "deepfashion_lower": 4,
    "deepfashion_upper": 6,
    "face68": 68,
    "fly": 32,
    "halpe26": 26,
    "hand21": 21,
    "hand21_interhand": 21,
    "hand21_rhd": 21,
    "horse10": 22,
    "jhmdb": 15,
    "locust": 35,
    "lsp": 14,
    "mpii": 16,
    "mpii_trb": 40,
    "openpose18": 18,
    "openpose25": 25,
    "posetrack18": 17,
    "zebra": 9,
}
PEOPLE = ["aic", "coco", "coco_wholebody", "crowdpose", "jhmdb", "lsp", "mpii", "mpii_trb"]
PEOPLE += ["posetrack18", "blazepose33", "halpe26", "openpose18", "openpose25"]
# The only one whose names do not tell the sides.
NUMBERED = "deepfashion2"
# Faces, clothes, insects, contours and horses are drawn in several pieces.
IN_ONE_PIECE = {name for name in KEYPOINTS if name.startswith(("animal", "ap10k", "hand"))}
IN_ONE_PIECE |= {*PEOPLE, "atrw", "zebra"} - {"coco_wholebody", "mpii_trb", "posetrack18"}


def mirrored(name):
    swap = {"left": "right", "right": "left"}
    return "_".join(swap.get(part, part) for part in name.split("_"))


def test_the_built_in_skeletons_are_the_documented_ones():
    assert skeleton_names() == sorted(KEYPOINTS)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_a_built_in_skeleton_has_its_datasets_keypoints(name):
    skeleton = load_skeleton(name)
    assert skeleton.name == name
    assert skeleton.num_keypoints == KEYPOINTS[name]


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_pairs_swap_left_and_right_and_leave_no_side_out(name):
    skeleton = load_skeleton(name)
    assert not skeleton.vertical_pairs
    if name == NUMBERED:
        return
    for index, keypoint in zip(skeleton.horizontal_permutation, skeleton.keypoints, strict=True):
        assert skeleton.keypoints[index] == mirrored(keypoint)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_links_are_a_mirror_image_of_themselves(name):
    """Each stands once; its mirror image has the colour of the other side."""
    skeleton = load_skeleton(name)
    links = {frozenset((link.start, link.end)): link.colour for link in skeleton.links}
    assert links and len(links) == len(skeleton.links)
    names = np.array(skeleton.keypoints)
    swap = dict(zip(names, names[skeleton.horizontal_permutation], strict=True))
    colours = {"b": "r", "r": "b", "g": "g"}
    assert {frozenset(map(swap.get, ends)): colours[links[ends]] for ends in links} == links


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_links_reach_every_keypoint(name):
    skeleton = load_skeleton(name)
    linked = {end for link in skeleton.links for end in (link.start, link.end)}
    unlabelled = {"left_ear", "right_ear"} if name == "posetrack18" else set()
    assert linked == set(skeleton.keypoints) - unlabelled


@pytest.mark.parametrize("name", sorted(IN_ONE_PIECE))
def test_people_animals_and_hands_are_drawn_in_one_piece(name):
    skeleton = load_skeleton(name)
    reached = {skeleton.keypoints[0]}
    for _ in skeleton.keypoints:
        for link in skeleton.links:
            if reached & {link.start, link.end}:
                reached |= {link.start, link.end}
    assert reached == set(skeleton.keypoints)


def test_no_two_built_in_skeletons_have_the_same_keypoints_in_the_same_order():
    """Else a file's keypoints would not tell which of them it follows."""
    assert len({load_skeleton(name).keypoints for name in KEYPOINTS}) == len(KEYPOINTS)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_names_are_lower_case_words(name):
    """So that the same keypoint of two skeletons has one name."""
    for keypoint in load_skeleton(name).keypoints:
        assert re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", keypoint)


# Published as measured for each side; of `animal_pose_mmpose` see its YAML.
ONE_SIDED = {"aic", "animal_pose_mmpose", "atrw", "coco_wholebody", "face68"}


@pytest.mark.parametrize("name", sorted({*KEYPOINTS} - ONE_SIDED))
def test_left_and_right_have_the_same_sigma(name):
    skeleton = load_skeleton(name)
    sigmas = np.array(skeleton.sigmas or np.ones(skeleton.num_keypoints))
    np.testing.assert_array_equal(sigmas, sigmas[skeleton.horizontal_permutation])


@pytest.mark.parametrize("order", ["hand21_rhd", "hand21_interhand"])
def test_hands_in_another_order_have_the_same_keypoints_links_and_sigmas(order):
    hand, other = load_skeleton("hand21"), load_skeleton(order)
    assert dict(zip(hand.keypoints, hand.sigmas, strict=True)) == dict(
        zip(other.keypoints, other.sigmas, strict=True)
    )
    assert {frozenset((link.start, link.end)) for link in hand.links} == {
        frozenset((link.start, link.end)) for link in other.links
    }


def test_both_orders_of_animal_pose_have_the_same_keypoints_and_links():
    ours, theirs = load_skeleton("animal_pose"), load_skeleton("animal_pose_mmpose")
    assert set(ours.keypoints) == set(theirs.keypoints)
    assert {frozenset((link.start, link.end)) for link in ours.links} == {
        frozenset((link.start, link.end)) for link in theirs.links
    }


def test_the_whole_body_is_a_body_feet_a_face_and_two_hands():
    whole = load_skeleton("coco_wholebody")
    hand = load_skeleton("hand21")
    assert whole.keypoints[:17] == load_skeleton("coco").keypoints
    assert whole.sigmas[:17] == load_skeleton("coco").sigmas
    assert whole.keypoints[23:91] == load_skeleton("face68").keypoints
    assert whole.sigmas[23:91] == load_skeleton("face68").sigmas
    for side, first in (("left", 91), ("right", 112)):
        # `left_wrist` is the body's.
        names = [f"{side}_{each}" for each in ("hand_wrist", *hand.keypoints[1:])]
        assert list(whole.keypoints[first : first + 21]) == names
        assert whole.sigmas[first : first + 21] == hand.sigmas


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_dataset_of_another_skeletons_keypoints_gives_that_skeleton(dataset):
    assert load_skeleton(dataset) == load_skeleton(DATASETS[dataset])
    assert DATASETS[dataset] in KEYPOINTS and dataset not in KEYPOINTS


@pytest.mark.parametrize("name", KEYPOINTS)
def test_a_flip_twice_is_none(name):
    for order in (
        load_skeleton(name).horizontal_permutation,
        load_skeleton(name).vertical_permutation,
    ):
        np.testing.assert_array_equal(order[order], np.arange(KEYPOINTS[name]))


def test_permutations_by_hand():
    skeleton = Skeleton(
        "robot",
        ("base", "left", "top", "right", "bottom"),
        horizontal_pairs=(("left", "right"),),
        vertical_pairs=(("bottom", "top"),),
    )
    np.testing.assert_array_equal(skeleton.horizontal_permutation, [0, 3, 2, 1, 4])
    np.testing.assert_array_equal(skeleton.vertical_permutation, [0, 1, 4, 3, 2])


def test_coco_sigmas_are_the_official_ones():
    # pycocotools/cocoeval.py, Params.setKpParams: kpt_oks_sigmas.
    official = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
    np.testing.assert_allclose(load_skeleton("coco").sigmas, np.array(official) / 1000)


@pytest.mark.parametrize("name", KEYPOINTS)
def test_config_rebuilds_the_skeleton(name):
    skeleton = load_skeleton(name)
    assert Skeleton.from_config(skeleton.to_config()) == skeleton


@pytest.mark.parametrize("name", PEOPLE)
def test_the_upper_body_of_people_is_above_the_hips_and_both_sides_of_it(name):
    skeleton = load_skeleton(name)
    upper = set(skeleton.upper_body)
    assert {mirrored(keypoint) for keypoint in upper} == upper
    lower = set(skeleton.keypoints) - upper
    parts = {keypoint.split("_")[-1] for keypoint in lower - {"pelvis"}}
    assert parts - {"toe", "heel", "index"} == {"hip", "knee", "ankle"}


def test_an_unknown_skeleton_is_refused_with_the_known_ones():
    with pytest.raises(ArgumentError, match="'cow' is not built in. .*animal_pose, .*coco, .*lsp"):
        load_skeleton("cow")
    with pytest.raises(ArgumentError, match="'ap10' is not built in. Nearest: ap10k"):
        load_skeleton("ap10")


@pytest.mark.parametrize("name", ["../presets/mobilenetv2_upsample_lite", "", "MPII"])
def test_a_name_is_looked_up_and_not_opened(name):
    with pytest.raises(ArgumentError):
        load_skeleton(name)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"keypoints": ()}, "has no keypoints"),
        ({"keypoints": ("a", "b", "a")}, "keypoints: 'a' occurs twice"),
        ({"horizontal_pairs": (("a", "x"),)}, r"horizontal_pairs: 'x' is not .* \(a, b, c\)"),
        ({"vertical_pairs": (("x", "a"),)}, "vertical_pairs: 'x' is not one"),
        ({"horizontal_pairs": (("a", "b"), ("c", "a"))}, "horizontal_pairs: 'a' occurs twice"),
        ({"vertical_pairs": (("a", "a"),)}, "vertical_pairs: 'a' occurs twice"),
        ({"links": (Link("a", "x"),)}, "links: 'x' is not one"),
        ({"upper_body": ("a", "x")}, "upper_body: 'x' is not one"),
        ({"upper_body": ("a", "a")}, "upper_body: 'a' occurs twice"),
        ({"sigmas": (0.1, 0.2)}, "3 keypoints but 2 sigmas"),
    ],
)
def test_a_contradiction_is_refused_with_the_skeletons_name(arguments, message):
    with pytest.raises(DataError, match=message) as caught:
        Skeleton(**{"name": "thing", "keypoints": ("a", "b", "c"), **arguments})
    assert "'thing'" in str(caught.value)


def test_one_keypoint_may_be_in_a_horizontal_and_a_vertical_pair():
    skeleton = Skeleton("x", ("a", "b", "c"), (("a", "b"),), (("a", "c"),))
    np.testing.assert_array_equal(skeleton.horizontal_permutation, [1, 0, 2])
    np.testing.assert_array_equal(skeleton.vertical_permutation, [2, 1, 0])


@pytest.mark.parametrize(
    "config",
    [
        [],
        {"name": "x"},
        {"keypoints": ["a"]},
        {"name": "x", "keypoints": 3},
        {"name": "x", "keypoints": ["a", "b"], "horizontal_pairs": [["a", "b", "h"]]},
        {"name": "x", "keypoints": ["a", "b"], "horizontal_pairs": 1},
        {"name": "x", "keypoints": ["a", "b"], "links": [["a"]]},
        {"name": "x", "keypoints": ["a", "b"], "links": [["a", "b", 5]]},
        {"name": "x", "keypoints": ["a", "b"], "sigmas": 0.1},
        {"name": "x", "keypoints": ["a", "b"], "upper_body": "a"},
    ],
)
def test_a_config_of_another_form_is_refused_with_the_form_expected(config):
    with pytest.raises(DataError, match="a skeleton must be a mapping with name, keypoints"):
        Skeleton.from_config(config)


@pytest.mark.parametrize(
    "colour, rgb", [("r", (235, 64, 52)), ("#ff8000", (255, 128, 0)), ("#00FF10", (0, 255, 16))]
)
def test_link_colours_are_red_green_blue(colour, rgb):
    assert Link("a", "b", colour).rgb == rgb


@pytest.mark.parametrize("colour", ["purple", "#12345", "#gggggg", ""])
def test_an_unknown_colour_is_refused(colour):
    with pytest.raises(DataError, match=f"colour of a,b .* Received: '{colour}'"):
        Link("a", "b", colour)


def test_a_skeleton_has_at_most_a_hundred_thousand_links() -> None:
    config = {"name": "dog", "keypoints": ["nose", "tail"], "links": [["nose", "tail"]] * 100_001}
    with pytest.raises(DataError, match=r"at most 100000 links\. Received: 100001\."):
        Skeleton.from_config(config)
