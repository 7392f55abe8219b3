"""Found objects: their scores, their files, and which labelled object each is of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import dataset_of, records_of, three

from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation.detections import Detections, object_scores, without_duplicates
from simplebase.evaluation.results_file import read_results, write_results
from simplebase.evaluation.target import Target, dataset_target

SIGMAS = np.array(three().sigmas)
FIRST = np.array([[10.0, 10, 0.9], [50, 10, 0.8], [30, 60, 0.7]])
SECOND = FIRST + [200, 0, 0]


def detections(keypoints: list[np.ndarray], images: list[int], **columns: Any) -> Detections:
    values: dict[str, Any] = {
        "image_ids": np.array(images, np.int64),
        "keypoints": np.array(keypoints),
        "scores": np.linspace(1, 0.5, len(images)),
        "annotation_ids": np.full(len(images), -1),
    }
    return Detections(**values | columns)


def test_an_objects_score_is_the_mean_of_its_certain_keypoints_times_its_boxs() -> None:
    keypoint_scores = np.array([[0.9, 0.5, 0.2], [0.1, 0.1, 0.1]])
    scores = object_scores(keypoint_scores, np.array([0.5, 1.0]))
    # 0.2 is not above 0.2; an object without a certain keypoint has nothing.
    np.testing.assert_allclose(scores, [0.35, 0.0])


def test_of_two_detections_of_an_object_the_better_stays() -> None:
    found = detections([FIRST, FIRST + 0.1, SECOND, FIRST], [1, 1, 1, 2])
    kept = without_duplicates(found, np.full(4, 4000.0), SIGMAS)
    np.testing.assert_array_equal(kept.scores, found.scores[[0, 2, 3]])


def test_a_results_file_comes_back_as_it_was(tmp_path: Path) -> None:
    lost = FIRST.copy()
    lost[1] = (np.nan, np.nan, 0)
    found = detections([FIRST, lost], [7, 9], annotation_ids=np.array([3, 4]))
    write_results(tmp_path / "results.json", found)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content[1]["keypoints"][3:6] == [0, 0, 0]
    assert content[0] == {
        "image_id": 7,
        "category_id": 1,
        "keypoints": [10, 10, 0.9, 50, 10, 0.8, 30, 60, 0.7],
        "score": 1.0,
        "annotation_id": 3,
    }
    read = read_results(tmp_path / "results.json", labels({7: None, 9: None}))[0]
    # What was not found stands at 0, 0 with a score of 0, by which `without_low_scores` knows it.
    np.testing.assert_allclose(read.keypoints, np.nan_to_num(found.keypoints))
    np.testing.assert_array_equal(read.annotation_ids, [3, 4])
    np.testing.assert_array_equal(read.scores, found.scores)


def test_a_detection_goes_to_the_record_that_it_is_like() -> None:
    keypoints = np.stack([FIRST, SECOND, FIRST])
    keypoints[..., 2] = 2
    target = dataset_target(dataset_of(records_of(keypoints, ["a.jpg", "a.jpg", "b.jpg"])))
    assert target.dataset is not None
    found = detections([SECOND + 1, FIRST + 2], [1, 1])
    by_record = found.for_records(target.dataset.records, target.areas, SIGMAS)
    np.testing.assert_array_equal(by_record[0], FIRST + 2)
    np.testing.assert_array_equal(by_record[1], SECOND + 1)
    assert np.isnan(by_record[2, :, :2]).all() and not by_record[2, :, 2].any()


def test_of_several_the_one_with_the_best_score_gets_the_record() -> None:
    keypoints = FIRST[None].copy()
    keypoints[..., 2] = 2
    target = dataset_target(dataset_of(records_of(keypoints)))
    assert target.dataset is not None
    # The second is nearer, the third has nothing to do with it.
    found = detections([FIRST + 2, FIRST, SECOND], [1, 1, 1])
    by_record = found.for_records(target.dataset.records, target.areas, SIGMAS)
    np.testing.assert_array_equal(by_record, [FIRST + 2])
    alone = found.select(np.array([2]))
    by_record = alone.for_records(target.dataset.records, target.areas, SIGMAS)
    assert np.isnan(by_record[0, :, 0]).all()


def test_the_place_of_a_label_comes_before_likeness() -> None:
    keypoints = np.stack([FIRST, SECOND])
    keypoints[..., 2] = 2
    target = dataset_target(dataset_of(records_of(keypoints, ["a.jpg", "a.jpg"])))
    assert target.dataset is not None
    found = detections([SECOND, FIRST], [1, 1], annotation_ids=np.array([1, 2]))
    by_record = found.for_records(target.dataset.records, target.areas, SIGMAS)
    np.testing.assert_array_equal(by_record, [SECOND, FIRST])


def test_ids_of_other_labels_are_not_believed() -> None:
    keypoints = np.stack([FIRST, SECOND])
    keypoints[..., 2] = 2
    target = dataset_target(dataset_of(records_of(keypoints, ["a.jpg", "b.jpg"])))
    assert target.dataset is not None
    # As after the records were numbered anew: each names the record of the other's image.
    found = detections([FIRST, SECOND], [1, 2], annotation_ids=np.array([2, 1]))
    with pytest.warns(SimplebaseWarning, match="2 results have the annotation_id of an object in"):
        by_record = found.for_records(target.dataset.records, target.areas, SIGMAS)
    np.testing.assert_array_equal(by_record, [FIRST, SECOND])


def test_a_record_that_was_looked_at_is_not_given_away() -> None:
    keypoints = FIRST[None].copy()
    keypoints[..., 2] = 2
    target = dataset_target(dataset_of(records_of(keypoints)))
    assert target.dataset is not None
    found = detections([FIRST + 3, FIRST], [1, 1], annotation_ids=np.array([1, -1]))
    by_record = found.for_records(target.dataset.records, target.areas, SIGMAS)
    np.testing.assert_array_equal(by_record, [FIRST + 3])


def test_visibilities_are_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    rows = [[10, 10, 0, 0, 0, 0, 30, 60, 2], [10, 10, 1, 50, 10, 0, 0, 0, 0]]
    path.write_text(json.dumps([GOOD | {"keypoints": row} for row in rows]))
    read = read_results(path, labels({1: None}))[0]
    np.testing.assert_array_equal(read.keypoints[..., 2], [[1, 0, 1], [1, 1, 0]])
    # One number that is none tells that all are scores.
    rows[0][2] = 0.25  # type: ignore[call-overload]
    path.write_text(json.dumps([GOOD | {"keypoints": row} for row in rows]))
    read = read_results(path, labels({1: None}))[0]
    np.testing.assert_array_equal(read.keypoints[..., 2], [[0.25, 0, 2], [1, 0, 0]])


def test_results_in_skipped_images_are_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps([GOOD, GOOD | {"image_id": 2}]))
    with pytest.warns(SimplebaseWarning, match="1 of 2 results are in images that are skipped"):
        target = labels(dict.fromkeys((1, 2, 3)), skipped_images=frozenset({2, 3}))
        read, _ = read_results(tmp_path / "results.json", target)
    np.testing.assert_array_equal(read.image_ids, [1])


def test_results_of_another_category_are_taken_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps([GOOD]))
    with pytest.warns(SimplebaseWarning, match=r"results \(1\) are not those of the labels \(17\)"):
        target = labels({1: None}, category_ids=frozenset({17}))
        assert len(read_results(tmp_path / "results.json", target)[0]) == 1


def labels(names: dict[int, str | None], **fields: Any) -> Target:
    """What results are measured against, without an object."""
    images = [{"id": image} for image in names]
    truth: dict[str, Any] = {"images": images, "annotations": [], "categories": [{"id": 1}]}
    return Target("labels", three(), truth, None, np.zeros(0), names, **fields)


GOOD = {"image_id": 1, "category_id": 1, "keypoints": [1.0] * 9, "score": 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected COCO results, a list"),
        ([], "Received: an empty list"),
        ([GOOD, 5], "result 1: .*It is a int"),
        ([GOOD | {"keypoints": [1.0] * 8}], "result 0: .*Keypoints has 8 numbers"),
        ([{"image_id": 1, "keypoints": [1.0] * 9}], "It has no score"),
        ([GOOD | {"score": float("nan")}], "A number is not finite"),
        ([GOOD | {"image_id": 1.5}], "The image_id is neither a whole number nor a file name"),
        ([GOOD, GOOD | {"category_id": 2}], "results of the categories 1, 2"),
        ([GOOD | {"annotation_id": 3}] * 2, "two results have the same annotation_id"),
        ([GOOD, GOOD | {"image_id": 12}], "result 1: image_id 12 is not among the 2 images"),
    ],
)
def test_a_broken_results_file_is_told_of_by_its_entry(
    content: Any, message: str, tmp_path: Path
) -> None:
    (tmp_path / "results.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_results(tmp_path / "results.json", labels({1: None, 2: None}))
