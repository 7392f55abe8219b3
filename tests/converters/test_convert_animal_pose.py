"""Animal-Pose: nearly COCO, and the differences."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from conversion_checks import damaged, readable_or_refused, write_image
from hypothesis import given, settings

from simplebase import load_skeleton
from simplebase.converters import read_animal_pose
from simplebase.errors import DataError, MissingFileError


def document(**change: Any) -> dict[str, Any]:
    keypoints = [[10 + k, 20 + k, int(k < 18)] for k in range(20)]
    animal = {"image_id": 7, "bbox": [10, 20, 110, 60], "keypoints": keypoints, "category_id": 1}
    return {
        "images": {"7": "a.jpg", "8": "b.jpg"},
        "categories": [{"id": 1, "keypoints": list(load_skeleton("animal_pose").keypoints)}],
        "annotations": [animal | {"num_keypoints": 20} | change],
    }


def write(folder: Path, content: Any) -> Path:
    write_image(folder / "images" / "a.jpg")
    (folder / "keypoints.json").write_text(json.dumps(content))
    return folder


def test_one_animal_by_hand(tmp_path, written) -> None:
    dataset = written(read_animal_pose(write(tmp_path / "a", document())))
    records = dataset.records
    assert records.keypoints[0, 0].tolist() == [10, 20, 2]
    assert records.keypoints[0, 18].tolist() == [0, 0, 0]
    # The file's box is x1 y1 x2 y2.
    assert records.boxes[0].tolist() == [10, 20, 100, 40]
    assert (records.scales[0], records.areas[0], records.image_ids[0]) == (0.5, 4000, 7)
    assert dataset.skeleton.keypoints == load_skeleton("animal_pose").keypoints


def test_the_label_file_is_a_source(tmp_path) -> None:
    folder = write(tmp_path / "a", document())
    assert read_animal_pose(folder).sources == [folder / "keypoints.json"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image_id": 8}, "image not found"),
        ({"keypoints": [[1, 2, 0]] * 20}, "no labelled keypoint"),
        ({"bbox": [10, 20, 10, 60]}, "empty box"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(tmp_path, change, reason) -> None:
    conversion = read_animal_pose(write(tmp_path / "a", document(**change)))
    assert conversion.records == []
    assert conversion.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 9}, r"annotations\[0\]: no image has the id 9"),
        ({"keypoints": [[1, 2, 1]]}, "has 1 rows. Expected 20"),
        ({"keypoints": [[1, 2]] * 20}, r"keypoints\[0\]: expected a list of 3 numbers"),
        ({"bbox": None}, r"bbox: expected a list of 4 numbers. Received: None"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, change, message) -> None:
    with pytest.raises(DataError, match=message):
        read_animal_pose(write(tmp_path / "a", document(**change)))


def test_another_format_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="`simplebase convert coco`"):
        read_animal_pose(write(tmp_path / "a", document() | {"images": []}))
    with pytest.raises(MissingFileError, match="label file"):
        read_animal_pose(tmp_path)


def test_the_real_ones(shared, written) -> None:
    dataset = written(read_animal_pose(shared / "data" / "animal_pose", val_split=0.5))
    assert (len(dataset.train), len(dataset.validation)) == (1, 1)
    cat = dataset.records.select(dataset.records.paths == "ca110.jpeg")
    # As they stand in the file; 17 of its "20" are labelled.
    assert cat.keypoints[0, 0].tolist() == [117, 95, 2]
    assert (cat.keypoints[0, :, 2] > 0).sum() == 17
    assert cat.boxes[0].tolist() == [13, 36, 284, 192]


@given(damaged(document()))
@settings(deadline=None, max_examples=40)
def test_damaged_files_are_refused_with_our_errors(content) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder) / "a", {})
        (source / "keypoints.json").write_bytes(content)
        readable_or_refused(lambda: read_animal_pose(source), Path(folder) / "out")
