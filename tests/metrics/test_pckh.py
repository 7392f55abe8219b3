"""PCKh against MPII's own formula, written down a second time."""

import numpy as np
import pytest

from simplebase import load_skeleton
from simplebase.errors import DataError
from simplebase.metrics import PCKH_THRESHOLDS, pckh, pckh_correct
from simplebase.metrics.pckh import PCKH_JOINTS
from simplebase.skeletons import Skeleton

MPII = load_skeleton("mpii")


def official(predicted, labelled, headboxes, threshold):
    """`evaluatePCKh.m` as loops over its 14 joints, in 1-based pixels and percent.

    Returns the columns from Head to Ankle, and Total. Both arrays are `(N, 16, 2)`; NaN in
    `labelled` is a joint that is not labelled, in `predicted` one that was not found.
    """
    # annolist2matrix.m: joints 0 to 5, 10 to 15, then upper neck and head top.
    joints = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]
    hits, all_hits = [[] for _ in joints], []
    for person in range(len(labelled)):
        x1, y1, x2, y2 = headboxes[person] + 1
        size = 0.6 * np.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)
        for place, joint in enumerate(joints):
            truth, found = labelled[person, joint] + 1, predicted[person, joint] + 1
            if np.isnan(truth).any() or np.isnan(size):
                continue
            if np.isnan(found).any():
                found = np.array([np.inf, np.inf])
            distance = np.sqrt(sum((found - truth) ** 2)) / size
            hits[place].append(distance <= threshold)
            all_hits.append(distance <= threshold)
    pck = [100 * sum(each) / len(each) if each else np.nan for each in hits]
    # genTablePCK.m, whose indices start at 1.
    pairs = [(13, 14), (9, 10), (8, 11), (7, 12), (3, 4), (2, 5), (1, 6)]
    total = 100 * sum(all_hits) / len(all_hits)
    return [(pck[a - 1] + pck[b - 1]) / 2 for a, b in pairs] + [total]


def people(seed, count=60):
    """Predictions and labels with missing joints, missing head boxes and missing predictions."""
    random = np.random.default_rng(seed)
    labelled = random.uniform(0, 300, (count, 16, 2))
    predicted = labelled + random.normal(0, 9, labelled.shape)
    visible = random.random((count, 16)) < 0.8
    predicted[random.random((count, 16)) < 0.05] = np.nan
    corner = random.uniform(0, 300, (count, 2))
    headboxes = np.concatenate([corner, corner + random.uniform(10, 50, (count, 2))], axis=1)
    headboxes[random.random(count) < 0.1] = np.nan
    return predicted, labelled, visible, headboxes


@pytest.mark.parametrize("threshold", PCKH_THRESHOLDS)
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_official_formula(seed, threshold):
    predicted, labelled, visible, headboxes = people(seed)
    ours = pckh(predicted, labelled, visible, headboxes, MPII, threshold=threshold)
    theirs = official(
        predicted, np.where(visible[..., None], labelled, np.nan), headboxes, threshold
    )
    assert list(ours.table) == [
        "Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Mean",
    ]  # fmt: skip
    np.testing.assert_allclose(
        100 * np.array(list(ours.table.values()), float), theirs, rtol=0, atol=1e-9
    )


def test_it_is_the_official_formula_on_figures_with_head_boxes(figures):
    records = figures.records
    labelled, visible = records.keypoints[..., :2], records.keypoints[..., 2] > 0
    predicted = labelled + np.random.default_rng(0).normal(0, 5, labelled.shape)
    ours = pckh(predicted, labelled, visible, records.headboxes, MPII)
    theirs = official(
        predicted, np.where(visible[..., None], labelled, np.nan), records.headboxes, 0.5
    )
    assert 0.1 < ours.mean < 0.9
    np.testing.assert_allclose(
        100 * np.array(list(ours.table.values()), float), theirs, rtol=0, atol=1e-9
    )


def test_pelvis_and_thorax_do_not_count():
    predicted, labelled, visible, headboxes = people(0)
    before = pckh(predicted, labelled, visible, headboxes, MPII)
    predicted[:, [6, 7]] += 1000
    assert pckh(predicted, labelled, visible, headboxes, MPII) == before
    assert {"pelvis", "thorax"}.isdisjoint(before.per_keypoint)


def test_joints_are_found_by_name():
    predicted, labelled, visible, headboxes = people(1)
    order = np.random.default_rng(0).permutation(16)
    own = Skeleton("own", tuple(MPII.keypoints[row] for row in order) + ("tail",))
    arrays = [
        np.concatenate([each[:, order], each[:, :1]], axis=1)
        for each in (predicted, labelled, visible)
    ]
    assert pckh(*arrays, headboxes, own) == pckh(predicted, labelled, visible, headboxes, MPII)


def test_pelvis_and_thorax_need_not_exist():
    predicted, labelled, visible, headboxes = people(2)
    rows = [row for row, name in enumerate(MPII.keypoints) if name in PCKH_JOINTS]
    own = Skeleton("own", tuple(MPII.keypoints[row] for row in rows))
    ours = pckh(predicted[:, rows], labelled[:, rows], visible[:, rows], headboxes, own)
    assert ours == pckh(predicted, labelled, visible, headboxes, MPII)


def test_a_skeleton_without_the_joints_is_refused():
    coco = load_skeleton("coco")
    points = np.zeros((1, 17, 2))
    with pytest.raises(
        DataError, match="PCKh needs the .*Skeleton 'coco' lacks upper_neck, head_top; it has nose"
    ):
        pckh(points, points, np.ones((1, 17), bool), np.zeros((1, 4)), coco)


def test_a_group_with_a_joint_that_is_never_labelled_has_no_figure():
    predicted, labelled, visible, headboxes = people(3)
    visible[:, MPII.keypoints.index("left_knee")] = False
    ours = pckh(predicted, labelled, visible, headboxes, MPII)
    assert ours.groups["Knee"] is None and ours.per_keypoint["left_knee"] is None
    assert ours.per_keypoint["right_knee"] is not None and ours.mean is not None


def test_without_head_boxes_there_is_no_figure_at_all():
    predicted, labelled, visible, headboxes = people(4)
    ours = pckh(predicted, labelled, visible, np.full_like(headboxes, np.nan), MPII)
    assert set(ours.table.values()) == {None}


def test_the_mean_is_that_of_the_single_joints():
    arrays = people(5)
    correct = pckh_correct(*arrays, MPII, threshold=0.1)
    assert correct.shape == (60, 14)
    assert np.nanmean(correct) == pytest.approx(pckh(*arrays, MPII, threshold=0.1).mean)
