"""Evaluation: a model that knows the answers scores 1, one that misses by a known way does not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from simplebase import (
    Crop,
    DepthRange,
    HeatmapCodec,
    KeypointDataset,
    ModelMetadata,
    Skeleton,
    load_dataset,
    load_skeleton,
)
from simplebase.data.pipeline import BatchSource
from simplebase.data.records import Records
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.evaluation import (
    dataset_target,
    evaluate_model,
    mean_pck,
    mean_pose,
    predict_dataset,
)

SIZE = (128, 128)


def metadata(dataset: KeypointDataset) -> ModelMetadata:
    return ModelMetadata("fake", SIZE, Crop(), HeatmapCodec(SIZE), dataset.skeleton)


def knowing(runtime: Any, dataset: KeypointDataset, shift: float = 0.0) -> Any:
    """Answers with the truth, `shift` input pixels to the right."""
    about = metadata(dataset)
    records = dataset.records
    # Just as the pipeline samples it, which is on whole pixels.
    matrices = BatchSource(dataset, about.crop, SIZE, 1).plan_matrices(np.arange(len(dataset)))
    points = records.keypoints[..., :2].copy()
    points[..., 0] += shift / matrices[:, 0, 0, None]
    return runtime(about, points, matrices)


def inside_only(dataset: KeypointDataset, margin: float) -> KeypointDataset:
    """Labels outside the crop, or within `margin` of its edge, taken off."""
    records = dataset.records
    matrices = Crop().matrix(records.centers, records.scales, SIZE)
    moved = np.einsum("nij,nkj->nki", matrices[..., :2], records.keypoints[..., :2])
    moved += matrices[:, None, :, 2]
    inside = ((moved > margin) & (moved < SIZE[0] - 1 - margin)).all(axis=-1)
    keypoints = records.keypoints * inside[..., None]
    return replace(dataset, records=replace(records, keypoints=keypoints))


@pytest.fixture
def labels(figures: KeypointDataset) -> KeypointDataset:
    return inside_only(figures.validation, 20)


def test_a_model_that_knows_the_answers_scores_1(
    knowing_runtime: Any, labels: KeypointDataset
) -> None:
    predictions = predict_dataset(knowing(knowing_runtime, labels), labels, batch_size=3)
    records = labels.records
    assert predictions.shape == (len(labels), 16, 3)
    labelled = records.keypoints[..., 2] > 0
    assert labelled.sum() > 50
    np.testing.assert_allclose(
        predictions[labelled][:, :2], records.keypoints[labelled][:, :2], atol=0.1
    )
    # So strict that a tenth of an input pixel is the limit.
    assert mean_pck(predictions, labels, SIZE, threshold=0.1 / (3.2 * 4)) == 1.0


@pytest.mark.parametrize(("shift", "expected"), [(6.3, 1.0), (6.5, 0.0)])
def test_the_threshold_is_upstreams_in_heatmap_pixels(
    knowing_runtime: Any, labels: KeypointDataset, shift: float, expected: float
) -> None:
    """At 128x128: 0.5 x 6.4 x 128 / 256 = 1.6 heatmap pixels, 6.4 input pixels."""
    predictions = predict_dataset(knowing(knowing_runtime, labels, shift), labels)
    assert mean_pck(predictions, labels, SIZE) == expected


def test_progress_counts_every_record(knowing_runtime: Any, labels: KeypointDataset) -> None:
    seen: list[tuple[int, int]] = []
    predict_dataset(
        knowing(knowing_runtime, labels),
        labels,
        batch_size=3,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(3, 8), (6, 8), (8, 8)]


def test_another_number_of_keypoints_is_refused(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    runtime = knowing(knowing_runtime, figures)
    runtime.metadata = replace(runtime.metadata, skeleton=load_skeleton("lsp"))
    with pytest.raises(DataError, match=r"14 keypoints \(lsp\), the dataset 16"):
        predict_dataset(runtime, figures)


def dataset_of(rows: list[tuple[tuple[float, float], float, list[list[float]]]]) -> Any:
    """A dataset without images: (centre, scale, joints) a record."""
    centers, scales, joints = zip(*rows, strict=True)
    nan = np.full((len(rows), 4), np.nan)
    none = np.full(len(rows), -1)
    records = Records(
        paths=np.array(["none.jpg"] * len(rows), object),
        centers=np.array(centers),
        scales=np.array(scales),
        keypoints=np.array(joints, float),
        validation=np.zeros(len(rows), bool),
        headboxes=nan,
        boxes=nan,
        areas=nan[:, 0],
        image_ids=none,
        annotation_ids=none,
    )
    return KeypointDataset("none", None, records, None)  # type: ignore[arg-type]


def test_the_mean_pose_is_laid_into_each_crop() -> None:
    # In units of each crop's side (250 x scale): (+0.1, 0) and (+0.3, 0), so +0.2 on average.
    train = dataset_of(
        [
            ((100, 100), 1.0, [[125, 100, 2], [100, 150, 2]]),
            ((500, 300), 2.0, [[650, 300, 1], [0, 0, 0]]),
        ]
    )
    val = dataset_of([((50, 60), 0.5, [[0, 0, 0], [0, 0, 0]])])
    pose = mean_pose(train, val, Crop(), SIZE)
    # The second keypoint is labelled once, at (0, +0.2). Scale 0.5 is a crop of 125 pixels.
    np.testing.assert_allclose(pose, [[[75, 60], [50, 85]]], atol=1e-9)


def test_other_names_for_as_many_keypoints_are_warned_of(
    knowing_runtime: Any, figures: KeypointDataset
) -> None:
    runtime = knowing(knowing_runtime, figures)
    reversed_names = replace(
        runtime.metadata.skeleton,
        keypoints=runtime.metadata.skeleton.keypoints[::-1],
    )
    runtime.metadata = replace(runtime.metadata, skeleton=reversed_names)
    with pytest.warns(SimplebaseWarning, match="name their keypoints differently"):
        predict_dataset(runtime, figures)


class Brightness:
    """Keeps the brightest value of the images that it is asked about."""

    def __init__(self, about: ModelMetadata) -> None:
        self.metadata = about
        self.brightest = 0

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.brightest = max(self.brightest, int(images.max()))
        return np.zeros((len(images), *self.metadata.codec.heatmap_size, 1), np.float32)


def test_deep_images_are_read_as_the_model_was_trained_unless_the_dataset_says(
    tmp_path: Path,
) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.full((64, 64), 2048, np.uint16))
    record = {"dataset": "dot", "isValidation": 1.0, "origin": 0, "img_paths": "a.png"}
    record |= {"objpos": [32, 32], "scale_provided": 0.2, "joint_self": [[20, 20, 2]]}
    (tmp_path / "annotations.json").write_text(json.dumps([record]))
    dot = Skeleton("dot", ("dot",))
    # 2048 of 4095 is 127.53, of 2550 it is 204.8.
    for chosen, brightest in ((None, 128), (DepthRange((0, 2550)), 205)):
        dataset = load_dataset(tmp_path, dot, chosen)
        about = replace(metadata(dataset), depth_range=DepthRange((0, 4095)))
        runtime = Brightness(about)
        evaluation = evaluate_model(runtime, dataset_target(dataset))
        assert runtime.brightest == brightest
        assert evaluation.depth_range == (chosen or about.depth_range)
        assert evaluation.conditions["depth_range"] == str(evaluation.depth_range)
