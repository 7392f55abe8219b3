"""`data merge`: one dataset of several with the same keypoints by name."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simplebase import KeypointDataset
from simplebase.converters import write_dataset
from simplebase.converters.combining import merge_folders
from simplebase.errors import ArgumentError, DataError, SimplebaseError
from simplebase.skeletons import Link, Skeleton

MakeFolder = Callable[..., Path]
Written = Callable[..., KeypointDataset]

TURNED = Skeleton("turned", ("tail", "right", "left"), (), (), (Link("tail", "right", "r"),))
FINNED = Skeleton("finned", ("tail", "fin"), (), (("tail", "fin"),))


def test_keypoints_take_the_first_datasets_order(make_folder: MakeFolder, written: Written) -> None:
    merged = written(merge_folders([make_folder("a"), make_folder("b", skeleton=TURNED)]))
    assert merged.skeleton.keypoints == ("left", "right", "tail")
    # Of TURNED the first row is the tail's, so that it is the last of the merged ones.
    assert merged.records.keypoints[:, :, 1].tolist() == [
        [0, 1, 2],
        [0, 1, 2],
        [2, 1, 0],
        [2, 1, 0],
    ]


def test_images_of_the_same_name_do_not_collide_and_splits_stay(
    make_folder: MakeFolder, written: Written
) -> None:
    folders = [make_folder("a", held_out=["b.jpg"]), make_folder("b", held_out=["a.jpg"])]
    merged = written(merge_folders(folders))
    assert merged.records.paths.tolist() == ["a/a.jpg", "a/b.jpg", "b/a.jpg", "b/b.jpg"]
    assert merged.records.validation.tolist() == [False, True, True, False]
    merged.images.require()


def test_folders_of_the_same_name_are_told_apart(make_folder: MakeFolder) -> None:
    folders = [make_folder("cows/set", ["1.jpg"]), make_folder("pigs/set", ["1.jpg"])]
    assert list(merge_folders(folders).images) == ["cows_set/1.jpg", "pigs_set/1.jpg"]


def test_flip_pairs_and_links_of_all_are_kept_once(make_folder: MakeFolder) -> None:
    again = Skeleton("again", ("left", "right", "tail"), (("right", "left"),))
    folders = [
        make_folder("a", skeleton=TURNED),
        make_folder("b"),
        make_folder("c", skeleton=again),
    ]
    skeleton = merge_folders(folders).skeleton
    assert skeleton.horizontal_pairs == (("left", "right"),)
    assert skeleton.links == (Link("tail", "right", "r"), Link("left", "tail"))


def test_other_keypoints_are_refused_and_named(make_folder: MakeFolder) -> None:
    folders = [make_folder("a"), make_folder("b", skeleton=FINNED)]
    with pytest.raises(DataError, match="only a has left, right; only b has fin.*--union"):
        merge_folders(folders)


def test_union_does_not_label_what_a_dataset_lacks(
    make_folder: MakeFolder, written: Written
) -> None:
    folders = [make_folder("a"), make_folder("b", skeleton=FINNED)]
    merged = written(merge_folders(folders, union=True))
    assert merged.skeleton.keypoints == ("left", "right", "tail", "fin")
    assert merged.skeleton.vertical_pairs == (("tail", "fin"),)
    visible = merged.records.keypoints[:, :, 2].tolist()
    assert visible == [[2, 2, 2, 0]] * 2 + [[0, 0, 2, 2]] * 2
    assert merged.records.keypoints[3, 3].tolist() == [11, 1, 2]


def test_pairs_that_contradict_each_other_are_refused(make_folder: MakeFolder) -> None:
    wrong = Skeleton("wrong", ("left", "right", "tail"), (("tail", "left"),))
    with pytest.raises(DataError, match="b swaps left with tail.*earlier.*swaps it with right"):
        merge_folders([make_folder("a"), make_folder("b", skeleton=wrong)])


def test_another_spelling_is_the_same_keypoint_and_noted(make_folder: MakeFolder) -> None:
    spelt = Skeleton("spelt", ("Left", "Right", "tail"))
    merged = merge_folders([make_folder("a"), make_folder("b", skeleton=spelt)])
    assert "Left of b is left" in merged.notes
    assert merged.skeleton.num_keypoints == 3


@pytest.mark.parametrize("names", [("left", "right", "tail"), ("keypoint_0", "keypoint_1")])
def test_keypoints_that_are_only_counted_are_not_guessed(
    make_folder: MakeFolder, names: tuple[str, ...]
) -> None:
    counted = Skeleton("counted", tuple(f"keypoint_{index}" for index in range(3)))
    first = make_folder("a", skeleton=Skeleton("first", names))
    with pytest.raises(DataError, match="a and b cannot be matched.*numbers instead of names"):
        merge_folders([first, make_folder("b", skeleton=counted)], union=True)


@pytest.mark.parametrize(("second", "expected"), [(8, [7, 8]), (7, [None, None])])
def test_ids_stay_unless_two_datasets_share_one(
    make_folder: MakeFolder, second: int, expected: list[int | None]
) -> None:
    first = make_folder("a", ["1.jpg"], image_id=7, annotation_id=1)
    merged = merge_folders([first, make_folder("b", ["1.jpg"], image_id=second, annotation_id=2)])
    assert [record.get("image_id") for record in merged.records] == expected
    assert all(("annotation_id" in record) == (second == 8) for record in merged.records)


def test_a_missing_image_is_counted(make_folder: MakeFolder, tmp_path: Path) -> None:
    folders = [make_folder("a"), make_folder("b")]
    (folders[1] / "images" / "a.jpg").unlink()
    report = write_dataset(merge_folders(folders), tmp_path / "out")
    assert report.left_out == {"image not found": 1} and report.train_records == 3


def test_a_dataset_without_any_image_is_refused(make_folder: MakeFolder) -> None:
    folders = [make_folder("a"), make_folder("b", ["1.jpg"])]
    (folders[1] / "images" / "1.jpg").unlink()
    with pytest.raises(DataError, match="b/images: no image of the 1 record "):
        merge_folders(folders)


def test_upstreams_records_keep_their_origin_and_visibility(
    make_folder: MakeFolder, written: Written
) -> None:
    folder = make_folder("a", ["1.jpg"])
    records = json.loads((folder / "annotations.json").read_text())
    del records[0]["origin"]
    records[0] |= {"dataset": "MPI", "joint_self": [[5, 6, 0], [0, 0, 0], [7, 8, 1]]}
    (folder / "annotations.json").write_text(json.dumps(records))
    merged = written(merge_folders([folder, make_folder("b", skeleton=FINNED)], union=True))
    expected = [[4, 5, 1], [0, 0, 0], [6, 7, 2], [0, 0, 0]]
    np.testing.assert_array_equal(merged.records.keypoints[0], expected)


def test_a_packed_broken_or_repeated_dataset_is_refused(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder("a")
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "manifest.json").write_text("{}")
    with pytest.raises(ArgumentError, match="packed is packed"):
        merge_folders([folder, packed])
    with pytest.raises(ArgumentError, match="given twice"):
        merge_folders([folder, folder])
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ArgumentError, match=f"two of {folder}, .*link are the same folder, thro"):
        merge_folders([folder, tmp_path / "link"])
    with pytest.raises(ArgumentError, match="two datasets or more"):
        merge_folders([folder])
    broken = make_folder("b", scale_provided=-1)
    with pytest.raises(DataError, match="annotations.json, record 0: scale_provided"):
        merge_folders([folder, broken])


def test_the_output_cannot_be_one_of_the_sources(make_folder: MakeFolder) -> None:
    folders = [make_folder("a"), make_folder("b")]
    before = (folders[1] / "annotations.json").read_text()
    with pytest.raises(SimplebaseError, match="contains the source"):
        write_dataset(merge_folders(folders), folders[1], overwrite=True)
    assert (folders[1] / "annotations.json").read_text() == before
