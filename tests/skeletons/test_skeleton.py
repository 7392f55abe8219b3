"""Built-in skeletons make sense, and a skeleton that contradicts itself is refused."""

import numpy as np
import pytest

from simplebase.errors import ArgumentError, DataError
from simplebase.skeletons import Link, Skeleton, load_skeleton, skeleton_names

KEYPOINTS = {"animal_pose": 20, "coco": 17, "lsp": 14, "mpii": 16}


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
    for index, keypoint in zip(skeleton.horizontal_permutation, skeleton.keypoints, strict=True):
        assert skeleton.keypoints[index] == mirrored(keypoint)
    assert not skeleton.vertical_pairs


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_links_are_a_mirror_image_of_themselves(name):
    links = {frozenset((link.start, link.end)) for link in load_skeleton(name).links}
    assert links
    assert {frozenset(map(mirrored, link)) for link in links} == links


@pytest.mark.parametrize("name", KEYPOINTS)
def test_built_in_links_reach_every_keypoint(name):
    skeleton = load_skeleton(name)
    reached = {skeleton.keypoints[0]}
    for _ in skeleton.keypoints:
        for link in skeleton.links:
            if reached & {link.start, link.end}:
                reached |= {link.start, link.end}
    assert reached == set(skeleton.keypoints)


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


@pytest.mark.parametrize("name", ["coco", "lsp", "mpii"])
def test_the_upper_body_of_people_is_above_the_hips_and_both_sides_of_it(name):
    skeleton = load_skeleton(name)
    upper = set(skeleton.upper_body)
    assert {mirrored(keypoint) for keypoint in upper} == upper
    lower = set(skeleton.keypoints) - upper
    assert {keypoint.split("_")[-1] for keypoint in lower - {"pelvis"}} == {"hip", "knee", "ankle"}


def test_an_unknown_skeleton_is_refused_with_the_known_ones():
    with pytest.raises(ArgumentError, match="'cow' is not built in; .*animal_pose, coco, lsp"):
        load_skeleton("cow")


@pytest.mark.parametrize("name", ["../presets/mobilenetv2_upsample_lite", "", "MPII"])
def test_a_name_is_looked_up_and_not_opened(name):
    with pytest.raises(ArgumentError):
        load_skeleton(name)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"keypoints": ()}, "has no keypoints"),
        ({"keypoints": ("a", "b", "a")}, "keypoints: 'a' stands twice"),
        ({"horizontal_pairs": (("a", "x"),)}, r"horizontal_pairs: 'x' is not .* \(a, b, c\)"),
        ({"vertical_pairs": (("x", "a"),)}, "vertical_pairs: 'x' is not one"),
        ({"horizontal_pairs": (("a", "b"), ("c", "a"))}, "horizontal_pairs: 'a' stands twice"),
        ({"vertical_pairs": (("a", "a"),)}, "vertical_pairs: 'a' stands twice"),
        ({"links": (Link("a", "x"),)}, "links: 'x' is not one"),
        ({"upper_body": ("a", "x")}, "upper_body: 'x' is not one"),
        ({"upper_body": ("a", "a")}, "upper_body: 'a' stands twice"),
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
    with pytest.raises(DataError, match="a skeleton is a mapping with name, keypoints"):
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
