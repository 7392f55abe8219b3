"""Suspect labels: those that were moved or swapped on purpose are named, the others are not."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from simplebase import Crop, HeatmapCodec, KeypointDataset, ModelMetadata, Skeleton
from simplebase.data.pipeline import BatchSource
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation import suspect_labels
from simplebase.geometry import PERSON_PIXELS

SIZE = (64, 64)


@dataclass
class Mirrored:
    """Answers an image, then its mirror image, as a model without errors does."""

    runtime: Any
    answer: np.ndarray | None = None

    @property
    def metadata(self) -> ModelMetadata:
        return self.runtime.metadata

    def predict(self, images: np.ndarray) -> np.ndarray:
        if self.answer is None:
            self.answer = self.runtime.predict(images)
            return self.answer
        mirrored, self.answer = self.answer[:, :, ::-1], None
        return mirrored[..., self.metadata.skeleton.horizontal_permutation]


def judge(knowing_runtime: Any, dataset: KeypointDataset, skeleton: Skeleton | None = None) -> Any:
    """A model that finds every label of `dataset`, with the keypoints of `skeleton`."""
    skeleton = skeleton or dataset.skeleton
    about = ModelMetadata("judge", SIZE, Crop(), HeatmapCodec(SIZE), skeleton)
    matrices = BatchSource(dataset, about.crop, SIZE, 1).plan_matrices(np.arange(len(dataset)))
    places = [dataset.skeleton.keypoints.index(name) for name in skeleton.keypoints]
    points = dataset.records.keypoints[:, places, :2]
    return Mirrored(knowing_runtime(about, points, matrices))


def with_keypoints(dataset: KeypointDataset, keypoints: np.ndarray) -> KeypointDataset:
    return replace(dataset, records=replace(dataset.records, keypoints=keypoints))


def index(dataset: KeypointDataset, name: str) -> int:
    return dataset.skeleton.keypoints.index(name)


def test_labels_that_the_model_finds_are_not_suspect(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    suspects = suspect_labels(judge(knowing_runtime, figures), figures)
    assert suspects.findings == ()
    assert suspects.compared == (figures.records.keypoints[..., 2] > 0).sum()


def test_a_moved_label_is_told_with_its_distance_and_the_place_of_the_model(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    keypoints = figures.records.keypoints.copy()
    head = index(figures, "head_top")
    x, y = keypoints[3, head, :2]
    keypoints[3, head, 0] += 0.2 * PERSON_PIXELS * figures.records.scales[3]
    moved = keypoints[3, head, 0] - x
    (finding,) = suspect_labels(
        judge(knowing_runtime, figures), with_keypoints(figures, keypoints)
    ).findings
    assert (finding.kind, finding.record) == ("suspect-label", 3)
    _, _, _, _, away, *_ = finding.message.split()
    assert finding.message.startswith("the model finds head_top ")
    assert float(away) == pytest.approx(moved, abs=2)
    found = [float(value) for value in finding.message.rpartition(" at ")[2].split(",")]
    assert found == pytest.approx([x, y], abs=2)


def test_both_labels_of_a_swapped_pair_are_told_at_once_and_half_a_pair_by_its_other_side(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    left, right = index(figures, "left_ankle"), index(figures, "right_ankle")
    points = figures.records.keypoints
    height = PERSON_PIXELS * figures.records.scales
    apart = np.linalg.norm(points[:, left, :2] - points[:, right, :2], axis=-1) / height
    far = int(apart.argmax())
    assert apart[far] > 0.15, "the figures have a pose with its feet apart"
    keypoints = points.copy()
    keypoints[far, [left, right]] = points[far, [right, left]]
    model = judge(knowing_runtime, figures)
    (finding,) = suspect_labels(model, with_keypoints(figures, keypoints)).findings
    assert set(finding.message.removesuffix(" look swapped").split(" and ")) == {
        "left_ankle",
        "right_ankle",
    }
    keypoints[far, left, 2] = 0
    (finding,) = suspect_labels(
        judge(knowing_runtime, figures), with_keypoints(figures, keypoints)
    ).findings
    # Only the right one is labelled, where the left one is.
    assert finding.message.startswith("the model finds right_ankle ")


def test_keypoints_are_matched_by_name_and_the_others_are_left_alone(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    few = Skeleton(
        "few",
        ("right_wrist", "left_wrist"),
        horizontal_pairs=(("left_wrist", "right_wrist"),),
    )
    keypoints = figures.records.keypoints.copy()
    keypoints[:, index(figures, "left_knee"), 0] += 100
    suspects = suspect_labels(
        judge(knowing_runtime, figures, few), with_keypoints(figures, keypoints)
    )
    assert suspects.findings == ()
    wrist, knee = index(figures, "left_wrist"), index(figures, "left_knee")
    np.testing.assert_allclose(
        suspects.predictions[:, wrist, :2], figures.records.keypoints[:, wrist, :2], atol=2
    )
    assert np.isnan(suspects.predictions[:, knee, :2]).all()
    other = replace(figures, skeleton=Skeleton("cow", ("muzzle", "withers")))
    with pytest.raises(DataError, match="none of the dataset's keypoints"):
        suspect_labels(judge(knowing_runtime, figures), other)


def test_a_model_that_finds_no_label_says_so_instead_of_nothing(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    keypoints = figures.records.keypoints.copy()
    keypoints[..., 0] += 0.3 * PERSON_PIXELS * figures.records.scales[:, None]
    with pytest.warns(SimplebaseWarning, match="finds no keypoint near its label"):
        suspects = suspect_labels(
            judge(knowing_runtime, figures), with_keypoints(figures, keypoints)
        )
    assert suspects.findings == ()
