"""Metrics of a dataset: what is divided by what, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from labelled import dataset_of, people, records_of

from simplebase.errors import DataError
from simplebase.evaluation.measuring import (
    choose_normaliser,
    mean_pck,
    measure_auc,
    measure_coco_ap,
    measure_epe,
    measure_error_kinds,
    measure_nme,
    measure_pck,
    measure_pckh,
)
from simplebase.evaluation.scores import Scores
from simplebase.evaluation.target import dataset_target

LABELS = np.array([[[10, 10, 2], [50, 10, 1], [30, 60, 2]], [[10, 10, 2], [0, 0, 0], [30, 60, 2]]])


def off_by(distance: float) -> np.ndarray:
    """Predictions that are `distance` pixels to the right of each label."""
    return LABELS + np.array([distance, 0, 0])


def values(scores: Scores) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in scores.figures}


def test_pck_has_a_column_a_threshold() -> None:
    dataset = dataset_of(records_of(LABELS))
    predictions = off_by(3.0)
    predictions[0, 0, 0] = 1000
    scores = measure_pck(predictions, dataset, np.full(2, 10.0), (0.2, 0.5))
    # Three pixels of ten: none of the five labelled within 0.2, four within 0.5.
    assert values(scores) == {"PCK@0.2": 0.0, "PCK@0.5": 0.8}
    assert scores.parts == {"left": (0.0, 0.5), "right": (0.0, 1.0), "middle": (0.0, 1.0)}
    assert [figure.interval for figure in scores.figures] == [None, None]


def test_an_interval_is_of_images_drawn_again_if_they_are_not_few() -> None:
    # Half of the images have all of three keypoints right, half one of them.
    labels = np.concatenate([LABELS[:1]] * 20)
    predictions = labels.copy()
    predictions[10:, :2, 0] += 100
    dataset = dataset_of(records_of(labels))
    [figure] = measure_pck(predictions, dataset, np.full(20, 10.0)).figures
    assert figure.value == pytest.approx(2 / 3)
    low, high = figure.interval or (1, 0)
    # A third plus two thirds of a binomial share of 20: its standard error is 0.0745.
    assert low == pytest.approx(2 / 3 - 1.96 * 0.0745, abs=0.02)
    assert high == pytest.approx(2 / 3 + 1.96 * 0.0745, abs=0.02)
    # Images with nothing labelled do not make them more.
    labels[7:, :, 2] = 0
    few = dataset_of(records_of(labels))
    assert measure_pck(predictions, few, np.full(20, 10.0)).figures[0].interval is None


def test_upstreams_normaliser_is_a_tenth_of_its_crop() -> None:
    dataset = dataset_of(records_of(LABELS))
    # 0.5 x 200 px high, the crop 125: half of a tenth of it is 6.25.
    assert mean_pck(off_by(6.2), dataset, (128, 128)) == 1.0
    assert mean_pck(off_by(6.3), dataset, (128, 128)) == 0.0
    np.testing.assert_allclose(choose_normaliser("upstream", dataset, (256, 256)), 12.5)


def test_the_box_is_its_longer_side_or_else_the_objects_height() -> None:
    boxes = np.array([[0, 0, 30, 70], [np.nan] * 4])
    dataset = dataset_of(records_of(LABELS, boxes=boxes))
    np.testing.assert_allclose(choose_normaliser("box", dataset, (256, 256)), [70, 100])


def test_the_head_is_six_tenths_of_the_diagonal() -> None:
    headboxes = np.array([[10, 10, 40, 50], [np.nan] * 4])
    dataset = dataset_of(records_of(LABELS, headboxes=headboxes))
    np.testing.assert_allclose(choose_normaliser("head", dataset, (256, 256)), [30, np.nan])


def test_the_torso_needs_both_ends_labelled_somewhere() -> None:
    dataset = people(3)
    unlabelled = dataset.records.keypoints * 0
    nobody = replace(dataset, records=replace(dataset.records, keypoints=unlabelled))
    assert np.isfinite(choose_normaliser("torso", dataset, (256, 256))).all()
    with pytest.raises(DataError, match="no record has both left hip and right shoulder labelled"):
        choose_normaliser("torso", nobody, (256, 256))


def test_pckh_needs_head_boxes() -> None:
    dataset = people(3)
    with pytest.raises(DataError, match="none of the 3 records has headboxes"):
        measure_pckh(dataset.records.keypoints, dataset)


def test_pckh_has_the_official_table() -> None:
    headboxes = np.tile([0.0, 0, 30, 40], (3, 1))  # 0.6 x 50 = 30 pixels
    dataset = people(3, headboxes=headboxes)
    scores = measure_pckh(dataset.records.keypoints + np.array([14.0, 0, 0]), dataset)
    assert values(scores) == {"PCKh@0.5": 1.0, "PCKh@0.1": 0.0}
    parts = scores.parts or {}
    assert list(parts) == ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"]


def test_errors_in_pixels_and_in_normalisers() -> None:
    dataset = dataset_of(records_of(LABELS))
    assert values(measure_epe(off_by(3.0), dataset)) == {"EPE": 3.0, "EPE found": 1.0}
    nme = measure_nme(off_by(3.0), dataset, np.full(2, 12.0))
    assert values(nme) == {"NME": 0.25, "NME found": 1.0}
    # Of the twenty thresholds 0, 0.05 ... 0.95 those from 0.25 on are met.
    assert values(measure_auc(off_by(3.0), dataset, np.full(2, 12.0))) == {"AUC": 0.75}


def test_a_keypoint_that_was_not_found_is_wrong() -> None:
    dataset = dataset_of(records_of(LABELS))
    predictions = off_by(0.0)
    predictions[0, 2] = (np.nan, np.nan, 0)
    assert values(measure_pck(predictions, dataset, np.full(2, 10.0))) == {"PCK@0.5": 0.8}
    assert values(measure_epe(predictions, dataset)) == {"EPE": 0.0, "EPE found": 0.8}


def test_kinds_of_error_are_shares_of_what_is_labelled() -> None:
    dataset = dataset_of(records_of(LABELS))
    predictions = off_by(0.0)
    # The first object's sides change places; the other has only one of them labelled.
    predictions[0, [0, 1]] = predictions[0, [1, 0]]
    scores = measure_error_kinds(predictions, dataset, np.full(2, 2000.0))
    shares = values(scores)
    assert shares == pytest.approx(
        {"good": 0.6, "jitter": 0, "inversion": 0.4, "swap": 0, "miss": 0}
    )


def test_a_record_for_which_nothing_was_found_has_no_kind_of_error() -> None:
    dataset = dataset_of(records_of(LABELS))
    predictions = off_by(0.0)
    predictions[0] = (np.nan, np.nan, 0)
    shares = values(measure_error_kinds(predictions, dataset, np.full(2, 2000.0)))
    assert shares["good"] == 1.0 and shares["miss"] == 0.0


def test_coco_ap_of_the_labels_themselves_is_1() -> None:
    labels = np.concatenate([LABELS] * 4)
    target = dataset_target(dataset_of(records_of(labels)))
    results = [
        {
            "image_id": image,
            "category_id": 1,
            "keypoints": keypoints.reshape(-1).tolist(),
            "score": 1.0,
        }
        for image, keypoints in enumerate(labels, start=1)
    ]
    scores, found = measure_coco_ap(target.ground_truth, results, target.skeleton)
    assert values(scores)["AP"] == 1.0 and values(scores)["AR"] == 1.0
    assert scores.figures[0].interval == (1.0, 1.0)
    assert found.own_sigmas


def test_nothing_labelled_has_no_figure() -> None:
    dataset = dataset_of(records_of(LABELS * [1, 1, 0]))
    scores = measure_pck(off_by(0.0), dataset, np.full(2, 10.0))
    assert scores.figures[0].value is None and scores.figures[0].interval is None
    assert set((scores.parts or {}).values()) == {(None,)}
