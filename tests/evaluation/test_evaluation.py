"""From a model or a results file to scores and the folder of an evaluation."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simplebase import Crop, HeatmapCodec, KeypointDataset, ModelMetadata
from simplebase.data.coco_format import coco_ground_truth
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, DataError, OutputExistsError, SimplebaseWarning
from simplebase.evaluation import (
    DetectedBoxes,
    MetricSettings,
    PredictionSettings,
    Target,
    dataset_target,
    evaluate_model,
    evaluate_results,
    with_annotations,
    write_evaluation,
)
from simplebase.evaluation.boxes import at_boxes
from simplebase.evaluation.evaluation import without_low_scores
from simplebase.images import read_image

SIZE = (128, 128)
EVERYTHING = MetricSettings(("pck", "epe", "auc", "nme", "coco-ap", "error-kinds"))


@pytest.fixture
def target(figures: KeypointDataset) -> Target:
    return dataset_target(figures)


def knowing(runtime: Any, dataset: KeypointDataset) -> Any:
    """A model that answers with the labels of the records, in their order."""
    metadata = ModelMetadata("fake", SIZE, Crop(), HeatmapCodec(SIZE), dataset.skeleton)
    matrices = BatchSource(dataset, Crop(), SIZE, 1).plan_matrices(np.arange(len(dataset)))
    return runtime(metadata, dataset.records.keypoints[..., :2].copy(), matrices)


def records(target: Target) -> KeypointDataset:
    assert target.dataset is not None
    return target.dataset


def headline(evaluation: Any) -> dict[str, float]:
    return {scores.metric: scores.figures[0].value for scores in evaluation.scores}


def test_a_model_that_knows_scores_as_well_as_can_be(knowing_runtime: Any, target: Target) -> None:
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    found = headline(evaluation)
    # Labels outside the crop cannot be found.
    assert found["pck"] > 0.9 and found["coco-ap"] > 0.9 and found["error-kinds"] > 0.9
    assert len(evaluation.detections) == len(records(target))
    assert evaluation.predictions is not None


def test_its_results_file_measures_the_same(
    knowing_runtime: Any, target: Target, tmp_path: Path
) -> None:
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    write_evaluation(tmp_path / "result", evaluation, target)
    again = evaluate_results(tmp_path / "result" / "keypoints_result.json", target, EVERYTHING)
    # The file has three decimals.
    assert headline(again) == pytest.approx(headline(evaluation), abs=5e-3)


def test_what_is_written_has_the_ids_and_names_of_the_users_own_file(
    knowing_runtime: Any, figures: KeypointDataset, tmp_path: Path
) -> None:
    """Both splits count from 0, as two exports do; the COCO file numbers from 500."""
    validation = figures.records.validation
    counted = np.where(validation, np.cumsum(validation), np.cumsum(~validation)) - 1
    both = replace(figures, records=replace(figures.records, image_ids=counted))
    target = dataset_target(both)
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    write_evaluation(tmp_path / "alone", evaluation, target)
    results = tmp_path / "alone" / "keypoints_result.json"
    content = json.loads(results.read_text())
    paths = figures.records.paths[validation]
    assert [(each["image_id"], each["file_name"]) for each in content] == list(enumerate(paths))

    truth = coco_ground_truth(records(target).records, target.skeleton)
    for entry, key in [(each, "id") for each in truth["images"]] + [
        (each, "image_id") for each in truth["annotations"]
    ]:
        entry[key] += 500
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with pytest.warns(SimplebaseWarning, match="number their images differently"):
        joined = with_annotations(tmp_path / "truth.json", target)
    again = evaluate_model(knowing(knowing_runtime, records(joined)), joined, EVERYTHING)
    assert headline(again) == headline(evaluation)
    write_evaluation(tmp_path / "joined", again, joined)
    content = json.loads((tmp_path / "joined" / "keypoints_result.json").read_text())
    assert [each["image_id"] for each in content] == [500 + n for n in range(len(paths))]
    # The file of before has other ids, but tells its images by their names.
    with pytest.warns(SimplebaseWarning, match="matched by file_name"):
        old = evaluate_results(results, joined, EVERYTHING)
    assert headline(old) == pytest.approx(headline(evaluation), abs=5e-3)
    assert old.to_config()["conditions"]["images_matched_by"] == "file_name"


def test_ids_are_the_same_whatever_split_is_measured(figures: KeypointDataset) -> None:
    whole, val = dataset_target(figures, "all"), dataset_target(figures, "val")
    mask = figures.records.validation
    np.testing.assert_array_equal(
        records(val).records.image_ids, records(whole).records.image_ids[mask]
    )


def test_boxes_twice_on_an_object_leave_one_detection(knowing_runtime: Any, target: Target) -> None:
    dataset = records(target)
    truth = coco_ground_truth(dataset.records, dataset.skeleton)["annotations"]
    places = np.array([each["bbox"] for each in truth])
    boxes = DetectedBoxes(
        np.concatenate([dataset.records.image_ids] * 2),
        np.concatenate([places, places]),
        np.concatenate([np.full(len(dataset), 0.9), np.full(len(dataset), 0.6)]),
    )
    objects, _ = at_boxes(dataset, boxes, Crop(), SIZE)
    labels = np.concatenate([dataset.records.keypoints] * 2)
    answers = replace(objects, records=replace(objects.records, keypoints=labels))
    evaluation = evaluate_model(
        knowing(knowing_runtime, answers),
        target,
        MetricSettings(("coco-ap",)),
        PredictionSettings(boxes=boxes),
    )
    assert len(evaluation.detections) == len(dataset)
    # The better box of each object, times the keypoints' scores of nearly 1.
    assert (np.abs(evaluation.detections.scores - 0.9) < 0.1).all()
    assert headline(evaluation)["coco-ap"] > 0.9


def test_of_two_labels_of_one_object_each_is_measured_but_one_is_a_result(
    knowing_runtime: Any, figures: KeypointDataset, tmp_path: Path
) -> None:
    val = figures.validation
    twice = np.sort(np.concatenate([np.arange(len(val)), [0]]))
    target = dataset_target(val.select(twice))
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    # As in the official code similar detections are suppressed, at labelled boxes as well.
    assert len(evaluation.detections) == len(val)
    assert evaluation.predictions is not None and len(evaluation.predictions) == len(val) + 1
    np.testing.assert_array_equal(evaluation.predictions[0], evaluation.predictions[1])
    # What is printed as AP is that of the file.
    write_evaluation(tmp_path / "result", evaluation, target)
    again = evaluate_results(tmp_path / "result" / "keypoints_result.json", target, EVERYTHING)
    assert headline(again)["coco-ap"] == pytest.approx(headline(evaluation)["coco-ap"], abs=1e-9)


def test_a_keypoint_below_the_threshold_is_not_found(knowing_runtime: Any, target: Target) -> None:
    runtime = knowing(knowing_runtime, records(target))
    settings = MetricSettings(("pck",), conf_threshold=1.01)
    evaluation = evaluate_model(runtime, target, settings)
    assert headline(evaluation) == {"pck": 0.0}
    assert evaluation.predictions is not None and np.isnan(evaluation.predictions[..., 0]).all()


def test_the_folder_has_results_scores_charts_and_pictures(
    knowing_runtime: Any, target: Target, tmp_path: Path, figures_folder: Path
) -> None:
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    folder = tmp_path / "result"
    write_evaluation(folder, evaluation, target, images=True)
    assert {path.name for path in folder.iterdir()} == {
        "keypoints_result.json",
        "scores.json",
        "PCK.png",
        "EPE.png",
        "AUC.png",
        "NME.png",
        "precision_recall.png",
        "error_kinds.png",
        "worst.png",
        "images",
    }
    content = json.loads((folder / "scores.json").read_text())
    assert content["conditions"]["normaliser"] == "upstream"
    assert content["conditions"]["decode"] == "dark"
    scores = content["metrics"]
    figure = scores["pck"]["figures"]["PCK@0.5"]
    assert figure["value"] == headline(evaluation)["pck"]
    low, high = figure["interval_95"]
    assert low <= figure["value"] <= high
    assert len(list((folder / "images").iterdir())) == len(records(target))
    path = records(target).records.paths[0]
    drawn = read_image(folder / "images" / f"{path}.jpg").astype(int)
    plain = read_image(figures_folder / "images" / path)
    assert (np.abs(drawn - plain) > 60).any()

    with pytest.raises(OutputExistsError):
        write_evaluation(folder, evaluation, target)
    write_evaluation(folder, evaluation, target, overwrite=True)
    assert not (folder / "images").exists()


def test_a_coco_file_alone_measures_results(
    knowing_runtime: Any, target: Target, tmp_path: Path
) -> None:
    evaluation = evaluate_model(knowing(knowing_runtime, records(target)), target, EVERYTHING)
    write_evaluation(tmp_path / "result", evaluation, target)
    truth = coco_ground_truth(records(target).records, target.skeleton)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    alone = with_annotations(tmp_path / "truth.json", skeleton=target.skeleton)
    results = tmp_path / "result" / "keypoints_result.json"
    ap = headline(evaluate_results(results, alone, MetricSettings(("coco-ap",))))
    assert ap["coco-ap"] == pytest.approx(headline(evaluation)["coco-ap"], abs=1e-3)
    with pytest.raises(ArgumentError, match="--metric pck needs a dataset folder"):
        evaluate_results(results, alone)


@pytest.mark.parametrize("broken", [[], {}, {"images": [{"id": 1}]}, {"categories": ["x"]}])
def test_a_file_that_is_no_annotations_is_told_of_at_once(broken: Any, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(json.dumps(broken))
    with pytest.raises(DataError, match=r"COCO annotation file"):
        with_annotations(tmp_path / "truth.json")


def test_a_score_that_is_no_number_is_not_found() -> None:
    found = without_low_scores(np.array([[[1.0, 2.0, np.nan], [3.0, 4.0, 0.5]]]), 1e-6)
    np.testing.assert_array_equal(found, [[[np.nan, np.nan, 0], [3, 4, 0.5]]])


def test_annotations_of_other_images_are_refused(target: Target, tmp_path: Path) -> None:
    truth = coco_ground_truth(records(target).records, target.skeleton)
    truth["images"] = [{"id": 10**6, "file_name": "a.jpg"}]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with pytest.raises(DataError, match="lacks 8 of the 8 images"):
        with_annotations(tmp_path / "truth.json", target)


def test_images_of_the_other_split_do_not_count(figures: KeypointDataset, tmp_path: Path) -> None:
    whole, val = dataset_target(figures, "all"), dataset_target(figures, "val")
    truth = coco_ground_truth(records(whole).records, whole.skeleton)
    nobody = {"id": 10**6, "file_name": "nobody.jpg"}
    truth["images"].append(nobody)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    measured = with_annotations(tmp_path / "truth.json", val)
    assert measured.image_ids == val.image_ids | {10**6}
    assert len(measured.ground_truth["annotations"]) == len(records(val))
    assert with_annotations(tmp_path / "truth.json", whole).image_ids == whole.image_ids | {10**6}


def test_images_that_cannot_be_read_do_not_count(figures: KeypointDataset, tmp_path: Path) -> None:
    val = dataset_target(figures, "val")
    truth = coco_ground_truth(records(val).records, val.skeleton)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    left = val.without_unreadable(records(val).select(np.arange(1, 8)))
    first = int(records(val).records.image_ids[0])
    assert left.skipped_images == {first} and left.others == val.others
    measured = with_annotations(tmp_path / "truth.json", left)
    assert measured.image_ids == left.image_ids == val.image_ids - {first}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ("iou",)}, "a metric must be one of pck, pckh"),
        ({"metrics": ("pck", "pck")}, "pck is given twice"),
        ({"conf_threshold": float("nan")}, "--conf-threshold must be a finite number"),
        ({"thresholds": (0.0,)}, "above 0"),
        ({"thresholds": (float("inf"),)}, "above 0"),
        ({"thresholds": (0.5, 0.5)}, "different values"),
        ({"thresholds": tuple(range(1, 9))}, "1 to 7 different values"),
    ],
)
def test_settings_that_do_not_work_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MetricSettings(**arguments)
