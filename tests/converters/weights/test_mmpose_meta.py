"""What MMPose writes beside the weights: keypoints, colours, a second copy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simplebase.converters.weights.checkpoint import Tensors
from simplebase.converters.weights.mmpose_meta import input_statistics, skeleton_of, spare_copies
from simplebase.errors import DataError
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


def test_copies_of_the_moving_average_are_those_whose_tensor_is_there() -> None:
    names = ["conv1.weight", "bn.running_var", "ema_conv1_weight", "ema_bn_running_var", "ema_a_b"]
    assert spare_copies(names) == {"ema_conv1_weight", "ema_bn_running_var"}


def preprocessor(**arrays: np.ndarray) -> Tensors:
    named = {f"data_preprocessor.{name}": array for name, array in arrays.items()}
    return Tensors({"head.final_layer.bias": np.zeros(1)} | named, Path("a.pth"))


def test_colours_are_read_as_mmpose_keeps_them() -> None:
    """A column for images of (3, H, W)."""
    mean, deviation = np.arange(3.0).reshape(3, 1, 1), np.ones((3, 1, 1))
    found = input_statistics(preprocessor(mean=mean, std=deviation))
    assert found is not None and found.tolist() == [[0, 1, 2], [1, 1, 1]]
    assert input_statistics(preprocessor()) is None


def test_colours_of_other_channels_or_without_a_deviation_are_refused() -> None:
    with pytest.raises(DataError, match=r"data_preprocessor\.mean has 1 numbers"):
        input_statistics(preprocessor(mean=np.ones((1, 1, 1)), std=np.ones((1, 1, 1))))
    with pytest.raises(DataError, match=r"no tensor data_preprocessor\.std"):
        input_statistics(preprocessor(mean=np.ones((3, 1, 1))))
