"""Label Studio's exports."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import readable_or_refused, write_image
from garbled import garbled, garbled_values

from simplebase import Skeleton
from simplebase.converters import read_label_studio
from simplebase.converters.label_studio.regions import Region
from simplebase.errors import DataError, MissingFileError

SIZE = {"original_width": 200, "original_height": 100}
EXPORT = "data/labels/label_studio/sdk_keypoints_with_boxes"


def point(name: str, x: float, y: float, id: str = "", **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.2, "keypointlabels": [name]}
    id = id or f"{name}-{x}"
    return {"id": id, "type": "keypointlabels", "to_name": "image", "value": value} | SIZE | more


def rectangle(id: str, x: float, y: float, side: float, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": side, "height": side, "rotation": 0}
    return {"id": id, "type": "rectanglelabels", "value": value} | SIZE | more


def relation(first: str, second: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": first, "to_id": second, "direction": "right"}


def task(*result: Any, image: str = "/data/upload/1/0a1b2c3d-a.jpg", **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"image": image}, "annotations": [{"result": list(result)}]} | more


def save(folder: Path, *tasks: Any) -> Path:
    path = folder / "project.json"
    path.write_text(json.dumps(list(tasks)))
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    write_image(folder / "a.jpg", 100, 200)
    return folder


def found(folder: Path, *result: Any) -> tuple[Any, Any]:
    """Objects as the names and x of their keypoints, with the left edge of the box; left out."""
    conversion = read_label_studio(save(folder, task(*result)))
    objects = [
        (
            {
                name: joint[0]
                for name, joint in zip(
                    conversion.skeleton.keypoints, record["joint_self"], strict=True
                )
                if joint[2]
            },
            record.get("bbox", [None])[0],
        )
        for record in conversion.records
    ]
    return objects, conversion.left_out


@pytest.mark.parametrize("name", ["data_keypoints.json", "json_min.json"])
def test_the_tools_own_example_has_the_coordinates_it_should(shared, tmp_path, name) -> None:
    write_image(tmp_path / "image1.jpg", 174, 216)
    [path] = (shared / EXPORT).rglob(name)
    conversion = read_label_studio(path, image_folder=tmp_path)
    assert conversion.skeleton.keypoints == ("nose", "left_eye", "right_eye")
    # SOURCE.txt counts from the edge of the image.
    expected = np.array([[139.20, 68.37], [126.12, 53.56], [152.28, 56.02]]) - 0.5
    [record] = conversion.records
    np.testing.assert_allclose(np.array(record["joint_self"])[:, :2], expected, atol=0.01)
    np.testing.assert_allclose(record["bbox"], [83.91, 13.33, 102.18, 88.60], atol=0.01)
    assert not conversion.warnings


def test_predictions_without_tasks_are_refused(shared) -> None:
    path = shared / "data/labels/label_studio/ml_backend_predictions/test_keypoint_labels_1.json"
    with pytest.raises(DataError, match=r"\[0\] is a prediction without a task"):
        read_label_studio(path)


def test_real_predictions_in_a_task_are_read_with_the_size_of_the_image(shared, source) -> None:
    folder = shared / "data/labels/label_studio/ml_backend_predictions"
    predictions = json.loads((folder / "test_keypoint_labels_1.json").read_text())
    path = save(source, task(annotations=[], predictions=predictions))
    with pytest.raises(DataError, match=r"no keypoints \(1 task: predicted only \(--predictions"):
        read_label_studio(path)
    conversion = read_label_studio(path, predictions=True)
    place = conversion.skeleton.keypoints.index("left_shoulder")
    shoulders = [each["joint_self"][place][:2] for each in conversion.records]
    assert [200 * 0.9815979 - 0.5, 100 * 0.1506440 - 0.5] in [
        pytest.approx(each, abs=1e-4) for each in shoulders
    ]
    boxes = [r for r in predictions[0]["result"] if r["type"] == "rectanglelabels"]
    assert len([each for each in conversion.records if "bbox" in each]) <= len(boxes)


def test_one_object_by_hand(source, written) -> None:
    shapes = [point("nose", 10, 20), point("left_ear", 50, 60), rectangle("b", 5, 10, 60)]
    dataset = written(read_label_studio(save(source, task(*shapes))))
    assert dataset.records.keypoints[0].tolist() == [[19.5, 19.5, 2], [99.5, 59.5, 2]]
    assert dataset.records.boxes[0].tolist() == [10, 10, 120, 60]


def test_keypoints_belong_to_the_rectangle_that_is_their_parent(source) -> None:
    objects, left_out = found(
        source,
        point("nose", 10, 10, parentID="right"),
        point("nose", 60, 10, parentID="left"),
        rectangle("left", 0, 0, 30),
        rectangle("right", 50, 0, 30),
    )
    assert objects == [({"nose": 19.5}, 100), ({"nose": 119.5}, 0)]
    assert not left_out


def test_relations_link_keypoints_to_each_other_and_to_rectangles(source) -> None:
    objects, left_out = found(
        source,
        *(point("nose", 10, 10, "n1"), point("tail", 90, 10, "t1")),
        *(point("nose", 20, 10, "n2"), point("tail", 95, 10, "t2")),
        *(rectangle("first", 0, 0, 40), rectangle("second", 5, 0, 40)),
        *(relation("n1", "t1"), relation("t1", "first"), relation("second", "n2")),
        *(relation("t2", "n2"), relation("first", "second"), relation("n1", "gone")),
    )
    assert objects == [
        ({"nose": 19.5, "tail": 179.5}, 0),
        ({"nose": 39.5, "tail": 189.5}, 10),
    ]
    assert not left_out


def test_the_text_of_a_region_names_its_rectangle(source) -> None:
    meta = [{"meta": {"text": [f"bbox-{index}"]}} for index in (0, 1)]
    keypoints = [point("nose", 10, 10, **meta[0]), point("nose", 20, 10, **meta[1])]
    objects, _ = found(
        source, *keypoints, rectangle("bbox-0", 0, 0, 40), rectangle("x", 5, 0, 40, **meta[1])
    )
    assert objects == [({"nose": 19.5}, 0), ({"nose": 39.5}, 10)]
    objects, _ = found(source, *keypoints)
    assert objects == [({"nose": 19.5}, None), ({"nose": 39.5}, None)]


def test_a_note_on_one_keypoint_does_not_part_it_from_the_others(source) -> None:
    objects, _ = found(
        source, point("nose", 10, 10, meta={"text": "unsure"}), point("tail", 20, 10)
    )
    assert objects == [({"nose": 19.5, "tail": 39.5}, None)]


def test_the_place_tells_where_nothing_else_does(source) -> None:
    objects, left_out = found(
        source,
        *(point("nose", 10, 10), point("nose", 60, 10), point("tail", 25, 10)),
        *(rectangle("a", 0, 0, 30), rectangle("b", 20, 0, 50), rectangle("empty", 80, 80, 10)),
    )
    assert objects == [({"nose": 19.5}, 0), ({"nose": 119.5}, 40)]
    assert left_out == {
        "keypoint: in several rectangles, and linked to none": 1,
        "shape: rectangle that is no object's box": 1,
    }


def test_the_only_rectangle_takes_keypoints_beside_it(source) -> None:
    objects, _ = found(
        source, point("nose", 10, 10), point("tail", 99, 10), rectangle("a", 5, 5, 30)
    )
    assert objects == [({"nose": 19.5, "tail": 197.5}, 10)]


def test_two_keypoints_of_one_name_that_nothing_parts_are_refused(source) -> None:
    with pytest.raises(
        DataError, match=r"\[0\] has two keypoints 'nose' in one object\. Link each"
    ):
        read_label_studio(save(source, task(point("nose", 1, 2), point("nose", 3, 4))))


def test_a_rotated_rectangle_becomes_its_upright_extent() -> None:
    value = {"x": 50, "y": 10, "width": 20, "height": 10, "rotation": 90}
    # 40 x 10 pixels, turned by a quarter around the corner at 100, 10.
    box = Region("a", "here", value).box((100, 200))
    assert box == pytest.approx((90, 10, 10, 40))
    value["rotation"] = 45
    side = math.sqrt(0.5)
    assert Region("a", "here", value).box((100, 200)) == pytest.approx(
        (100 - 10 * side, 10, 50 * side, 50 * side)
    )


def test_shapes_that_are_no_use_are_counted(source) -> None:
    polygon = {"id": "p", "type": "polygonlabels", "value": {"points": [[1, 2]]}} | SIZE
    ellipse = {"id": "e", "type": "ellipse", "value": {"x": 1, "y": 2, "radiusX": 3}} | SIZE
    choice = {"id": "c", "type": "choices", "value": {"choices": ["good"]}}
    objects, left_out = found(
        source, point("nose", 10, 10), point("tail", 101, 5), polygon, ellipse, choice
    )
    assert objects == [({"nose": 19.5}, None)]
    assert left_out == {
        "keypoint: outside the image": 1,
        "shape: neither keypoint nor rectangle": 1,
    }


def test_labels_and_choices_of_a_region_stand_in_results_of_their_own(source) -> None:
    place = {"id": "n", "type": "keypoint", "value": {"x": 10, "y": 10, "width": 1}} | SIZE
    label = {"id": "n", "type": "labels", "value": {"x": 10, "y": 10, "labels": ["nose"]}} | SIZE
    hidden = {"id": "n", "type": "choices", "value": {"choices": ["Occluded"]}} | SIZE
    conversion = read_label_studio(save(source, task(place, label, hidden, point("b", 1, 1))))
    assert conversion.records[0]["joint_self"] == [[19.5, 9.5, 1], [1.5, 0.5, 2]]


def test_the_last_annotation_that_was_not_cancelled_counts(source) -> None:
    def annotation(x: float, day: int, **more: Any) -> dict[str, Any]:
        time = f"2026-01-{day:02}T00:00:00Z"
        return {"result": [point("nose", x, 1), point("b", 9, 9)], "updated_at": time} | more

    annotations = [annotation(10, 3), annotation(20, 2), annotation(30, 9, was_cancelled=True)]
    conversion = read_label_studio(save(source, task(annotations=annotations)))
    assert conversion.records[0]["joint_self"][0][0] == 19.5
    assert conversion.left_out == {
        "annotation: cancelled": 1,
        "annotation: not the last of its task": 1,
    }


def test_of_a_task_that_stands_twice_in_json_min_the_last_entry_counts(source) -> None:
    def entry(x: float) -> dict[str, Any]:
        values = [point(name, x, 1)["value"] | SIZE for name in ("nose", "tail")]
        return {"id": 7, "img": "https://host/a.jpg?x=1", "note": "b.jpg", "kp": values}

    conversion = read_label_studio(save(source, entry(10), entry(20)))
    assert [each["joint_self"][0][0] for each in conversion.records] == [39.5]
    assert conversion.left_out == {"annotation: not the last of its task": 1}


def test_tasks_and_images_without_labels_are_counted(source) -> None:
    write_image(source / "photos" / "b.jpg", 100, 200)
    tasks = [
        task(point("nose", 1, 1), point("tail", 9, 9)),
        task(annotations=[]),
        task(),
        task(point("nose", 1, 1), image="s3://bucket/gone.jpg"),
        task(point("nose", 1, 1, image_rotation=90)),
        task(point("nose", 1, 1), image="/data/local-files/?d=photos/b.jpg"),
    ]
    conversion = read_label_studio(save(source, *tasks))
    assert conversion.left_out == Counter(
        {
            "task: not annotated": 1,
            "image: no labelled keypoint": 1,
            "image not found": 1,
            "annotation: of an image that was rotated in Label Studio": 1,
        }
    )
    assert [*conversion.images] == ["a.jpg", "photos/b.jpg"]


def test_an_image_of_another_size_is_warned_of(source, written) -> None:
    write_image(source / "a.jpg", 50, 100)
    shapes = task(point("nose", 1, 1), point("tail", 9, 9))
    with pytest.warns(match="200x100 in the label file, 100x50 in the image"):
        written(read_label_studio(save(source, shapes)))


def test_given_keypoints_keep_their_order(source) -> None:
    path = save(source, task(point("nose", 10, 10), point("tail", 20, 10)))
    conversion = read_label_studio(path, skeleton=Skeleton("mine", ("tail", "ear", "nose")))
    assert [joint[2] for joint in conversion.records[0]["joint_self"]] == [2, 0, 2]


def test_a_file_of_another_tool_is_refused_as_no_export(source) -> None:
    path = source / "labelme.json"
    path.write_text(json.dumps({"imagePath": "a.jpg", "shapes": [{"points": [[1, 2]]}]}))
    with pytest.raises(DataError, match=r"labelme\.json is not an export of Label Studio"):
        read_label_studio(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": [], "annotations": []}, r"\[0\] names no image"),
        ([1, 2], "is not an export of Label Studio: expected a list of tasks"),
        ([], r"has no keypoints \(it has no tasks\)"),
        ([task(point("nose", float("nan"), 1))], r"result\[0\]\.x: expected a number.*nan"),
        ([task(point("nose", "10%", 1))], r"result\[0\]\.x: expected a number.*'10%'"),
        (
            [task({"id": "a", "value": {"x": 1, "y": 1}} | SIZE)],
            r"no keypoints \(1 keypoint: without a label",
        ),
        (
            [task({"id": "a", "value": {"x": 1, "y": 1, "labels": ["a", "b"]}} | SIZE)],
            "a keypoint has one label",
        ),
        ([task(point("nose", 1, 1), image="a.txt")], r"names no image.*'image'"),
    ],
)
def test_what_is_no_export_is_refused(source, content, message) -> None:
    path = source / "project.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_label_studio(path)


def test_an_archive_or_a_folder_is_refused(source) -> None:
    with pytest.raises(MissingFileError, match="is a folder, but the JSON file of Label Studio"):
        read_label_studio(source)
    path = source / "project.zip"
    path.write_bytes(b"PK\3\4\xff\xfe\0\1")
    with pytest.raises(DataError, match=r"project\.zip is not"):
        read_label_studio(path)


FULL = task(
    point("nose", 1, 2, "n", parentID="b"),
    point("tail", 3, 4, meta={"text": ["b"]}),
    rectangle("b", 0, 0, 50),
    relation("n", "b"),
)


@pytest.mark.filterwarnings("ignore::simplebase.errors.SimplebaseWarning")
def test_damaged_files_are_refused_with_our_errors(source) -> None:
    content = json.dumps([FULL]).encode()
    for case, bad in enumerate([*garbled(content, 30), *garbled_values([FULL], 70)]):
        (source / "project.json").write_bytes(bad)
        readable_or_refused(
            lambda: read_label_studio(source / "project.json"), source.parent / f"out{case}"
        )


def test_a_keypoint_with_a_height_is_no_rectangle(source) -> None:
    """Some model backends write both sides of the dot."""
    nose = point("nose", 10, 20)
    nose["value"]["height"] = 0.2
    assert found(source, nose) == ([({"nose": 19.5}, None)], {})


def test_a_target_storage_has_a_file_for_each_annotation(source) -> None:
    write_image(source / "b.jpg", 100, 200)
    for number, (image, x, time) in enumerate([("a", 10, "1"), ("b", 20, "1"), ("a", 30, "2")]):
        data = {"id": image, "data": {"image": f"s3://bucket/{image}.jpg"}}
        content = {"id": number, "result": [point("nose", x, 20)], "task": data, "updated_at": time}
        (source / f"{number}.json").write_text(json.dumps(content))
    conversion = read_label_studio(source)
    assert {r["img_paths"]: r["joint_self"][0][0] for r in conversion.records} == {
        "a.jpg": 59.5,
        "b.jpg": 39.5,
    }
    assert conversion.left_out == {"annotation: not the last of its task": 1}


def test_a_rectangle_with_linked_keypoints_takes_none_of_another_control(source) -> None:
    """A tag for the unique points of a scene, and one for those of each animal."""
    shapes = (
        point("nose", 10, 10, "n", from_name="animal"),
        point("tail", 30, 10, "t", from_name="animal"),
        point("nest", 20, 20, from_name="scene"),
        rectangle("b", 0, 0, 40),
    )
    objects, left_out = found(source, *shapes, relation("n", "b"))
    assert objects == [({"nose": 19.5, "tail": 59.5}, 0), ({"nest": 39.5}, None)]
    assert not left_out


def test_the_choices_of_a_keypoint_do_not_hide_its_control(source) -> None:
    tail = point("tail", 30, 10, "t", from_name="animal")
    hidden = {"id": "t", "type": "choices", "from_name": "seen", "value": {"choices": ["hidden"]}}
    nose = point("nose", 10, 10, "n", from_name="animal", parentID="b")
    objects, _ = found(source, nose, tail, hidden | SIZE, rectangle("b", 0, 0, 40))
    assert objects == [({"nose": 19.5, "tail": 59.5}, 0)]
