"""Which images belong to one video, one folder or one pattern."""

import random

import pytest

from simplebase.converters.combining.grouping import by_numbers, group_images
from simplebase.errors import ArgumentError, DataError


def test_frames_of_a_video_differ_in_their_last_number_only() -> None:
    paths = ["a/img10.png", "a/img2.png", "b/img2.png", "clip_1_0007.jpg", "clip_2_0007.jpg"]
    groups = list(group_images([*paths, "clip_1 (8).jpg"], "video").values())
    assert sorted(groups) == [
        ["a/img2.png", "a/img10.png"],
        ["b/img2.png"],
        ["clip_1 (8).jpg", "clip_1_0007.jpg"],
        ["clip_2_0007.jpg"],
    ]


def test_names_of_numbers_alone_are_one_video_a_folder() -> None:
    groups = group_images(["a/1.png", "b/1.png", "a/2.png"], "video")
    assert list(groups.values()) == [["a/1.png", "a/2.png"], ["b/1.png"]]


def test_a_folder_holds_its_own_files_only() -> None:
    groups = group_images(["a/x.png", "a/b/y.png", "a/z.png", "w.png"], "folder")
    assert groups == {".": ["w.png"], "a": ["a/x.png", "a/z.png"], "a/b": ["a/b/y.png"]}


def test_an_image_of_several_records_is_one_image() -> None:
    assert group_images(["a.png", "a.png"]) == {"a.png": ["a.png"]}


@pytest.mark.parametrize("pattern", [r"mouse(\d+)", r"mouse\d+", r"(mou|rat)se(\d+)"])
def test_a_pattern_groups_by_what_it_matches(pattern: str) -> None:
    paths = ["mouse1_day1.png", "mouse2_day1.png", "mouse1_day2.png"]
    groups = group_images(paths, pattern=pattern)
    assert list(groups.values()) == [["mouse1_day1.png", "mouse1_day2.png"], ["mouse2_day1.png"]]


def test_a_pattern_that_is_none_or_is_not_found_is_refused() -> None:
    with pytest.raises(ArgumentError, match="is not a valid regular expression: "):
        group_images(["a.png"], pattern="(")
    with pytest.raises(DataError, match="'b' is not found in the image path 'a.png'"):
        group_images(["a.png", "b.png"], pattern="b")
    with pytest.raises(ArgumentError, match="by must be one of image, video, folder"):
        group_images(["a.png"], "frame")  # type: ignore[arg-type]


def test_images_are_ordered_by_their_numbers() -> None:
    ordered = ["a1.png", "a2.png", "a010.png", "a10b2.png", "a10b11.png", "a" + "9" * 5000, "b0"]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=by_numbers) == ordered
