"""Ultralytics' YOLO pose datasets."""

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conversion_checks import write_image

from simplebase import Skeleton
from simplebase.converters import Conversion, read_yolo
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    SimplebaseError,
    SimplebaseWarning,
)

BOX = "0.5 0.5 0.4 0.2"
ROW = f"0 {BOX} 0.1 0.2 2 0.9 0.7 1"


def save(folder: Path, rows: dict[str, str], **settings: Any) -> Path:
    """A dataset of 100x40 images by `split/name`, and its data.yaml."""
    content: dict[str, Any] = {"path": ".", "kpt_shape": [2, 3], "names": ["cow"]}
    for name, row in rows.items():
        write_image(folder / "images" / f"{name}.jpg", 40, 100)
        label = folder / "labels" / f"{name}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(row)
        split = name.split("/")[0]
        content[split] = f"images/{split}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.yaml").write_text(yaml.safe_dump(content | settings))
    return folder


def keypoints(conversion: Conversion, index: int = 0) -> list[list[float]]:
    return np.round(conversion.records[index]["joint_self"], 6).tolist()


def splits(conversion: Conversion) -> dict[str, int]:
    return {each["img_paths"]: int(each["isValidation"]) for each in conversion.records}


def test_images_and_labels_side_by_side_in_the_dataset_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 40, 100)
    (tmp_path / "a.txt").write_text(ROW)
    settings = {"train": ".", "kpt_shape": [2, 3], "names": ["cow"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(settings))
    conversion = read_yolo(tmp_path)
    assert [each["img_paths"] for each in conversion.records] == ["a.jpg"]
    assert keypoints(conversion) == [[9.5, 7.5, 2], [89.5, 27.5, 1]]


def test_fractions_become_pixels_whose_centres_are_integers(tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": ROW}))
    # 0.1 of 100 pixels is the right edge of the tenth pixel, whose centre is at 9.
    assert keypoints(conversion) == [[9.5, 7.5, 2], [89.5, 27.5, 1]]
    record = conversion.records[0]
    # The box covers the pixels 30 to 69 and 16 to 23.
    assert record["bbox"] == pytest.approx([30, 16, 40, 8])
    assert record["objpos"] == pytest.approx([49.5, 19.5])
    assert record["scale_provided"] == pytest.approx(0.2)


@pytest.mark.parametrize("point", ["0 0", "-1 -1", "0.5 -0.1"])
def test_of_two_values_zeros_and_negative_ones_are_unlabelled(point, tmp_path: Path) -> None:
    rows = {"train/a": f"0 {BOX} 0.1 0.2 {point}"}
    conversion = read_yolo(save(tmp_path, rows, kpt_shape=[2, 2]))
    assert keypoints(conversion) == [[9.5, 7.5, 2], [0, 0, 0]]


def test_of_three_values_the_visibility_decides(tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": f"0 {BOX} 0 0 2 5 -7 0"}))
    assert keypoints(conversion) == [[-0.5, -0.5, 2], [0, 0, 0]]


def test_keypoints_are_numbered_and_swap_as_flip_idx_says(tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": ROW}, flip_idx=[1, 0]))
    assert conversion.skeleton.keypoints == ("1", "2")
    assert conversion.skeleton.horizontal_pairs == (("1", "2"),)
    assert "flip pairs, from flip_idx: 1/2" in conversion.notes


@pytest.mark.parametrize("names", [["r_ear", "l_ear"], {0: ["r_ear", "l_ear"]}])
def test_kpt_names_name_the_keypoints(names, tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": ROW}, kpt_names=names, flip_idx=[1, 0]))
    assert conversion.skeleton.keypoints == ("r_ear", "l_ear")
    assert conversion.skeleton.horizontal_pairs == (("l_ear", "r_ear"),)


def test_an_identity_flip_idx_does_not_hide_pairs_that_names_tell(tmp_path: Path) -> None:
    names = ["left_ear", "right_ear"]
    conversion = read_yolo(save(tmp_path, {"train/a": ROW}, kpt_names=names, flip_idx=[0, 1]))
    assert conversion.skeleton.horizontal_pairs == (("left_ear", "right_ear"),)
    assert "flip pairs, inferred from the names: left_ear/right_ear" in conversion.notes


def test_a_given_skeleton_names_the_keypoints(tmp_path: Path) -> None:
    source = save(tmp_path, {"train/a": ROW})
    skeleton = Skeleton("mine", ("nose", "tail"))
    assert read_yolo(source, skeleton=skeleton).skeleton == skeleton
    with pytest.raises(DataError, match="kpt_shape says 2 keypoints, but skeleton 'mine' has 1"):
        read_yolo(source, skeleton=Skeleton("mine", ("nose",)))


def test_classes_are_counted_and_chosen(tmp_path: Path) -> None:
    rows = {"train/a": ROW + "\n" + "1" + ROW[1:], "train/b": "1" + ROW[1:]}
    source = save(tmp_path, rows, names={0: "cow", 1: "calf"})
    assert "objects by class: cow 1, calf 2" in read_yolo(source).notes
    for category in ("calf", "1"):
        conversion = read_yolo(source, category=category)
        assert len(conversion.records) == 2
        assert conversion.left_out["class that was not chosen"] == 1
    with pytest.raises(ArgumentError, match="no class 'goat'; it has cow, calf"):
        read_yolo(source, category="goat")


def test_splits_are_kept_and_test_is_left_out(tmp_path: Path) -> None:
    rows = {f"{split}/{split}": ROW for split in ("train", "val", "test")}
    conversion = read_yolo(save(tmp_path, rows))
    assert splits(conversion) == {"images/train/train.jpg": 0, "images/val/val.jpg": 1}
    assert conversion.left_out["record of the test split"] == 1


def test_without_val_test_is_held_out(tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": ROW, "test/b": ROW}))
    assert splits(conversion) == {"images/train/a.jpg": 0, "images/test/b.jpg": 1}


def test_splits_may_be_lists_of_images_with_paths_of_another_computer(tmp_path: Path) -> None:
    save(tmp_path, {"all/a": ROW, "all/b": ROW, "all/c": ROW})
    (tmp_path / "train.txt").write_text(
        "C:\\Users\\me\\cows\\images\\all\\a.jpg\n./images/all/b.jpg\n"
    )
    (tmp_path / "val.txt").write_text("images/all/c.jpg\nimages/all/gone.jpg\n/x/../../gone.jpg\n")
    settings = {"kpt_shape": [2, 3], "names": ["cow"], "path": "C:\\Users\\me\\cows"}
    settings |= {"train": "train.txt", "val": ["val.txt"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(settings))
    conversion = read_yolo(tmp_path)
    assert splits(conversion) == {f"images/all/{n}.jpg": int(n == "c") for n in "abc"}
    assert conversion.left_out["image: no label file"] == 1
    assert conversion.left_out["image path leaves the folder"] == 1


@pytest.mark.parametrize("train", ["../train/images", "D:\\cows\\train\\images", "/a/train/images"])
def test_folders_that_lead_out_are_found_by_their_last_parts(train, tmp_path: Path) -> None:
    write_image(tmp_path / "train" / "images" / "a.jpg")
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "a.txt").write_text(ROW)
    settings = {"kpt_shape": [2, 3], "names": ["cow"], "train": train, "val": "../valid/images"}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(settings))
    conversion = read_yolo(tmp_path)
    assert splits(conversion) == {"train/images/a.jpg": 0}
    assert any(note.startswith("val: ../valid/images does not exist") for note in conversion.notes)


def test_one_folder_does_not_stand_for_two_splits(tmp_path: Path) -> None:
    source = save(tmp_path, {"x/a": ROW}, train="/a/train/images", val="/a/val/images")
    with pytest.raises(DataError, match="could be either"):
        read_yolo(source)


def test_labels_without_an_image_are_counted(tmp_path: Path) -> None:
    source = save(tmp_path, {"train/a": ROW, "train/b": f"{ROW}\n0 {BOX} 0 0 2 1 1 2"})
    (tmp_path / "images/train/b.jpg").unlink()
    conversion = read_yolo(source)
    assert conversion.left_out["image not found"] == 2
    assert conversion.first_missing == "images/train/b"


def test_what_has_no_object_or_stands_twice_is_counted(tmp_path: Path) -> None:
    rows = {"train/a": f"{ROW}\n{ROW}\n\n", "train/b": "", "train/c": ROW}
    source = save(tmp_path, rows)
    (tmp_path / "labels/train/c.txt").unlink()
    conversion = read_yolo(source)
    assert len(conversion.records) == 1
    assert conversion.left_out == {
        "the same row twice": 1,
        "image: no objects": 1,
        "image: no label file": 1,
    }


def test_labels_may_lie_beside_the_images(tmp_path: Path) -> None:
    write_image(tmp_path / "train" / "a.jpg")
    (tmp_path / "train" / "a.txt").write_text(ROW)
    (tmp_path / "data.yaml").write_text("{kpt_shape: [2, 3], nc: 1, train: train}")
    assert splits(read_yolo(tmp_path / "data.yaml")) == {"train/a.jpg": 0}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"0 {BOX}", r"no record is left to convert \(1 box without keypoints"),
        (f"0 {BOX} 0.1 0.2 0.9 0.7", r"a\.txt, line 1: expected 11 numbers.* Received: 9"),
        (f"{ROW} 0.9", "Received: 12"),
        (f"7 {BOX} 0.1 0.2 2 0.9 0.7 1", "names no class 7"),
        (f"0 {BOX} 0.1 nan 2 0.9 0.7 1", "expected a number. Received: 'nan'"),
        (f"0 {BOX} 10 20 2 90 70 1", "fractions .* Received: 10. Divide pixels"),
        (f"0 {BOX} -0.2 0.2 2 0.9 0.7 1", "fractions .* Received: -0.2"),
        (f"0 {BOX} 0.1 0.2 0.93 0.9 0.7 2", "visibility of keypoint 0 must be 0, 1 or 2"),
        ("<html>", "Received: 1"),
    ],
)
def test_rows_that_are_wrong_are_refused_with_their_place(row, message, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_yolo(save(tmp_path, {"train/a": row})).require_records()


def test_a_box_without_keypoints_is_left_out_and_the_other_rows_are_read(tmp_path: Path) -> None:
    conversion = read_yolo(save(tmp_path, {"train/a": f"0 {BOX}\n{ROW}"}))
    assert keypoints(conversion) == [[9.5, 7.5, 2], [89.5, 27.5, 1]]
    assert conversion.left_out == {"box without keypoints": 1}


@pytest.mark.parametrize("more", ["", " 0.87", " 0.87 3"])
def test_predictions_of_ultralytics_have_scores_in_place_of_visibilities(more, tmp_path) -> None:
    """`save_txt` writes scores, `save_conf` the object's score and tracking its number."""
    row = f"0 {BOX} 0.1 0.2 0.98 0.9 0.7 0.49{more}"
    assert keypoints(read_yolo(save(tmp_path, {"train/a": row}))) == [[9.5, 7.5, 2], [0, 0, 0]]


def test_an_empty_flip_idx_is_like_none_and_names_may_be_a_list_for_each_class(tmp_path) -> None:
    source = save(tmp_path, {"train/a": ROW}, flip_idx=[], kpt_names=[["left_ear", "right_ear"]])
    skeleton = read_yolo(source).skeleton
    assert skeleton.keypoints == ("left_ear", "right_ear")
    assert skeleton.horizontal_pairs == (("left_ear", "right_ear"),)


def test_names_and_lines_that_sleap_adds_are_used(tmp_path: Path) -> None:
    more = {"node_names": ["head", "tail"], "skeleton": [[0, 1], [1, 0]]}
    skeleton = read_yolo(save(tmp_path, {"train/a": f"# two animals\n{ROW}"}, **more)).skeleton
    assert skeleton.keypoints == ("head", "tail")
    assert [(link.start, link.end) for link in skeleton.links] == [("tail", "head")]


@pytest.mark.parametrize("name", ["validation", "Validation", "valid"])
def test_the_val_split_may_be_spelt_in_another_way(name, tmp_path: Path) -> None:
    source = save(tmp_path, {"train/a": ROW, "other/b": ROW}, **{name: "images/other"})
    assert splits(read_yolo(source)) == {"images/train/a.jpg": 0, "images/other/b.jpg": 1}


def test_a_label_file_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    source = save(tmp_path, {"train/a": ROW, "train/b": ROW[:-9]})
    with pytest.warns(SimplebaseWarning, match=r"1 of 2 label files .*\n.*b\.txt, line 1"):
        conversion = read_yolo(source)
    assert len(conversion.records) == 1
    assert conversion.left_out["file: cannot be read"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kpt_shape": None}, "has no kpt_shape"),
        (
            {"kpt_shape": [2, 4]},
            r"kpt_shape must be \[number of keypoints, 2 or 3\]. Received: \[2, 4\]",
        ),
        ({"kpt_shape": 17}, "Received: 17"),
        ({"names": None}, "names: expected a mapping"),
        ({"names": []}, "names is empty"),
        ({"flip_idx": [0]}, "the numbers 0 to 1, each once"),
        ({"kpt_shape": [3, 3], "flip_idx": [1, 2, 0]}, "keypoint 0 becomes 1, but 1 becomes 2"),
        ({"kpt_names": ["nose"]}, "kpt_shape says 2 keypoints. Received: 1 names"),
        ({"kpt_names": ["nose", "nose"]}, "nose"),
        (
            {"names": ["a", "b"], "kpt_names": {0: ["x", "y"], 1: ["y", "x"]}},
            "different kpt_names",
        ),
        ({"train": 7}, "train: expected a string"),
    ],
)
def test_a_data_yaml_that_is_wrong_is_refused(settings, message, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_yolo(save(tmp_path, {"train/a": ROW}, **settings))


def test_what_is_no_yolo_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        read_yolo(tmp_path / "absent")
    with pytest.raises(MissingFileError, match="It has no YAML file"):
        read_yolo(tmp_path)
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("data.yaml", "")
    with pytest.raises(DataError, match="is a zip archive. Unpack it"):
        read_yolo(tmp_path / "data.zip")
    other = tmp_path / "coco.json"
    other.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(DataError, match="has no kpt_shape"):
        read_yolo(other)
    with pytest.raises(MissingFileError, match="none of train has an image below"):
        read_yolo(save(tmp_path, {}, train="train"))


def test_damaged_files_are_refused_by_our_own_errors(tmp_path: Path) -> None:
    draw = random.Random(7)
    source = save(tmp_path, {"train/a": ROW}, flip_idx=[1, 0], kpt_names=["a", "b"])
    names = ("data.yaml", "labels/train/a.txt")
    whole = {name: (source / name).read_bytes() for name in names}
    for _ in range(100):
        name = draw.choice(names)
        content = bytearray(whole[name])
        for _ in range(draw.randint(0, 3)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        (source / name).write_bytes(content[: draw.randint(1, len(content))])
        try:
            conversion = read_yolo(source)
            conversion.require_records()
        except SimplebaseError as error:
            assert str(error).endswith((".", "?")), str(error)
        (source / name).write_bytes(whole[name])


@pytest.mark.parametrize(
    ("folder", "image", "expected"),
    [
        (
            "roboflow_sitting_posture",
            "-0000_",
            [(526.86, 608.70), (974.86, 633.85), (639.98, 430.89)],
        ),
        (
            "roboflow_sitting_posture",
            "-0032_",
            [(490.43, 654.35), (897.48, 599.86), (518.79, 450.37)],
        ),
        ("datumaro_yolov8_pose", "1.jpg", [(1.5, 2.0), (4.5, 4.0), (7.5, 6.0)]),
        (
            "datumaro_yolov8_pose_two_values_per_point",
            "1.jpg",
            [(1.5, 2.0), (4.5, 4.0), (7.5, 6.0)],
        ),
    ],
)
def test_real_files_have_their_known_coordinates(folder, image, expected, shared: Path) -> None:
    source = shared / "data/labels/yolo_pose" / folder
    if not source.is_dir():
        pytest.skip(f"{source} is absent")
    conversion = read_yolo(source)
    (record,) = [each for each in conversion.records if image in each["img_paths"]]
    found = np.array(record["joint_self"])[: len(expected)]
    # SOURCE.txt has fraction times side, where the first pixel reaches from 0 to 1.
    assert np.abs(found[:, :2] + 0.5 - expected).max() < 0.01
    assert (found[:, 2] == 2).all()
