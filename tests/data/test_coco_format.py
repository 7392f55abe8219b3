"""COCO's ground truth from records, without image files."""

import json

import numpy as np
import pytest

from simplebase.data.coco_format import coco_ground_truth, with_ids
from simplebase.data.records import Records, make_record, read_records
from simplebase.skeletons import Skeleton, load_skeleton

FLAG = Skeleton("flag", ("pole", "left", "right"))


def read(folder, *fields) -> Records:
    """Records that differ from a plain one by `fields`."""
    plain = {
        "dataset": "flags",
        "validation": False,
        "path": "a.jpg",
        "center": (5, 6),
        "scale": 0.1,
        "keypoints": np.array([[1, 2, 2], [10, 20, 1], [0, 0, 0]]),
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps([make_record(**plain | each) for each in fields]))
    return read_records(path, 3, "flag")


def test_an_annotation_a_record_in_their_order(tmp_path):
    records = read(tmp_path, {"path": "b.jpg"}, {}, {"path": "b.jpg", "box": [1, 2, 3, 4]})
    truth = coco_ground_truth(records, FLAG)
    assert truth["images"] == [{"id": 1, "file_name": "b.jpg"}, {"id": 2, "file_name": "a.jpg"}]
    assert [a["image_id"] for a in truth["annotations"]] == [1, 2, 1]
    assert [a["id"] for a in truth["annotations"]] == [1, 2, 3]
    first, _, last = truth["annotations"]
    assert first["keypoints"] == [1, 2, 2, 10, 20, 1, 0, 0, 0]
    assert (first["num_keypoints"], first["iscrowd"]) == (2, 0)
    # From pixel 1 to 10 and from 2 to 20, both included.
    assert (first["bbox"], first["area"]) == ([1, 2, 10, 19], 190)
    assert (last["bbox"], last["area"]) == ([1, 2, 3, 4], 12)


def test_consistent_ids_are_kept(tmp_path):
    records = read(
        tmp_path,
        {"path": "z.jpg", "image_id": 7, "annotation_id": 40},
        {"path": "b.jpg", "image_id": 5, "annotation_id": 30},
        {"path": "a.jpg", "image_id": 6, "annotation_id": 20},
    )
    truth = coco_ground_truth(records, FLAG)
    assert [image["id"] for image in truth["images"]] == [7, 5, 6]
    assert [(a["id"], a["image_id"]) for a in truth["annotations"]] == [(40, 7), (30, 5), (20, 6)]


@pytest.mark.parametrize(
    "ids", [(5, 6), (5, None)], ids=["two ids for one image", "one id for one of two"]
)
def test_other_ids_give_way_to_numbers(tmp_path, ids):
    fields = [{"image_id": each, "annotation_id": 8} for each in ids]
    truth = coco_ground_truth(read(tmp_path, *fields), FLAG)
    assert [(a["id"], a["image_id"]) for a in truth["annotations"]] == [(1, 1), (2, 1)]


def test_sizes_are_written_where_they_are_known(tmp_path):
    truth = coco_ground_truth(read(tmp_path, {}), FLAG, {"a.jpg": (30, 40)})
    assert truth["images"] == [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}]


def test_only_cocos_own_keypoints_are_persons(tmp_path):
    records = read(tmp_path, {})
    (category,) = coco_ground_truth(records, FLAG)["categories"]
    assert (category["name"], category["keypoints"]) == ("flag", ["pole", "left", "right"])
    (category,) = coco_ground_truth(records, load_skeleton("coco"))["categories"]
    assert (category["name"], category["id"]) == ("person", 1)


def test_the_ground_truth_is_json(tmp_path):
    truth = coco_ground_truth(read(tmp_path, {}, {"box": [1, 2, 3, 4], "area": 5}), FLAG)
    assert json.loads(json.dumps(truth)) == truth


def splits(folder, *ids) -> Records:
    """A record an image, of `(validation, image_id, annotation_id)`."""
    return read(
        folder,
        *(
            {
                "path": f"{index}.jpg",
                "validation": bool(validation),
                "image_id": image,
                "annotation_id": annotation,
            }
            for index, (validation, image, annotation) in enumerate(ids)
        ),
    )


def test_both_splits_may_count_from_one(tmp_path):
    records = splits(tmp_path, (0, 1, 1), (0, 2, 2), (1, 1, 1), (1, 2, 2))
    each = with_ids(records, by_split=True)
    assert each.image_ids.tolist() == [1, 2, 1, 2] == each.annotation_ids.tolist()
    whole = with_ids(records, by_split=False)
    assert whole.image_ids.tolist() == [1, 2, 3, 4] == whole.annotation_ids.tolist()


def test_a_split_whose_ids_clash_is_numbered_and_the_other_is_not(tmp_path):
    records = splits(tmp_path, (0, 9, 7), (1, 5, 3), (1, 5, 3), (0, 8, 6))
    numbered = with_ids(records, by_split=True)
    assert numbered.image_ids.tolist() == [9, 2, 3, 8]
    assert numbered.annotation_ids.tolist() == [7, 2, 3, 6]


def test_an_annotation_id_of_0_stands_where_that_is_allowed(tmp_path):
    """Roboflow counts from 0; the official evaluation takes 0 for no match."""
    records = splits(tmp_path, (1, 0, 0), (1, 1, 1))
    assert with_ids(records, by_split=True, lowest=0).annotation_ids.tolist() == [0, 1]
    numbered = with_ids(records, by_split=True)
    assert numbered.annotation_ids.tolist() == [1, 2]
    assert numbered.image_ids.tolist() == [0, 1]
    truth = coco_ground_truth(records, FLAG)
    assert [each["id"] for each in truth["annotations"]] == [1, 2]
