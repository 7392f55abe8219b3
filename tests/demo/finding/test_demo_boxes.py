"""Files of boxes, and what is done with boxes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coloured_dots import dots, frame

from simplebase.demo.finding.boxes import overlap, read_frame_boxes
from simplebase.errors import DataError, MissingFileError
from simplebase.pose import clipped

IMAGE = dots([])


def find(tmp_path: Path, content: Any, index: int = 0) -> Any:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    return read_frame_boxes(path)(frame(IMAGE, index))


def test_a_list_of_boxes_holds_in_every_frame(tmp_path: Path) -> None:
    for index in (0, 7):
        assert find(tmp_path, [[1, 2, 3, 4]], index) == [(1, 2, 3, 4)]


def test_boxes_are_found_by_file_name_or_frame_number(tmp_path: Path) -> None:
    content = {"clip_000001.jpg": [[1, 1, 5, 5]], "2": [[2, 2, 5, 5], [3, 3, 5, 5]]}
    assert find(tmp_path, content, 0) == []
    assert find(tmp_path, content, 1) == [(1, 1, 5, 5)]
    assert find(tmp_path, content, 2) == [(2, 2, 5, 5), (3, 3, 5, 5)]


def test_what_the_demo_wrote_is_read(tmp_path: Path) -> None:
    frames = [
        {"frame": 0, "time": 0.0, "poses": []},
        {"frame": 1, "time": 0.1, "poses": [{"box": [4, 5, 6, 7]}]},
    ]
    assert find(tmp_path, {"frames": frames}, 0) == []
    assert find(tmp_path, {"frames": frames}, 1) == [(4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x", "expected a list of boxes .* Received: str"),
        ([[1, 2, 3]], r"the list, box 0: a box is \[x, y, width, height\].* Received: \[1, 2, 3\]"),
        ([[1, 2, 0, 4]], "the latter two above 0"),
        ([[1, 2, float("nan"), 4]], "the list, box 0: a box is"),
        ([5], "the list, box 0: a box is"),
        (["1234"], "the list, box 0: a box is .* Received: 1234"),
        ([["1", "2", "3", "4"]], "the list, box 0: a box is"),
        ([[1, 2, 3, 10**400]], "the list, box 0: a box is"),
        ({"a.jpg": 5}, "'a.jpg': expected a list of boxes"),
        ({"a.jpg": [[1, 2, 3, 4], "b"]}, "'a.jpg', box 1: a box is"),
        ({"frames": [5]}, "each of `frames` is an object"),
        ({"frames": [{"frame": 3}]}, "frame 3: expected `poses`"),
    ],
)
def test_a_wrong_file_of_boxes_is_told(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find(tmp_path, content)


def test_a_missing_file_of_boxes_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="the file of boxes does not exist"):
        read_frame_boxes(tmp_path / "absent.json")


def test_boxes_are_cut_at_the_image_and_those_outside_go() -> None:
    boxes = np.array([[-10, -10, 30, 40], [150, 100, 50, 50], [200, 0, 9, 9], [5, 5, 0, 9]], float)
    expected = [[0, 0, 20, 30], [150, 100, 10, 20]]
    np.testing.assert_array_equal(clipped(boxes, IMAGE), expected)


def test_overlap_by_hand() -> None:
    a = np.array([[0, 0, 10, 10]], float)
    b = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10], [2, 2, 5, 5]], float)
    np.testing.assert_allclose(overlap(a, b), [[1, 50 / 150, 0, 25 / 100]])
