"""`data select`: a part of a dataset, each record in its split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simplebase import KeypointDataset
from simplebase.converters.combining import select_folder
from simplebase.converters.conversion import draw_held_out
from simplebase.errors import ArgumentError, DataError

MakeFolder = Callable[..., Path]

# Out of order, as tools list them.
FRAMES = ["v1/f10.png", "v1/f2.png", "v2/f1.png", "v1/f1.png", "v2/g1.png", "v2/f2.png"]


@pytest.fixture
def frames(make_folder: MakeFolder) -> Path:
    return make_folder("frames", FRAMES, held_out=FRAMES[1:3])


def chosen(folder: Path, **options: Any) -> list[str]:
    return [record["img_paths"] for record in select_folder(folder, **options).records]


def test_records_keep_their_order_and_split(
    frames: Path, written: Callable[..., KeypointDataset]
) -> None:
    dataset = written(select_folder(frames, records="4, 1-2,2"))
    assert dataset.records.paths.tolist() == ["v1/f2.png", "v2/f1.png", "v2/g1.png"]
    assert dataset.records.validation.tolist() == [True, True, False]
    assert len(list(dataset.images.folder.rglob("*.png"))) == 3  # type: ignore[attr-defined]


def test_a_number_stands_for_one_record_of_an_image(make_folder: MakeFolder) -> None:
    folder = make_folder("twice", ["a.png", "a.png", "b.png"])
    kept = select_folder(folder, records="1").records
    assert [record["joint_self"][0][0] for record in kept] == [10]


def test_a_split_is_kept(frames: Path) -> None:
    assert chosen(frames, image_set="val") == FRAMES[1:3]
    assert chosen(frames, image_set="train", pattern="v1") == [FRAMES[0], FRAMES[3]]


def test_a_split_without_records_is_refused(make_folder: MakeFolder) -> None:
    folder = make_folder("train_only", FRAMES)
    with pytest.raises(DataError, match="no record is in the val split"):
        select_folder(folder, image_set="val")


def test_a_pattern_is_searched_in_the_path(frames: Path) -> None:
    assert chosen(frames, pattern="1[.]png$") == ["v2/f1.png", "v1/f1.png", "v2/g1.png"]


def test_the_first_images_of_each_video_go_by_their_numbers(frames: Path) -> None:
    kept = ["v1/f2.png", "v2/f1.png", "v1/f1.png", "v2/g1.png", "v2/f2.png"]
    assert chosen(frames, first=2) == kept
    assert chosen(frames, first=1, by="folder") == ["v2/f1.png", "v1/f1.png"]
    assert chosen(frames, first=1, group="/([a-z])") == ["v1/f1.png", "v2/g1.png"]


def test_the_seed_decides_what_is_drawn(frames: Path) -> None:
    draws = [chosen(frames, random=3, seed=seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 3


def test_a_random_selection_does_not_follow_the_split_of_the_same_seed(
    make_folder: MakeFolder,
) -> None:
    names = [f"{number:03d}.png" for number in range(300)]
    held_out = draw_held_out(names, 0.2, seed=0)
    folder = make_folder("many", names, held_out=sorted(held_out))
    for seed in (0, 1):
        drawn = set(chosen(folder, random=100, seed=seed))
        assert 10 <= len(drawn & held_out) <= 30


def test_ways_of_choosing_narrow_each_other(frames: Path) -> None:
    assert chosen(frames, records="0-4", pattern="v2", first=1, random=2) == FRAMES[2:5:2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "say what to keep: --image-set"),
        ({"records": "3-1"}, "numbers such as 0-99,250. Received: '3-1'"),
        ({"records": "1,,2"}, "numbers such as 0-99,250. Received: ''"),
        ({"records": "2-6"}, "has 6 records, numbered from 0 to 5. Received: 6"),
        ({"records": "0-999999999999"}, "Received: 999999999999"),
        ({"pattern": "["}, "is not a valid regular expression"),
        ({"first": 0}, "first must be 1 or above"),
        ({"random": 7}, "7 images cannot be drawn from 6"),
        ({"random": 1, "seed": -1}, "seed must be 0 or above"),
    ],
)
def test_options_out_of_range_are_refused(frames: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        select_folder(frames, **options)


def test_a_pattern_that_fits_no_image_is_refused(frames: Path) -> None:
    with pytest.raises(DataError, match="'w' is found in no image path, such as 'v1/f10.png'"):
        select_folder(frames, pattern="w")
