"""What MMPose 1.x writes of keypoints beside the weights."""

from typing import Any

import pytest

from simplebase.converters.weights.mmpose_meta import skeleton_of
from simplebase.skeletons import Link

ARM = {
    "dataset_name": "arm",
    "keypoint_id2name": {0: "base", 1: "left_tip", 2: "right_tip"},
    "flip_indices": [0, 2, 1],
    "skeleton_links": [(0, 1), (0, 2)],
}


def described(**changes: Any) -> dict[str, Any]:
    return {"meta": {"dataset_meta": ARM | changes}}


def test_names_pairs_and_lines_come_from_the_file() -> None:
    skeleton = skeleton_of(described())
    assert skeleton is not None
    assert (skeleton.name, skeleton.keypoints) == ("arm", ("base", "left_tip", "right_tip"))
    assert skeleton.horizontal_permutation.tolist() == [0, 2, 1]
    assert skeleton.links == (Link("base", "left_tip"), Link("base", "right_tip"))


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"meta": None},
        {"meta": {"epoch": 3}},
        described(keypoint_id2name={1: "from_one"}),
        described(keypoint_id2name={0: "twice", 1: "twice"}),
        described(keypoint_id2name={}),
        described(keypoint_id2name=["base"]),
    ],
)
def test_what_makes_no_skeleton_is_passed_over(beside: dict[str, Any]) -> None:
    assert skeleton_of(beside) is None


def test_pairs_and_lines_beyond_the_keypoints_are_left_out() -> None:
    skeleton = skeleton_of(described(flip_indices=[0, 9, 1], skeleton_links=[(0, 9), "ab", 3]))
    assert skeleton is not None
    assert skeleton.horizontal_pairs == () and skeleton.links == ()
