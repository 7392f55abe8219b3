"""Telling the format of a dataset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversion_checks import write_image

from simplebase import converters
from simplebase.converters.recognition.clues import json_keys
from simplebase.converters.recognition.recognising import FORMATS, recognise
from simplebase.errors import DataError, MissingFileError

MATLAB = "MATLAB 5.0 MAT-file, Platform: GLNXA64"
COCO = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}
LABELME = {"version": "5.0", "shapes": [{"label": "nose"}], "imagePath": "a.jpg"}
CASES: dict[str, tuple[str, Any, str]] = {
    "yolo": ("data.yaml", "train: images\nkpt_shape: [4, 3]\n", "data.yaml"),
    "cvat": ("a.xml", '<?xml version="1.0"?>\n<annotations>\n<version>1.1', ""),
    "label-studio": ("export.json", [{"id": 1, "annotations": [], "data": {}}], "export.json"),
    "deeplabcut": ("project/config.yaml", "Task: reach\nbodyparts:\n- hand\n", "project"),
    "lightning-pose": ("CollectedData.csv", "scorer,me,me\nbodyparts,", "CollectedData.csv"),
    "sleap": ("labels.v001.slp", "\x89HDF", "labels.v001.slp"),
    "labelme": ("deep/a.json", LABELME, ""),
    "via": ("via.csv", "#filename,file_size,region_shape_attributes\n", "via.csv"),
    "datumaro": (
        "export/annotations/default.json",
        {"info": {}, "categories": {"label": {}}, "items": []},
        "export",
    ),
    "coco": ("labels.json", COCO, ""),
    "animal-pose": ("keypoints.json", COCO | {"images": {"1": "a.jpg"}}, ""),
    "pts": ("faces/a.pts", "version: 1\nn_points: 68\n{", ""),
    "pose-outputs": ("a_keypoints.json", {"version": 1.3, "people": []}, ""),
    "mpii": ("mpii_human_pose_v1_u12_1.mat", MATLAB, "mpii_human_pose_v1_u12_1.mat"),
    "lsp": ("lsp/joints.mat", MATLAB, "lsp"),
}
MORE: list[tuple[str, str, Any]] = [
    ("via", "a.json", {"_via_settings": {}, "_via_img_metadata": {}}),
    ("via", "a.json", {"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": []}}),
    ("label-studio", "a.json", [{"image": "a.jpg", "annotation_id": 1, "annotator": 1}]),
    ("pose-outputs", "a.json", [{"image_id": "a.jpg", "keypoints": [1, 2, 0.5]}]),
    ("pose-outputs", "a.json", {"landmarks": [{"x": 0.5}]}),
    ("pose-outputs", "a.pbtxt", "landmarks {\n  landmark {\n"),
    ("pts", "a.ljson", {"version": 2}),
    ("deeplabcut", "labeled-data/v/CollectedData_me.csv", "scorer,me,me\n"),
]


def save(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_each_format_has_a_case_and_a_reader() -> None:
    assert CASES.keys() == FORMATS.keys()
    for name in FORMATS:
        assert isinstance(getattr(converters, f"read_{name.replace('-', '_')}"), Callable)


@pytest.mark.parametrize("name", CASES)
def test_a_format_is_told_by_its_files(tmp_path, name) -> None:
    file, content, source = CASES[name]
    save(tmp_path, file, content)
    write_image(tmp_path / "a.jpg")
    save(tmp_path, "README.txt", "shapes, people, kpt_shape: all words, but in no label file")
    recognised = recognise(tmp_path)
    assert recognised.format == name
    assert recognised.evidence.source == tmp_path / source
    assert recognised.evidence.reason.startswith(Path(file).name) or file in str(
        recognised.evidence.reason
    )


@pytest.mark.parametrize(("name", "file", "content"), MORE)
def test_other_forms_of_a_format_are_told_too(tmp_path, name, file, content) -> None:
    save(tmp_path, file, content)
    assert recognise(tmp_path).format == name


def test_the_source_is_read_by_the_formats_reader(tmp_path) -> None:
    points = [
        {"label": n, "points": [[9, y]], "shape_type": "point"} for n, y in (("a", 3), ("b", 20))
    ]
    save(tmp_path, "a.json", LABELME | {"shapes": points})
    write_image(tmp_path / "a.jpg")
    assert recognise(tmp_path).read(val_split=0).records[0]["joint_self"] == [
        [8.5, 2.5, 2],
        [8.5, 19.5, 2],
    ]


def test_two_coco_files_called_train_and_val_are_the_splits(tmp_path) -> None:
    for name in ("person_keypoints_train.json", "person_keypoints_val.json", "captions_val.json"):
        save(tmp_path, f"annotations/{name}", COCO)
    evidence = recognise(tmp_path).evidence
    assert {key: path.name for key, path in evidence.arguments.items()} == {
        "train_annotations": "person_keypoints_train.json",
        "val_annotations": "person_keypoints_val.json",
    }
    assert evidence.source == tmp_path
    save(tmp_path, "annotations/person_keypoints_test.json", COCO)
    evidence = recognise(tmp_path).evidence
    assert evidence.reason.endswith("person_keypoints_test.json is not converted")
    assert evidence.arguments["val_annotations"].name == "person_keypoints_val.json"
    save(tmp_path, "annotations/person_keypoints_val2.json", COCO)
    with pytest.raises(DataError, match="several COCO files: .*--train-annotations"):
        recognise(tmp_path)


def test_a_folder_called_latest_is_no_test_split(tmp_path) -> None:
    for name in ("train", "val"):
        save(tmp_path, f"latest/{name}.json", COCO)
    arguments = recognise(tmp_path).evidence.arguments
    assert [path.name for path in arguments.values()] == ["train.json", "val.json"]


def test_without_val_the_test_file_is_the_validation_split(tmp_path) -> None:
    for name in ("train", "test"):
        save(tmp_path, f"{name}/_annotations.coco.json", COCO)
    arguments = recognise(tmp_path).evidence.arguments
    assert {key: path.parent.name for key, path in arguments.items()} == {
        "train_annotations": "train",
        "val_annotations": "test",
    }


def test_a_folder_of_lightning_pose_is_no_project_of_deeplabcut(tmp_path) -> None:
    """Both have `labeled-data`, but the table is beside it."""
    table = CASES["lightning-pose"][1]
    save(tmp_path, "CollectedData.csv", table)
    save(tmp_path, "labeled-data/clip/README.txt", "frames")
    assert recognise(tmp_path).format == "lightning-pose"
    save(tmp_path, "CollectedData_new.csv", table)
    assert recognise(tmp_path).evidence.source == tmp_path


def test_the_description_of_a_network_is_no_dataset(tmp_path) -> None:
    save(tmp_path, "data.yaml", "kpt_shape: [17, 3]\ntrain: images\n")
    save(tmp_path, "yolov8-pose.yaml", "nc: 1\nkpt_shape: [17, 3]\nbackbone:\n  - [-1, 1]\n")
    assert recognise(tmp_path).evidence.source == tmp_path / "data.yaml"


def test_what_is_none_or_several_is_refused_with_the_evidence(tmp_path) -> None:
    save(tmp_path, "a.json", {"nothing": 1})
    with pytest.raises(DataError, match=r"looks like none of yolo, .*Found 1 \.json"):
        recognise(tmp_path)
    save(tmp_path, "b.json", LABELME)
    save(tmp_path, "data.yaml", "kpt_shape: [1, 2]")
    with pytest.raises(DataError, match=r"yolo, because data\.yaml has kpt_shape; labelme, bec"):
        recognise(tmp_path)
    save(tmp_path, "more/data.yaml", "kpt_shape: [1, 2]")
    with pytest.raises(DataError, match=r"each of data\.yaml, more/data\.yaml has kpt_shape"):
        recognise(tmp_path)
    with pytest.raises(MissingFileError, match="does not exist"):
        recognise(tmp_path / "none")


def test_our_own_dataset_needs_no_conversion(tmp_path) -> None:
    save(tmp_path, "annotations.json", [{"img_paths": "a.jpg", "joint_self": []}])
    with pytest.raises(DataError, match="needs no conversion"):
        recognise(tmp_path)


def test_one_labelme_file_stands_for_its_folder(tmp_path) -> None:
    save(tmp_path, "a.json", LABELME)
    with pytest.raises(DataError, match="is a labelme file. Give the folder"):
        recognise(tmp_path / "a.json")


def test_keys_are_found_by_depth_in_a_text_that_is_cut_off() -> None:
    keys = json_keys('{"a": [{"b\\"": "{c", "d": [1]}], "e": {"f": "cut: [')
    assert keys.by_depth == {1: {"a", "e"}, 2: {"f"}, 3: {'b\\"', "d"}}
    assert not keys.is_list
    assert json_keys(" [1").is_list


REAL = {
    "yolo_pose/roboflow_sitting_posture": "yolo",
    "cvat_images_xml/points_mouse": "cvat",
    "deeplabcut": "deeplabcut",
    "lightning_pose": "lightning-pose",
    "sleap/typical.slp": "sleap",
    "labelme/dog_cat": "labelme",
    "label_studio/sdk_keypoints_with_boxes/data_keypoints.json": "label-studio",
    "via": "via",
    "datumaro": "datumaro",
    "ap10k": "coco",
    "roboflow_coco_keypoints": "coco",
    "pts_faces": "pts",
    "pose_outputs/openpose_style": "pose-outputs",
    "pose_outputs/alphapose": "pose-outputs",
    "pose_outputs/mediapipe": "pose-outputs",
    "../lsp": "lsp",
    "../coco": "coco",
    "../animal_pose": "animal-pose",
}


@pytest.mark.parametrize(("source", "name"), REAL.items())
def test_real_files_are_told(shared, source, name) -> None:
    assert recognise(shared / "data" / "labels" / source).format == name
