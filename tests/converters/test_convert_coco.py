"""COCO files to our datasets."""

import copy
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import damaged, readable_or_refused, write_image
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase import load_preset, load_skeleton
from simplebase.converters import read_coco, to_coco, write_dataset
from simplebase.converters.limbs import LIMBS, scale_from_limbs
from simplebase.data.checking import check_dataset
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.metadata import ModelMetadata

COW = ["nose", "left_horn", "right_horn", "tail"]


def document(*annotations: dict[str, Any], images: int = 3) -> dict[str, Any]:
    """Three images `0.jpg`... and annotations of the category `cow`."""
    return {
        "images": [{"id": 10 + i, "file_name": f"{i}.jpg"} for i in range(images)],
        "categories": [
            {"id": 7, "name": "cow", "keypoints": COW, "skeleton": [[1, 2], [1, 3], [2, 3], [1, 4]]}
        ],
        "annotations": list(annotations),
    }


def cow(image: int = 0, **more: Any) -> dict[str, Any]:
    keypoints = [3, 4, 2, 5, 6, 1, 0, 0, 0, 8, 9, 2]
    fields = {"id": 5, "image_id": 10 + image, "category_id": 7, "keypoints": keypoints}
    return fields | {"bbox": [10, 20, 100, 41], "area": 1234.5, "iscrowd": 0} | more


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for index in range(3):
        write_image(tmp_path / "source" / f"{index}.jpg")
    return tmp_path / "source"


def save(tmp_path: Path, content: Any, name: str = "annotations.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def read(tmp_path: Path, content: Any, **options: Any) -> Any:
    path = save(tmp_path, content)
    return read_coco(tmp_path / "source", train_annotations=path, **({"val_split": 0} | options))


def test_one_object_by_hand(tmp_path, source, written) -> None:
    records = written(read(tmp_path, document(cow()))).records
    assert records.keypoints[0].tolist() == [[3, 4, 2], [5, 6, 1], [0, 0, 0], [8, 9, 2]]
    # Pixel centres 10 to 109 and 20 to 60.
    assert records.centers[0].tolist() == [59.5, 40]
    assert records.scales[0] == 0.5
    assert records.boxes[0].tolist() == [10, 20, 100, 41]
    assert (records.areas[0], records.image_ids[0], records.annotation_ids[0]) == (1234.5, 10, 5)


def test_links_count_from_one_and_pairs_come_from_the_names(tmp_path, source) -> None:
    conversion = read(tmp_path, document(cow()))
    skeleton = conversion.skeleton
    assert skeleton.name == "cow"
    assert skeleton.horizontal_pairs == (("left_horn", "right_horn"),)
    assert [(link.start, link.end, link.colour) for link in skeleton.links] == [
        ("nose", "left_horn", "b"),
        ("nose", "right_horn", "r"),
        ("left_horn", "right_horn", "g"),
        ("nose", "tail", "g"),
    ]
    assert "left_horn/right_horn" in conversion.notes[0]


def test_a_file_whose_links_count_from_zero_is_understood(tmp_path, source) -> None:
    content = document(cow())
    content["categories"][0]["skeleton"] = [[0, 3]]
    (link,) = read(tmp_path, content).skeleton.links
    assert (link.start, link.end) == ("nose", "tail")


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path, source) -> None:
    content = document(
        cow(),
        cow(iscrowd=1),
        cow(keypoints=[0] * 12),
        {k: v for k, v in cow().items() if k != "keypoints"},
        cow(bbox=[1, 2, -3, 5]),
        cow(bbox=[float("nan")] * 4),
        cow(image=3),
        cow(image=4),
        cow(category_id=8),
    )
    content["images"] += [
        {"id": 13, "file_name": "gone.jpg"},
        {"id": 14, "file_name": "../secret.jpg"},
    ]
    content["categories"].append({"id": 8, "name": "tree"})
    conversion = read(tmp_path, content)
    assert len(conversion.records) == 1
    assert conversion.left_out == {
        "crowd": 1,
        "no labelled keypoint": 2,
        "box of negative or infinite size, or NaN": 2,
        "image not found": 1,
        "image path leaves the folder": 1,
        "of another category": 1,
    }


@pytest.mark.parametrize(
    "box",
    ["absent", None, [], [3, 4, 0, 5], [3, 4, 5, 0], [0, 0, 0, 0], [3, 4, 1, 1], [3, 4, 1e-9, 5]],
)
def test_without_a_box_that_tells_a_size_the_keypoints_tell_the_size(tmp_path, source, box) -> None:
    boxless = cow(bbox=box, area=0)
    if box == "absent":
        del boxless["bbox"]
    conversion = read(tmp_path, document(cow(), boxless))
    record = conversion.records[1]
    # Keypoints from 3 to 8 and from 4 to 9, a tenth larger.
    assert record["objpos"] == [5.5, 6.5]
    assert record["scale_provided"] == pytest.approx(1.1 * 5 / 200)
    assert "bbox" not in record
    # Whole pixels included, as the dataset's own ground truth has it.
    assert record["area"] == 6 * 6
    assert "without a box, or with one at most a pixel wide or high: 1;" in conversion.notes[-1]


ONE_POINT = [3, 4, 2] + [0] * 9


def test_a_single_point_without_a_box_gets_the_median_size_of_the_others(tmp_path, source) -> None:
    boxes = [cow(bbox=[0, 0, width, 10]) for width in (20, 30, 100)]
    single = cow(keypoints=ONE_POINT, bbox=[3, 4, 0, 0])
    conversion = read(tmp_path, document(*boxes, single))
    record = conversion.records[3]
    assert (record["objpos"], record["scale_provided"]) == ([3, 4], 30 / 200)
    note = "one labelled keypoint and no usable box: 1; they get the median size of the other"
    assert note in conversion.notes[-1] and "objects, 30 px" in conversion.notes[-1]


def test_keypoints_in_one_pixel_tell_no_size(tmp_path, source) -> None:
    together = cow(keypoints=[3, 4, 2, 3.3, 4, 2] + [0] * 6, bbox=[3, 4, 0.3, 0])
    record = read(tmp_path, document(cow(bbox=[0, 0, 20, 10]), together)).records[1]
    assert (record["objpos"], record["scale_provided"]) == ([3.15, 4], 20 / 200)


def test_where_nothing_has_a_size_the_object_is_the_whole_image(tmp_path, source, written) -> None:
    """As in every export of CVAT with one keypoint an object."""
    singles = [cow(i, keypoints=ONE_POINT, bbox=[3, 4, 0, 0], area=0, id=i + 1) for i in range(3)]
    conversion = read(tmp_path, document(*singles))
    records = written(conversion).records
    # The images are 30 wide and 40 high.
    assert records.centers.tolist() == [[14.5, 19.5]] * 3
    assert records.scales.tolist() == [0.2] * 3
    assert "so each is the whole image" in conversion.notes[-1]


def test_several_single_points_in_an_image_are_warned_of(tmp_path, source) -> None:
    singles = [cow(i, keypoints=ONE_POINT, bbox=None) for i in (0, 0, 1)]
    conversion = read(tmp_path, document(*singles))
    with pytest.warns(SimplebaseWarning, match=r"1 of 2 images have several.*such as 0\.jpg"):
        report = write_dataset(conversion, tmp_path / "out")
    assert (report.train_records, len(report.warnings)) == (3, 1)


def test_an_unreadable_image_gives_a_single_point_no_size(tmp_path, source) -> None:
    (source / "0.jpg").write_text("<html>")
    singles = [cow(i, keypoints=ONE_POINT, bbox=None) for i in range(2)]
    content = document(*singles)
    assert read(tmp_path, content).left_out == {"no size: the image cannot be read": 1}
    content["images"][0].update(width=50, height=60)
    assert [r["scale_provided"] for r in read(tmp_path, content).records] == [0.3, 0.2]


def test_an_image_of_the_train_file_is_not_taken_for_another_one_of_the_val_file(
    tmp_path, source
) -> None:
    """Cameras count from 0 alike; here are the images of one of them only."""
    val = document(cow())
    val["images"][0]["file_name"] = "/home/me/camera2/0.jpg"
    files = {
        "train_annotations": save(tmp_path, document(cow()), "train.json"),
        "val_annotations": save(tmp_path, val, "val.json"),
    }
    conversion = read_coco(source, **files)
    assert [record["isValidation"] for record in conversion.records] == [0.0]
    assert conversion.left_out == {"image path leaves the folder": 1}

    train = document(cow())
    train["images"][0]["file_name"] = "/home/me/camera1/0.jpg"
    save(tmp_path, train, "train.json")
    with pytest.raises(
        DataError, match=r"camera1/0.*camera2/0.* only one such image was found, .*0\.jpg"
    ):
        read_coco(source, **files)


def test_a_size_is_kept_that_only_the_second_entry_of_an_image_states(tmp_path, source) -> None:
    """Label Studio writes an image once for each annotator."""
    content = document(cow())
    content["images"][0] |= {"width": 0, "height": None}
    content["images"].append({"id": 10, "file_name": "./0.jpg", "width": 60, "height": 80})
    assert read(tmp_path, content).stated_sizes == {"0.jpg": (80, 60)}


def test_one_image_id_for_two_files_is_refused(tmp_path, source) -> None:
    content = document(cow())
    content["images"].append({"id": 10, "file_name": "2.jpg"})
    with pytest.raises(DataError, match=r"images\[3\]: the image id 10 .*'0\.jpg' and '2\.jpg'"):
        read(tmp_path, content)


def test_one_image_id_twice_for_the_same_file_is_fine(tmp_path, source) -> None:
    content = document(cow())
    content["images"] += [{"id": 10, "file_name": name} for name in ("0.jpg", r".\0.jpg")]
    assert len(read(tmp_path, content).records) == 1


def test_one_category_id_for_two_categories_is_refused(tmp_path, source) -> None:
    content = document(cow())
    content["categories"].append({"id": 7, "name": "tree"})
    with pytest.raises(DataError, match=r"categories\[1\]: the category id 7 .*'cow' and 'tree'"):
        read(tmp_path, content)


def test_categories_of_one_name_are_converted_if_their_keypoints_are_the_same(
    tmp_path, source
) -> None:
    content = document(cow(), cow(category_id=8))
    content["categories"].append(content["categories"][0] | {"id": 8})
    assert len(read(tmp_path, content, category="cow").records) == 2
    content["categories"][1]["keypoints"] = COW[::-1]
    with pytest.raises(DataError, match="categories 7 and 8 are both called 'cow'"):
        read(tmp_path, content, category="cow")


def test_names_with_spaces_reach_the_models_metadata(tmp_path, source, written) -> None:
    content = document(cow())
    names = [" nose ", "left  horn", "right  horn", "tail\u00a0tip"]
    content["categories"][0].update(name="dairy cow ", keypoints=names)
    dataset = written(read(tmp_path, content, category=" dairy cow"))
    skeleton = dataset.skeleton
    assert skeleton.keypoints == ("nose", "left  horn", "right  horn", "tail\u00a0tip")
    assert skeleton.horizontal_pairs == (("left  horn", "right  horn"),)
    assert [(link.start, link.end) for link in skeleton.links][-1] == ("nose", "tail\u00a0tip")
    assert not [f for f in check_dataset(tmp_path / "written").findings if f.severity == "error"]
    metadata = ModelMetadata.from_preset(load_preset("peleenet_upsample_lite"), skeleton)
    kept = json.loads(json.dumps(metadata.to_config()))
    assert ModelMetadata.from_config(kept).skeleton == skeleton


def test_keypoints_that_differ_only_in_outer_spaces_are_refused(tmp_path, source) -> None:
    content = document(cow())
    content["categories"][0]["keypoints"] = ["nose", "horn", "horn ", "tail"]
    with pytest.raises(DataError, match=r"'horn' and 'horn ' are the same name"):
        read(tmp_path, content)


def test_categories_with_different_keypoints_need_a_choice(tmp_path, source) -> None:
    content = document(cow(), cow(category_id=8, keypoints=[1, 2, 2]))
    content["categories"].append({"id": 8, "name": "pole", "keypoints": ["top"]})
    with pytest.raises(DataError, match="cow, pole have different keypoints.*--category"):
        read(tmp_path, content)
    assert read(tmp_path, content, category="pole").skeleton.keypoints == ("top",)
    with pytest.raises(ArgumentError, match="no keypoint category 'dog'; it has cow, pole"):
        read(tmp_path, content, category="dog")


def test_two_files_are_the_two_splits_and_share_no_image(tmp_path, source) -> None:
    train = save(tmp_path, document(cow(0), cow(1)), "train.json")
    val = save(tmp_path, document(cow(1), cow(2)), "val.json")
    conversion = read_coco(source, train_annotations=train, val_annotations=val)
    split = [(r["img_paths"], r["isValidation"]) for r in conversion.records]
    assert split == [("0.jpg", 0), ("1.jpg", 1), ("2.jpg", 1)]
    assert conversion.left_out == {"train record whose image is in the val file": 1}


def test_image_ids_of_both_splits_are_told_of(tmp_path, source) -> None:
    other = document(cow(0), cow(1))
    other["images"][0]["file_name"] = "2.jpg"
    train = save(tmp_path, document(cow(0)), "train.json")
    val = save(tmp_path, other, "val.json")
    conversion = read_coco(source, train_annotations=train, val_annotations=val)
    assert [record["image_id"] for record in conversion.records] == [10, 10, 11]
    assert (
        "stand for one image in train and for another in val: 1, such as 10."
        in (conversion.notes[-1])
    )
    # 11 is in the val split only, and 10 of the same image in both.
    val = save(tmp_path, document(cow(0), cow(1)), "val.json")
    conversion = read_coco(source, train_annotations=train, val_annotations=val)
    assert not any("image ids" in note for note in conversion.notes)


@pytest.mark.parametrize("which", ["train_annotations", "val_annotations"])
def test_of_one_file_the_split_is_drawn(tmp_path, source, which) -> None:
    path = save(tmp_path, document(cow(0), cow(0), cow(1), cow(2)))
    records = read_coco(source, **{which: path}, val_split=0.3).records
    held_out = {r["img_paths"] for r in records if r["isValidation"]}
    kept = {r["img_paths"] for r in records if not r["isValidation"]}
    assert (len(held_out), len(kept)) == (1, 2)
    assert not held_out & kept


def test_no_file_is_refused(source) -> None:
    with pytest.raises(ArgumentError, match="--train-annotations"):
        read_coco(source)


def test_images_are_found_in_the_splits_own_subfolder(tmp_path) -> None:
    for split, height in (("train2017", 40), ("val2017", 50)):
        write_image(tmp_path / "source" / split / "0.jpg", height)
    files = {f"{split}_annotations": save(tmp_path, document(cow())) for split in ("train", "val")}
    paths = [r["img_paths"] for r in read_coco(tmp_path / "source", **files).records]
    assert paths == ["train2017/0.jpg", "val2017/0.jpg"]


def test_an_image_that_one_split_lacks_is_not_taken_from_the_other(tmp_path) -> None:
    source = tmp_path / "source"
    for folder in ("train2017", "val2017", "images/validation"):
        write_image(source / folder / "0.jpg")
    for folder in ("val2017", "images/validation", "images/VALID", "train2017/val"):
        write_image(source / folder / "1.jpg")
    conversion = read(tmp_path, document(cow(0), cow(1)))
    # train2017/val is both and so may be the train split's.
    paths = [record["img_paths"] for record in conversion.records]
    assert paths == ["train2017/0.jpg", "train2017/val/1.jpg"]
    (source / "train2017/val/1.jpg").unlink()
    assert read(tmp_path, document(cow(0), cow(1))).left_out == {"image not found": 1}


@pytest.mark.parametrize("folder", ["herd", "interval", "trainval", "test2017"])
def test_a_folder_that_is_named_after_no_split_is_searched_for_both(tmp_path, folder) -> None:
    write_image(tmp_path / "source" / folder / "0.jpg")
    path = save(tmp_path, document(cow()))
    for split in ("train", "val"):
        records = read_coco(tmp_path / "source", **{f"{split}_annotations": path}).records
        assert [record["img_paths"] for record in records] == [f"{folder}/0.jpg"]


def test_an_image_name_that_fits_two_folders_is_refused(tmp_path) -> None:
    for folder in ("seq2", "seq1"):
        write_image(tmp_path / "source" / folder / "0.jpg")
    several = r"several images are called 0\.jpg: .*seq1/0\.jpg and .*seq2/0\.jpg"
    with pytest.raises(DataError, match=several):
        read(tmp_path, document(cow()))
    content = document(cow())
    content["images"][0]["file_name"] = "seq2/0.jpg"
    assert read(tmp_path, content).records[0]["img_paths"] == "seq2/0.jpg"
    # The image folder's own image comes before those of its subfolders.
    write_image(tmp_path / "source" / "0.jpg")
    assert read(tmp_path, document(cow())).records[0]["img_paths"] == "0.jpg"


def test_the_annotation_files_are_sources(tmp_path, source) -> None:
    train, val = (save(tmp_path, document(cow(i)), f"{i}.json") for i in range(2))
    conversion = read_coco(source, train_annotations=train, val_annotations=val)
    assert conversion.sources == [train, val]


def test_windows_paths_are_understood(tmp_path) -> None:
    write_image(tmp_path / "source" / "herd" / "0.jpg")
    content = document(cow())
    content["images"][0]["file_name"] = r"herd\0.jpg"
    assert read(tmp_path, content).records[0]["img_paths"] == "herd/0.jpg"


def test_paths_of_another_machine_are_found_by_name_and_counted(tmp_path, source) -> None:
    content = document(cow(0), cow(1), cow(2))
    for image, name in zip(content["images"], ("/x/0.jpg", "..\\1.JPG", "2.jpg"), strict=True):
        image["file_name"] = name
    conversion = read(tmp_path, content)
    assert [r["img_paths"] for r in conversion.records] == ["0.jpg", "1.jpg", "2.jpg"]
    assert "does not exist: 2, such as 0.jpg for '/x/0.jpg'" in conversion.notes[-1]


def test_a_record_of_ours_is_found_by_name_too(tmp_path, source, written) -> None:
    """A tool kept what `to-coco` writes, and made addresses of the file names."""
    written(read(tmp_path, document(cow())), "ours")
    to_coco(tmp_path / "ours", tmp_path / "coco", images="link")
    content = json.loads((tmp_path / "coco/annotations/train.json").read_text())
    content["images"][0]["file_name"] = "https://host.example/upload/0.jpg"
    assert read(tmp_path, content).records[0]["img_paths"] == "0.jpg"


@pytest.mark.parametrize(("width", "height", "warned"), [(40, 30, 1), (30, 40, 0), ("0", None, 0)])
def test_the_size_that_the_file_states_is_compared(tmp_path, source, width, height, warned) -> None:
    content = document(cow(), cow(1))
    content["images"][0].update(width=width, height=height)
    conversion = read(tmp_path, content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = write_dataset(conversion, tmp_path / "out")
    assert [str(each.message) for each in caught] == report.warnings
    assert len(caught) == warned
    assert not warned or "1 of 1 images have width and height swapped" in report.warnings[0]


def test_all_images_missing_says_where_they_were_looked_for(tmp_path, source, written) -> None:
    content = document(cow())
    content["images"][0]["file_name"] = "gone.jpg"
    with pytest.raises(DataError, match=f"{source}: no image of the 1 record .*'gone.jpg'"):
        written(read(tmp_path, content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "is not a COCO file: .* Received: a mapping with 'categories'"),
        (lambda d: d["annotations"][0].update(image_id=99), r"\[0\]: no image has the id 99"),
        (lambda d: d["annotations"][0].update(category_id=99), "no category has the id 99"),
        (lambda d: d["annotations"][0].update(keypoints=[1, 2, 2]), r"\[0\]\.keypoints: .* 12 num"),
        (lambda d: d["annotations"][0]["keypoints"].__setitem__(2, 3), "visibility 0, 1 or 2"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, "3", 4]), r"bbox: .*'3'"),
        (lambda d: d["annotations"][0].update(id="x"), r"annotations\[0\]\.id: .*whole number"),
        (lambda d: d["categories"][0].update(keypoints=5), r"categories\[0\]\.keypoints: .* list"),
        (lambda d: d["categories"][0]["keypoints"].__setitem__(0, "tail"), "'tail' occurs twice"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, source, change, message) -> None:
    content = copy.deepcopy(document(cow()))
    change(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("text", ["<html>404</html>", '{"images": [', ""])
def test_what_is_no_json_is_refused(tmp_path, source, text) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        read_coco(source, train_annotations=tmp_path / "a.json")
    with pytest.raises(MissingFileError, match="image folder"):
        read_coco(tmp_path / "none", train_annotations=tmp_path / "a.json")


def test_real_people(shared, written) -> None:
    folder = shared / "data" / "coco"
    names = {
        f"{split}_annotations": folder / "annotations" / f"person_keypoints_{split}2017.json"
        for split in ("train", "val")
    }
    conversion = read_coco(folder / "images", **names)
    # Counted in the files: 159 and 37 have a keypoint and are no crowd.
    dataset = written(conversion)
    assert (len(dataset.train), len(dataset.validation)) == (159, 37)
    assert conversion.left_out == {"crowd": 9, "no labelled keypoint": 153}
    assert dataset.skeleton.horizontal_pairs == load_skeleton("coco").horizontal_pairs
    dataset.images.require()
    first = next(
        a
        for a in json.loads(names["train_annotations"].read_text())["annotations"]
        if a["id"] == dataset.records.annotation_ids[0]
    )
    assert dataset.records.boxes[0].tolist() == first["bbox"]


def test_ap10k_is_read_as_it_is(shared) -> None:
    """54 categories with the same 17 keypoints, which are the built-in ones."""
    source = shared / "data" / "labels" / "ap10k"
    conversion = read_coco(source, train_annotations=source / "test_ap10k.json")
    assert conversion.skeleton == load_skeleton("ap10k")
    found = {record["img_paths"]: record["joint_self"] for record in conversion.records}
    assert len(found) == 2
    assert found["000000037516.jpg"][:3] == [[134, 415, 2], [0, 0, 0], [94, 475, 2]]


def test_exports_of_tools_have_the_coordinates_that_their_sources_give(shared, tmp_path) -> None:
    labels = shared / "data" / "labels"
    cvat = labels / "cvat_coco_keypoints" / "doorknob"
    file = cvat / "person_keypoints_default.json"
    doors = read_coco(cvat / "images", train_annotations=file)
    found = [(record["img_paths"], record["joint_self"]) for record in doors.records]
    assert [path for path, _ in found] == ["0000097.jpg", "0000263.jpg", "0000263.jpg"]
    assert found[0][1][:3] == [[1128.80, 420.03, 2], [1709.09, 453.75, 2], [1679.93, 887.32, 2]]
    assert found[1][1][0] == [1367.87, 433.39, 2]
    assert doors.left_out == {"image not found": 639}
    name = "out8_frame_0029_png.rf.214cce6bb3ae771154f090f8010467bb.jpg"
    write_image(tmp_path / name, 24, 32)
    file = labels / "roboflow_coco_keypoints" / "_annotations.coco.json"
    people = read_coco(tmp_path, train_annotations=file)
    (person,) = people.records
    points = dict(zip(people.skeleton.keypoints, person["joint_self"], strict=True))
    assert points["Hips"][:2] == [2028.823, 994.706] and points["RHip"][:2] == [2015.882, 1002.941]
    assert points["RKnee"][:2] == [2024.118, 1103.529]
    assert person["bbox"] == [1908, 829, 287.059, 386.471]


def test_the_limb_fractions_are_those_of_mpii(shared) -> None:
    """Measured again: mean distance over `200 * scale` where both ends are labelled."""
    from simplebase.data.records import read_records

    path = shared / "data" / "mpii" / "annotations_all_25204.json.gz"
    records = read_records(path, 16, "mpii")
    names = load_skeleton("mpii").keypoints
    for start, end, fraction in LIMBS:
        first, second = (records.keypoints[:, names.index(name)] for name in (start, end))
        both = (first[:, 2] > 0) & (second[:, 2] > 0)
        length = np.linalg.norm(first[both, :2] - second[both, :2], axis=1)
        assert np.mean(length / (200 * records.scales[both])) == pytest.approx(fraction, abs=1e-4)


def test_the_first_labelled_limb_gives_the_height() -> None:
    skeleton = load_skeleton("coco")
    keypoints = np.zeros((17, 3))
    keypoints[skeleton.keypoints.index("left_hip")] = (10, 10, 2)
    assert scale_from_limbs(keypoints, skeleton) is None
    keypoints[skeleton.keypoints.index("left_knee")] = (40, 50, 1)  # 50 pixels of thigh
    assert scale_from_limbs(keypoints, skeleton) == pytest.approx(50 / 0.2217 / 200)
    keypoints[skeleton.keypoints.index("left_shoulder")] = (10, 110, 2)  # the torso comes first
    assert scale_from_limbs(keypoints, skeleton) == pytest.approx(100 / 0.2877 / 200)


def test_limbs_are_for_people(tmp_path, source) -> None:
    with pytest.raises(ArgumentError, match="--scale-from limbs is for people.*nose, left_horn"):
        read(tmp_path, document(cow()), scale_from="limbs")


def test_a_person_without_a_limb_is_left_out(tmp_path, source) -> None:
    person = [0] * 51
    person[2] = person[5] = 2
    content = document(cow(keypoints=person))
    content["categories"][0].update(keypoints=list(load_skeleton("coco").keypoints), skeleton=[])
    assert read(tmp_path, content, scale_from="limbs").left_out == {"no labelled limb": 1}


@given(damaged(document(cow(), cow(1, id=6), images=2)), st.sampled_from(["box", "limbs"]))
@settings(deadline=None, max_examples=60)
def test_damaged_files_are_refused_with_our_errors(content, scale_from) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder) / "source" / "0.jpg")
        path = Path(folder) / "a.json"
        path.write_bytes(content)
        readable_or_refused(
            lambda: read_coco(
                Path(folder) / "source", train_annotations=path, scale_from=scale_from
            ),
            Path(folder) / "out",
        )


def test_keypoints_may_be_a_list_each(tmp_path, source) -> None:
    nested = cow(keypoints=[[3, 4, 2], [5, 6, 1], [0, 0, 0], [8, 9, 2]])
    assert read(tmp_path, document(nested)).records == read(tmp_path, document(cow())).records
    content = document(nested)
    del content["categories"]
    assert read(tmp_path, content).skeleton.num_keypoints == 4


def test_ids_may_be_texts_of_digits(tmp_path, source) -> None:
    content = document(cow())
    content["images"][0]["id"] = "10"
    content["categories"][0]["id"] = "7"
    content["annotations"][0]["id"] = "000000000005"
    assert read(tmp_path, content).records == read(tmp_path, document(cow())).records
    content["annotations"][0] |= {"image_id": "10", "category_id": "07"}
    assert read(tmp_path, content).records == read(tmp_path, document(cow())).records
