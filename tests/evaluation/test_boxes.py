"""Boxes of a detector: which are looked at, and where the crops then lie."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simplebase import Crop, KeypointDataset
from simplebase.data.image_store import FolderImages
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.evaluation import read_detected_boxes
from simplebase.evaluation.boxes import DetectedBoxes, at_boxes
from simplebase.evaluation.target import dataset_target

GOOD = {"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5}


def test_other_categories_and_boxes_without_area_are_left_out(tmp_path: Path) -> None:
    content = [GOOD, GOOD | {"category_id": 2}, GOOD | {"bbox": [0, 0, 0, 5]}, GOOD]
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    boxes = read_detected_boxes(tmp_path / "boxes.json", category_ids={1})
    np.testing.assert_array_equal(boxes.boxes, [[10, 20, 30, 40]] * 2)
    np.testing.assert_array_equal(boxes.scores, [0.5, 0.5])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected COCO detections, a list"),
        ([GOOD, {"image_id": 1}], "entry 1: expected image_id"),
        ([GOOD | {"bbox": [1, 2, 3]}], "entry 0"),
        ([GOOD | {"image_id": 1.5}], "entry 0"),
        ([GOOD | {"image_id": 10**25}], "entry 0"),
        ([GOOD, GOOD | {"category_id": 3}], "has boxes of the categories 1, 3"),
        ([GOOD | {"bbox": [1, 2, 0, 4]}], "has no box of category 1 with an area"),
    ],
)
def test_a_broken_file_is_told_of_by_its_entry(content: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_detected_boxes(tmp_path / "boxes.json")


def test_objects_lie_at_the_boxes_that_are_in_the_datasets_images(
    figures: KeypointDataset,
) -> None:
    dataset = dataset_target(figures).dataset
    assert dataset is not None
    image = int(dataset.records.image_ids[2])
    boxes = DetectedBoxes(
        np.array([image, 10**6, image]),
        np.array([[10.0, 20, 31, 41], [0, 0, 9, 9], [5, 5, 11, 11]]),
        np.array([0.9, 0.8, 0.7]),
    )
    with pytest.warns(SimplebaseWarning, match="1 of 3 boxes are left out"):
        objects, chosen = at_boxes(dataset, boxes, Crop(), (256, 256))
    np.testing.assert_array_equal(chosen, [0, 2])
    assert set(objects.records.paths) == {dataset.records.paths[2]}
    np.testing.assert_allclose(objects.records.centers, [[25, 40], [10, 10]])
    np.testing.assert_allclose(objects.records.scales, [41 / 200, 11 / 200])
    assert not objects.records.keypoints.any()


def test_images_without_a_record_are_looked_at_too(figures: KeypointDataset) -> None:
    whole, val = (dataset_target(figures, each).dataset for each in ("all", "val"))
    assert whole is not None and val is not None
    row = int(np.flatnonzero(~figures.records.validation)[0])
    image, path = int(whole.records.image_ids[row]), str(whole.records.paths[row])
    boxes = DetectedBoxes(np.array([image]), np.array([[10.0, 20, 31, 41]]), np.ones(1))
    objects, _ = at_boxes(val, boxes, Crop(), (256, 256), {image: path, 10**6: "absent.jpg"})
    assert list(objects.records.paths) == [path]
    assert objects.images.read(0) == whole.images.read(row)


def test_images_lie_where_those_of_the_same_split_do(
    figures: KeypointDataset, tmp_path: Path
) -> None:
    # As `convert coco` has it: the file says 1.jpg, the record val2017/1.jpg.
    for name in ("0.jpg", "1.jpg"):
        (tmp_path / "val2017").mkdir(exist_ok=True)
        (tmp_path / "val2017" / name).write_bytes(b"")
    paths = np.array(["val2017/0.jpg"], object)
    records = replace(
        figures.records.select(np.zeros(1, int)), paths=paths, image_ids=np.array([7])
    )
    dataset = replace(figures, records=records, images=FolderImages(tmp_path, paths))
    boxes = DetectedBoxes(np.array([7, 8]), np.array([[10.0, 20, 31, 41]] * 2), np.ones(2))
    objects, _ = at_boxes(dataset, boxes, Crop(), (256, 256), {7: "0.jpg", 8: "1.jpg", 9: "2.jpg"})
    assert list(objects.records.paths) == ["val2017/0.jpg", "val2017/1.jpg"]


@pytest.mark.parametrize("name", ["1.jpg", "../inside/2.jpg", "{folder}/2.jpg", "3.jpg"])
def test_an_image_that_cannot_be_told_is_left_out(
    figures: KeypointDataset, tmp_path: Path, name: str
) -> None:
    """In two folders, outside by its name, or another's that is labelled."""
    folder = tmp_path / "inside"
    for path in ("a/0.jpg", "b/3.jpg", "a/1.jpg", "b/1.jpg", "2.jpg"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    paths = np.array(["a/0.jpg", "b/3.jpg"], object)
    rows = figures.records.select(np.zeros(2, int))
    records = replace(rows, paths=paths, image_ids=np.array([7, 8]))
    dataset = replace(figures, records=records, images=FolderImages(folder, paths))
    boxes = DetectedBoxes(np.array([7, 9]), np.array([[10.0, 20, 31, 41]] * 2), np.ones(2))
    names = {7: "0.jpg", 8: "3.jpg", 9: name.format(folder=folder)}
    with pytest.warns(SimplebaseWarning, match="1 of 2 boxes are left out"):
        at_boxes(dataset, boxes, Crop(), (256, 256), names)


def test_a_packed_dataset_has_no_whole_images(figures: KeypointDataset) -> None:
    dataset = replace(figures, images=object())  # type: ignore[arg-type]
    boxes = DetectedBoxes(np.array([1]), np.ones((1, 4)), np.ones(1))
    with pytest.raises(ArgumentError, match="a packed dataset has only the crops"):
        at_boxes(dataset, boxes, Crop(), (256, 256))


def test_boxes_of_other_images_are_refused(figures: KeypointDataset) -> None:
    dataset = dataset_target(figures).dataset
    assert dataset is not None
    boxes = DetectedBoxes(np.array([10**6]), np.ones((1, 4)), np.ones(1))
    with pytest.raises(DataError, match="none of the 1 boxes is in one of the 8 images"):
        at_boxes(dataset, boxes, Crop(), (256, 256))
