"""Ours to another tool's format and back: what the format holds is unchanged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import write_image

from simplebase import KeypointDataset, load_dataset
from simplebase.converters import (
    read_cvat,
    read_deeplabcut,
    read_labelme,
    read_yolo,
    to_cvat,
    to_deeplabcut,
    to_labelme,
    to_yolo,
)
from simplebase.data.records import make_record
from simplebase.errors import ArgumentError, DataError, OutputExistsError
from simplebase.files import write_json
from simplebase.skeletons import Link, Skeleton, read_text_files, write_text_files

COW = Skeleton(
    "dairy cow",
    ("nose tip", "left ear", "right ear", "tail"),
    (("left ear", "right ear"),),
    links=(Link("nose tip", "left ear", "b"), Link("nose tip", "tail", "g")),
)
# Pixel centres, so -0.5 and 29.5 are the edges of the image, which is 30 wide and 40 high.
FIRST = np.array([[1.25, 2, 2], [10, 20.5, 1], [0, 0, 0], [29.5, 39.5, 2]])
SECOND = np.array([[0, 0, 0], [-0.5, -0.5, 2], [7.333, 8.777, 1], [5, 6, 2]])


def save(folder: Path, records: list[dict[str, Any]], skeleton: Skeleton = COW) -> Path:
    """A dataset folder with the images of the records."""
    for record in records:
        write_image(folder / "images" / record["img_paths"])
    write_json(folder / "annotations.json", records)
    write_text_files(skeleton, folder)
    return folder


def record(path: str, keypoints: np.ndarray = FIRST, **fields: Any) -> dict[str, Any]:
    common = {"dataset": "cows", "validation": False, "center": (15, 20), "scale": 0.2}
    return make_record(path=path, keypoints=keypoints, **(common | fields))


def herd(folder: Path) -> Path:
    """Two splits, two objects in an image, all visibilities, names with spaces."""
    return save(
        folder,
        [
            record("field 1/a cow.jpg", FIRST, box=(0, 1.5, 28, 37)),
            record("field 1/a cow.jpg", SECOND, box=(0.25, 0, 9, 10)),
            record("field 1/b.png", FIRST[[0, 2, 1, 2]], box=(1, 2, 20, 30)),
            record("c.jpg", SECOND, box=(0, 0, 12, 13), validation=True),
        ],
    )


def by_image(dataset: KeypointDataset, *prefixes: str) -> dict[str, tuple[Any, ...]]:
    """Keypoints, boxes and splits of the objects of each image, by its path without a prefix."""
    records, found = dataset.records, {}
    for path in dict.fromkeys(records.paths):
        here = records.paths == path
        prefix = next((each for each in prefixes if path.startswith(each)), "")
        columns = (records.keypoints[here], records.boxes[here], records.validation[here])
        found[path.removeprefix(prefix)] = columns
    return found


def assert_same(ours: dict[str, tuple[Any, ...]], theirs: dict[str, tuple[Any, ...]]) -> None:
    assert ours.keys() == theirs.keys()
    for path, columns in ours.items():
        for mine, other in zip(columns, theirs[path], strict=True):
            np.testing.assert_allclose(other, mine, atol=0.01, err_msg=path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_yolo_gives_back_keypoints_boxes_splits_and_pairs(tmp_path, written) -> None:
    folder = herd(tmp_path / "the herd")
    report = to_yolo(folder, tmp_path / "yolo", images="link")
    assert (report.train_records, report.val_records, report.left_out) == (3, 1, {})
    back = written(read_yolo(tmp_path / "yolo"))
    theirs = by_image(back, "images/train/", "images/val/")
    assert_same(by_image(load_dataset(folder)), theirs)
    assert back.skeleton.keypoints == COW.keypoints
    assert back.skeleton.horizontal_pairs == COW.horizontal_pairs


def test_a_row_of_yolo_is_as_ultralytics_documents_it(tmp_path) -> None:
    folder = save(tmp_path / "one", [record("images/a.jpg", FIRST, box=(3, 4, 15, 20))])
    to_yolo(folder, tmp_path / "yolo")
    # Ultralytics replaces the last folder images in the path.
    (row,) = (tmp_path / "yolo/images/train/labels/a.txt").read_text().splitlines()
    which, *numbers = row.split()
    assert which == "0"
    expected = [10.5 / 30, 14 / 40, 0.5, 0.5, 1.75 / 30, 2.5 / 40, 2]
    expected += [10.5 / 30, 21 / 40, 1, 0, 0, 0, 1, 1, 2]
    np.testing.assert_allclose([float(each) for each in numbers], expected, atol=1e-8)


def test_yolo_leaves_out_keypoints_outside_and_draws_missing_boxes(tmp_path, written) -> None:
    far = np.array([[5, 6, 2], [9, 16, 1], [-3, 4, 2], [0, 0, 0]])
    records = [record("a.jpg", far), record("b.jpg", FIRST, box=(-20, 0, 35, 10))]
    report = to_yolo(save(tmp_path / "far", records), tmp_path / "yolo")
    assert report.left_out == {"keypoint: outside its image": 1}
    back = written(read_yolo(tmp_path / "yolo", val_split=0))
    assert back.records.keypoints[0, 2, 2] == 0
    np.testing.assert_allclose(back.records.boxes, [[5, 6, 5, 11], [0, 0, 15, 10]], atol=1e-5)


def test_yolo_refuses_names_that_it_cannot_hold(tmp_path) -> None:
    twins = save(tmp_path / "twins", [record("a.jpg"), record("a.png")])
    with pytest.raises(DataError, match="differ only in their suffix"):
        to_yolo(twins, tmp_path / "out")
    odd = Skeleton("cow", ("nose", "left\u202eear", "x", "y"))
    with pytest.raises(DataError, match="control character"):
        to_yolo(twins, tmp_path / "out", skeleton=odd)
    assert not (tmp_path / "out").exists()


def without_splits(dataset: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {path: (keypoints, boxes) for path, (keypoints, boxes, _) in dataset.items()}


def test_labelme_gives_back_keypoints_and_boxes(tmp_path, written) -> None:
    folder, output = herd(tmp_path / "the herd"), tmp_path / "labelme"
    report = to_labelme(folder, output, images="link")
    assert report.notes == ["the format has no splits: train and val images are mixed"]
    names = ("classes.txt", "match_point.txt", "skeleton.txt")
    skeleton = read_text_files(*(output / name for name in names))
    back = written(read_labelme(output / "images", skeleton=skeleton))
    ours = load_dataset(folder)
    assert_same(without_splits(by_image(ours)), without_splits(by_image(back)))
    assert back.skeleton.horizontal_pairs == COW.horizontal_pairs
    assert back.skeleton.links == COW.links


def test_a_file_of_labelme_has_points_from_the_edge_of_the_first_pixel(tmp_path) -> None:
    to_labelme(herd(tmp_path / "the herd"), tmp_path / "labelme")
    content = json.loads((tmp_path / "labelme/images/field 1/a cow.json").read_text())
    assert (content["imagePath"], content["imageHeight"]) == ("a cow.jpg", 40)
    nose, ear, *_, box = content["shapes"]
    assert (nose["label"], nose["points"], nose["flags"]) == ("nose tip", [[1.75, 2.5]], {})
    assert ear["flags"] == {"hidden": True}
    assert (box["label"], box["points"]) == ("the herd", [[0.25, 0], [9.25, 10]])
    assert (nose["group_id"], box["group_id"]) == (1, 2)


def test_labelme_never_writes_into_the_source(tmp_path) -> None:
    folder = herd(tmp_path / "the herd")
    before = contents(folder)
    with pytest.raises(ArgumentError, match="--images link or copy"):
        to_labelme(folder, tmp_path / "out", images="none")
    assert contents(folder) == before


@pytest.mark.parametrize("images", ["copy", "link", "none"])
def test_cvat_gives_back_all_but_the_colours_of_links(tmp_path, written, images) -> None:
    folder, output = herd(tmp_path / "the herd"), tmp_path / "cvat"
    assert to_cvat(folder, output, images=images).notes == []
    back = written(read_cvat(output / "annotations.xml", image_folder=output / "images"))
    assert_same(by_image(load_dataset(folder)), by_image(back))
    assert back.skeleton.keypoints == COW.keypoints
    assert back.skeleton.horizontal_pairs == COW.horizontal_pairs
    ends = [(link.start, link.end) for link in COW.links]
    assert [(link.start, link.end) for link in back.skeleton.links] == ends
    assert read_cvat(output).skeleton.name == "the herd"


def test_cvat_holds_names_with_the_signs_of_xml(tmp_path, written) -> None:
    names = ('<a> & "b"', "l'eye; x=1", "ünïcode", "1")
    links = (Link(names[0], names[1]),)
    odd = Skeleton("x", names, links=links)
    to_cvat(save(tmp_path / "a & b <c>", [record("a&<b>.jpg")], odd), tmp_path / "cvat")
    back = written(read_cvat(tmp_path / "cvat", val_split=0))
    assert back.skeleton.keypoints == names and back.skeleton.links == links
    np.testing.assert_allclose(back.records.keypoints, [FIRST], atol=0.01)


def test_cvat_holds_out_an_image_of_both_splits(tmp_path, written) -> None:
    records = [record("a.jpg"), record("a.jpg", SECOND, validation=True), record("b.jpg")]
    report = to_cvat(save(tmp_path / "cows", records), tmp_path / "cvat")
    assert report.notes == ["images of both splits, written as Validation: 1"]
    back = written(read_cvat(tmp_path / "cvat"))
    assert back.records.validation.tolist() == [True, True, False]
    assert (report.train_records, report.val_records) == (1, 2)


@pytest.mark.parametrize("several", [True, False])
def test_deeplabcut_gives_back_keypoints_names_and_links(tmp_path, written, several) -> None:
    folder, output = herd(tmp_path / "the herd"), tmp_path / "project"
    if not several:
        records = json.loads((folder / "annotations.json").read_text())
        write_json(folder / "annotations.json", records[1:], overwrite=True)
    report = to_deeplabcut(folder, output, scorer="Ann Lee", images="link")
    assert report.notes == [
        "the format has no splits: train and val images are mixed",
        f"hidden keypoints, which the format cannot tell from visible ones: {3 + several}",
        f"boxes, for which the format has no place: {3 + several}",
    ]
    back = written(read_deeplabcut(output))
    assert back.skeleton.keypoints == COW.keypoints
    assert back.skeleton.horizontal_pairs == COW.horizontal_pairs
    ends = [(link.start, link.end) for link in COW.links]
    assert [(link.start, link.end) for link in back.skeleton.links] == ends
    theirs = by_image(back, "labeled-data/the herd/", "labeled-data/")
    ours = by_image(load_dataset(folder))
    assert ours.keys() == theirs.keys()
    for path, (keypoints, *_) in ours.items():
        keypoints[keypoints[:, :, 2] == 1, 2] = 2
        np.testing.assert_allclose(theirs[path][0], keypoints, atol=0.01)


def test_a_table_of_deeplabcut_is_as_its_own(tmp_path) -> None:
    to_deeplabcut(save(tmp_path / "cows", [record("pen/a.jpg")]), tmp_path / "project")
    table = (tmp_path / "project/labeled-data/pen/CollectedData_simplebase.csv").read_text()
    assert table.splitlines() == [
        "scorer,,," + ",".join(["simplebase"] * 8),
        "bodyparts,,,nose tip,nose tip,left ear,left ear,right ear,right ear,tail,tail",
        "coords,,," + ",".join("xy" * 4),
        "labeled-data,pen,a.jpg,1.2500,2.0000,10.0000,20.5000,,,29.5000,39.5000",
    ]


def test_deeplabcut_refuses_names_that_it_cannot_hold(tmp_path) -> None:
    folder = save(tmp_path / "cows", [record("a/b/0.jpg"), record("a_b/0.jpg")])
    with pytest.raises(DataError, match="would both be labeled-data/a_b"):
        to_deeplabcut(folder, tmp_path / "out")
    with pytest.raises(ArgumentError, match="scorer"):
        to_deeplabcut(folder, tmp_path / "out", scorer="../Ann")
    with pytest.raises(ArgumentError, match="--images link or copy"):
        to_deeplabcut(herd(tmp_path / "the herd"), tmp_path / "out", images="none")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("write", "horizontal", "vertical", "note"),
    [
        (to_cvat, (("nose tip", "tail"),), (), "do not follow from the keypoints' names"),
        (to_deeplabcut, (), (), "do not follow from the keypoints' names"),
        (to_cvat, COW.horizontal_pairs, (("nose tip", "tail"),), "vertical flip pairs"),
        (to_yolo, COW.horizontal_pairs, (("nose tip", "tail"),), "vertical flip pairs"),
        (to_yolo, (), (), "do not follow from the keypoints' names"),
    ],
)
def test_a_writer_says_which_flip_pairs_are_lost(
    tmp_path, write, horizontal, vertical, note
) -> None:
    skeleton = Skeleton("cow", COW.keypoints, horizontal, vertical)
    report = write(save(tmp_path / "cows", [record("a.jpg")], skeleton), tmp_path / "out")
    assert any(note in each for each in report.notes), report.notes


WRITERS = [to_yolo, to_labelme, to_cvat, to_deeplabcut]


@pytest.mark.parametrize("write", WRITERS)
def test_a_writer_replaces_only_its_own_folder(tmp_path, write) -> None:
    folder, output = herd(tmp_path / "the herd"), tmp_path / "out"
    write(folder, output)
    first = contents(output)
    with pytest.raises(OutputExistsError):
        write(folder, output)
    write(folder, output, overwrite=True)
    assert contents(output) == first
    (output / "mine.txt").write_text("corrected labels")
    with pytest.raises(OutputExistsError, match=r"mine\.txt"):
        write(folder, output, overwrite=True)
    with pytest.raises(ArgumentError, match="contains the source"):
        write(folder, tmp_path, overwrite=True)
    assert contents(output).keys() - first.keys() == {str(output / "mine.txt")}


@pytest.mark.parametrize("write", WRITERS)
def test_a_writer_that_fails_leaves_nothing(tmp_path, write) -> None:
    folder = herd(tmp_path / "the herd")
    (folder / "images" / "c.jpg").write_text("no image")
    with pytest.raises(DataError):
        write(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["the herd"]


@pytest.mark.parametrize("write", WRITERS)
def test_a_writer_counts_records_without_image_or_keypoint(tmp_path, write) -> None:
    records = [record("a.jpg"), record("b.jpg"), record("a.jpg", np.zeros((4, 3)))]
    folder = save(tmp_path / "cows", records)
    (folder / "images" / "b.jpg").unlink()
    report = write(folder, tmp_path / "out")
    assert report.left_out == {"image not found": 1, "no labelled keypoint": 1}
    assert report.train_records == 1
