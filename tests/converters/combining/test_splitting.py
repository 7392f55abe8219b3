"""`data split`: a new validation split that keeps neighbours together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simplebase import KeypointDataset
from simplebase.converters import write_dataset
from simplebase.converters.combining import split_folder
from simplebase.converters.combining.grouping import group_images
from simplebase.converters.combining.splitting import draw_groups
from simplebase.converters.conversion import Conversion
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning

MakeFolder = Callable[..., Path]

VIDEOS = [f"v{video}/f{frame}.png" for video in range(5) for frame in range(4)]


def held_out(conversion: Conversion) -> set[str]:
    return {each["img_paths"] for each in conversion.records if each["isValidation"]}


def test_only_the_split_changes(
    make_folder: MakeFolder, written: Callable[..., KeypointDataset]
) -> None:
    folder = make_folder("a", VIDEOS, held_out=VIDEOS[:3], image_id=3)
    split = split_folder(folder, 0.4)
    assert len(held_out(split)) == 8
    dataset = written(split)
    assert dataset.records.paths.tolist() == VIDEOS
    assert dataset.records.keypoints[7, :, 0].tolist() == [70, 71, 72]
    assert dataset.records.image_ids.tolist() == [3] * 20
    assert dataset.skeleton.horizontal_pairs == (("left", "right"),)


@pytest.mark.parametrize("options", [{"by": "video"}, {"by": "folder"}, {"pattern": "v[0-9]"}])
@pytest.mark.parametrize("seed", range(3))
def test_frames_of_a_video_are_on_one_side(
    make_folder: MakeFolder, options: dict[str, str], seed: int
) -> None:
    chosen = held_out(split_folder(make_folder("a", VIDEOS), 0.4, seed=seed, **options))
    assert len(chosen) == 8
    assert len({path.partition("/")[0] for path in chosen}) == 2


def test_the_seed_decides(make_folder: MakeFolder) -> None:
    folder = make_folder("a", VIDEOS)
    draws = [held_out(split_folder(folder, 0.3, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("seed", range(20))
def test_a_large_video_is_not_held_out_for_a_small_fraction(seed: int) -> None:
    groups = {"large": ["x"] * 80, **{f"small{index}": ["y"] * 5 for index in range(4)}}
    assert len(draw_groups(groups, 0.1, seed)) == 2
    assert "large" not in draw_groups(groups, 0.1, seed)


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_at_least_one_group_is_held_out_and_never_all(fraction: float) -> None:
    groups = group_images(VIDEOS, "folder")
    assert 0 < len(draw_groups(groups, fraction, 0)) < 5


def test_a_fraction_of_zero_holds_out_none(make_folder: MakeFolder) -> None:
    folder = make_folder("a", VIDEOS, held_out=VIDEOS[:3])
    assert held_out(split_folder(folder, 0, by="video")) == set()


def test_one_video_alone_is_refused(make_folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="all images are of one video.*--by.*--group"):
        split_folder(make_folder("a", ["1.png", "2.png"]), by="video")


def test_images_that_are_no_frames_are_said_to_be_none(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    split = split_folder(make_folder("a", ["x.png", "y.png"]), by="video")
    with pytest.warns(SimplebaseWarning, match="no two images are of one video.*--group"):
        write_dataset(split, tmp_path / "out")


@pytest.mark.parametrize("options", [{"fraction": 1}, {"fraction": -0.1}, {"seed": -1}])
def test_options_out_of_range_are_refused(
    make_folder: MakeFolder, options: dict[str, float]
) -> None:
    with pytest.raises(ArgumentError, match="Received: "):
        split_folder(make_folder("a"), **options)  # type: ignore[arg-type]
