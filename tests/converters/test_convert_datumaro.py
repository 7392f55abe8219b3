"""Datumaro's JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from conversion_checks import write_image
from label_fuzz import read_garbled

from simplebase import Skeleton
from simplebase.converters import write_dataset
from simplebase.converters.datumaro.reader import read_datumaro
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning

LABELS = ["dog", "nose", "left_ear", "right_ear", "cat"]
POINTS = [{"label_id": 0, "labels": LABELS[1:4], "joints": [[1, 2], [1, 3]]}]


def points(label: str, *values: float, **more: Any) -> dict[str, Any]:
    fields = {"type": "points", "label_id": LABELS.index(label), "group": 0, "points": [*values]}
    return fields | {"visibility": [2] * (len(values) // 2), "attributes": {}} | more


def dog(*elements: dict[str, Any], group: int = 0) -> dict[str, Any]:
    return {"type": "skeleton", "label_id": 0, "group": group, "elements": [*elements]}


def bbox(*box: float, group: int = 0) -> dict[str, Any]:
    return {"type": "bbox", "label_id": 4, "group": group, "bbox": [*box]}


def document(*items: list[dict[str, Any]], labels: list[str] = LABELS) -> dict[str, Any]:
    return {
        "info": {},
        "categories": {
            "label": {"labels": [{"name": each, "parent": ""} for each in labels]},
            "points": {"items": POINTS},
        },
        "items": [
            {
                "id": name,
                "annotations": annotations,
                "image": {"path": f"{name}.jpg", "size": [200, 300]},
            }
            for name, annotations in zip("abc", items, strict=False)
        ],
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in "abc":
        write_image(tmp_path / "project" / "images" / "default" / f"{name}.jpg", 200, 300)
    return tmp_path / "project"


def save(project: Path, content: Any, subset: str = "default") -> Path:
    path = project / "annotations" / f"{subset}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return project


SKELETON = dog(
    points("left_ear", 50.5, 60.5, attributes={"occluded": True}),
    points("nose", 10.5, 20.5),
    points("right_ear", 70.5, 80, visibility=[0]),
    group=7,
)


def test_a_skeleton_is_an_object_in_the_order_of_its_label(project, written) -> None:
    dataset = written(
        read_datumaro(save(project, document([SKELETON, bbox(1, 2, 90, 95, group=7)])))
    )
    # CVAT's first pixel reaches from 0 to 1, so its centre is at 0.5.
    assert dataset.records.keypoints[0].tolist() == [[10, 20, 2], [50, 60, 1], [0, 0, 0]]
    assert dataset.records.boxes[0].tolist() == [1, 2, 90, 95]
    assert dataset.skeleton.keypoints == ("nose", "left_ear", "right_ear")
    assert dataset.skeleton.horizontal_pairs == (("left_ear", "right_ear"),)
    assert [(link.start, link.end) for link in dataset.skeleton.links] == [
        ("nose", "left_ear"),
        ("nose", "right_ear"),
    ]
    assert dataset.images.name(0).endswith("images/default/a.jpg")


def test_points_of_several_points_are_an_object_named_by_the_label(project) -> None:
    several = points("dog", 10.5, 20.5, 30.5, 40.5, 50, 60, visibility=[1, 2, 0])
    (record,) = read_datumaro(save(project, document([several]))).records
    assert record["joint_self"] == [[10, 20, 1], [30, 40, 2], [0, 0, 0]]
    unknown = points("cat", 10, 20, 30, 40)
    assert read_datumaro(save(project, document([unknown]))).skeleton.keypoints == ("1", "2")


def test_a_group_joins_single_points(project) -> None:
    first = [points("nose", 1, 2, group=1), points("left_ear", 30, 40, group=1)]
    second = [points("nose", 5, 6, group=2), points("left_ear", 70, 80, group=2)]
    conversion = read_datumaro(save(project, document([*first, *second, bbox(0, 0, 9, 9)])))
    assert [record["joint_self"][0] for record in conversion.records] == [
        [0.5, 1.5, 2],
        [4.5, 5.5, 2],
    ]
    assert conversion.left_out == {"annotation: box that is no object's": 1}


def test_the_only_box_around_the_only_object_is_its_box(project) -> None:
    around, beside = bbox(10, 20, 60, 80), bbox(40, 20, 60, 80)
    one = [points("nose", 10.5, 20.5), points("left_ear", 50, 90)]
    conversion = read_datumaro(save(project, document([*one, around], [*one, beside])))
    assert [record.get("bbox") for record in conversion.records] == [[10, 20, 60, 80], None]
    assert conversion.left_out == {"annotation: box that is no object's": 1}


def test_points_without_a_group_are_one_object_unless_one_stands_twice(project) -> None:
    one = [points("nose", 1, 2), points("left_ear", 30, 40)]
    assert len(read_datumaro(save(project, document(one))).records) == 1
    with pytest.raises(DataError, match=r"annotations\[2\]: a second point 'nose' in group 0"):
        read_datumaro(save(project, document([*one, points("nose", 3, 4)])))


def test_with_a_single_label_each_point_is_an_object(project) -> None:
    tips = [{"type": "points", "label_id": 0, "points": [x, 9]} for x in (10, 50)]
    assert len(read_datumaro(save(project, document(tips, tips, labels=["tip"]))).records) == 4


def test_labels_with_different_keypoints_have_to_be_chosen(project) -> None:
    content = document([SKELETON], [points("cat", 1, 2, 30, 40)], [{"type": "polygon"}])
    with pytest.raises(DataError, match="labels dog, cat have different keypoints.*--category"):
        read_datumaro(save(project, content))
    conversion = read_datumaro(project, category="dog")
    assert len(conversion.records) == 1
    assert conversion.left_out == {
        "of another label": 1,
        "annotation: neither points, skeleton nor box": 1,
    }
    with pytest.raises(ArgumentError, match="has no label 'cow'; it has dog, nose"):
        read_datumaro(project, category=["dog", "cow"])


def test_subsets_are_the_splits(project) -> None:
    for subset in ("train", "val", "test"):
        write_image(project / "images" / subset / "a.jpg", 200, 300)
        save(project, document([SKELETON]), subset)
    conversion = read_datumaro(project)
    assert {r["img_paths"]: r["isValidation"] for r in conversion.records} == {
        "images/train/a.jpg": 0,
        "images/val/a.jpg": 1,
    }
    assert conversion.left_out == {"record of the test split": 1}


def test_the_stated_size_is_height_and_width(project, tmp_path) -> None:
    write_image(project / "images" / "default" / "a.jpg", 300, 200)
    conversion = read_datumaro(save(project, document([SKELETON])))
    with pytest.warns(SimplebaseWarning, match=r"swapped.*a\.jpg \(300x200 in.*, 200x300 in"):
        write_dataset(conversion, tmp_path / "out")


BAD = {
    "coco": ({"images": [], "annotations": []}, "is not a Datumaro file"),
    "cut": (json.dumps(document([SKELETON]))[:-9], "is not valid JSON"),
    "label": (document([SKELETON | {"label_id": 9}]), "no label has the id 9; there are 5"),
    "twice": (document([dog(points("nose", 1, 2), points("nose", 3, 4))]), "a second point 'nose'"),
    "nan": (document([points("nose", float("nan"), 2)]), r"annotations\[0\].points: expected"),
    "odd": (document([points("nose", 1, 2, 3)]), "expected a list of 2 numbers"),
    "visibility": (document([points("nose", 1, 2) | {"visibility": [2, 2]}]), "has 2 values"),
    "empty": (document([]), "there are no annotations of type points or skeleton"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_a_sentence(project, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read_datumaro(save(project, content))


def test_the_same_item_twice_is_refused(project) -> None:
    content = document([SKELETON], [SKELETON])
    content["items"][1]["id"] = "a"
    with pytest.raises(DataError, match=r"items\[1\]: the id 'a' occurs twice"):
        read_datumaro(save(project, content))


def test_what_is_missing_is_named(project) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        read_datumaro(project / "none")
    with pytest.raises(DataError, match="There are none"):
        read_datumaro(project / "images")
    save(project, document([SKELETON]))
    with pytest.raises(MissingFileError, match="the image folder does not exist"):
        read_datumaro(project, image_folder=project / "photos")
    with pytest.raises(DataError, match="the label 'left_ear' is not one of the keypoints"):
        read_datumaro(project, skeleton=Skeleton("nose", ("nose",)))


def test_the_real_export_has_the_coordinates_that_its_source_gives(shared, tmp_path) -> None:
    source = shared / "data" / "labels" / "datumaro" / "penlight"
    for index in range(2):
        write_image(tmp_path / f"frame_00000{index}.PNG", 1080, 1920)
    conversion = read_datumaro(source, image_folder=tmp_path)
    assert conversion.left_out == {"image not found": 394}
    # CVAT's 1089.09, 392.08 and 1091.92, 389.26, from pixel centres.
    assert [record["joint_self"] for record in conversion.records] == [
        [[pytest.approx(1088.59), pytest.approx(391.58), 2]],
        [[pytest.approx(1091.42), pytest.approx(388.76), 2]],
    ]


def test_garbled_files_are_read_or_refused(project) -> None:
    save(project, document([SKELETON, bbox(1, 2, 30, 40, group=7)], [points("dog", 1, 2, 3, 4)]))
    path = project / "annotations" / "default.json"
    assert read_garbled(path, lambda path: read_datumaro(path, category="dog")) > 50


@pytest.mark.parametrize("image", [None, {"path": ""}])
def test_without_a_stated_path_the_image_has_the_items_id(project, image) -> None:
    content = document([SKELETON])
    del content["items"][0]["image"]
    content["items"][0] |= {"media": image} if image else {}
    paths = [record["img_paths"] for record in read_datumaro(save(project, content)).records]
    assert paths == ["images/default/a.jpg"]
