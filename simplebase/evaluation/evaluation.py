"""Evaluates a model or a results file."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np

from simplebase.codec import DecodeMethod
from simplebase.data.dataset import KeypointDataset
from simplebase.data.screening import warn_of_lost_depth
from simplebase.errors import ArgumentError
from simplebase.evaluation.boxes import DetectedBoxes, at_boxes
from simplebase.evaluation.detections import Detections, object_scores, without_duplicates
from simplebase.evaluation.measuring import (
    MetricName,
    NormaliserName,
    choose_normaliser,
    measure_auc,
    measure_coco_ap,
    measure_epe,
    measure_error_kinds,
    measure_nme,
    measure_pck,
    measure_pckh,
    require_measurable,
)
from simplebase.evaluation.prediction import predict_dataset
from simplebase.evaluation.results_file import read_results
from simplebase.evaluation.scores import Scores
from simplebase.evaluation.target import Target, require_dataset
from simplebase.geometry import Crop, Size
from simplebase.images import DepthRange
from simplebase.metrics import CocoAP, oks_sigmas
from simplebase.progress import Progress
from simplebase.runtimes import Runtime

USUAL_SIZE: Size = (256, 256)
"""Input size assumed for results files. Upstream's normaliser is the same for all squares."""

_MOST_THRESHOLDS = 7  # columns that fit a chart and a terminal


@dataclass(frozen=True)
class MetricSettings:
    """The metrics to compute, and their settings.

    Args:
        metrics: names of the metrics, in the order of the report.
        thresholds: thresholds of PCK, in units of the normaliser.
        normaliser: normaliser of PCK, AUC and NME, see `choose_normaliser`.
        conf_threshold: keypoints with a lower score count as not found, as in upstream.

    Raises:
        ArgumentError: a metric is unknown or occurs twice, a threshold is not above 0, or
            `conf_threshold` is NaN.
    """

    metrics: Sequence[str] = ("pck",)
    thresholds: Sequence[float] = (0.5,)
    normaliser: NormaliserName = "upstream"
    conf_threshold: float = 1e-6

    def __post_init__(self) -> None:
        """Checks the settings that the command line cannot check."""
        known = get_args(MetricName)
        for name in self.metrics:
            if name not in known:
                raise ArgumentError(
                    f"a metric must be one of {', '.join(known)}. Received: {name!r}."
                )
            if self.metrics.count(name) > 1:
                raise ArgumentError(f"the metric {name} is given twice.")
        if not math.isfinite(self.conf_threshold):
            raise ArgumentError(
                f"--conf-threshold must be a finite number. Received: {self.conf_threshold}."
            )
        for threshold in self.thresholds:
            if not 0 < threshold < math.inf:
                raise ArgumentError(
                    f"--score-threshold must be a finite number above 0. Received: {threshold}."
                )
        texts = [f"{threshold:g}" for threshold in self.thresholds]
        if len(set(texts)) < len(texts) or not 1 <= len(texts) <= _MOST_THRESHOLDS:
            raise ArgumentError(
                f"--score-threshold takes 1 to {_MOST_THRESHOLDS} different values. Received: "
                f"{', '.join(texts)}."
            )


@dataclass(frozen=True)
class PredictionSettings:
    """How a model predicts.

    Args:
        decode: see `HeatmapCodec.decode`.
        flip_test: see `PoseEstimator`.
        batch_size: samples per batch.
        boxes: boxes to predict, instead of those of the labelled objects.
    """

    decode: DecodeMethod = "dark"
    flip_test: bool = False
    batch_size: int = 32
    boxes: DetectedBoxes | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of an evaluation.

    Args:
        detections: the detections, without near duplicates.
        predictions: `(N, K, 3)` keypoints of each record, NaN, NaN, 0 where nothing was found;
            `None` if there are no records.
        scores: one per metric.
        objects: number of labelled objects.
        crop: crop of the model, or the default.
        input_size: `(H, W)` of the model, or the default.
        coco: curves of COCO's AP, if it was computed.
        conditions: conditions of the measurement, as plain values.
        depth_range: how images of more than 8 bits were read, if that was chosen.
    """

    detections: Detections
    predictions: np.ndarray | None
    scores: tuple[Scores, ...]
    objects: int
    crop: Crop = field(default_factory=Crop)
    input_size: Size = USUAL_SIZE
    coco: CocoAP | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    depth_range: DepthRange | None = None

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "conditions": dict(self.conditions),
            "objects": self.objects,
            "results": len(self.detections),
            "metrics": {scores.metric: scores.to_config() for scores in self.scores},
        }


def evaluate_model(
    runtime: Runtime,
    target: Target,
    metrics: MetricSettings | None = None,
    settings: PredictionSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Runs a model on the images of a target and computes the metrics.

    Args:
        runtime: the model.
        target: a target with a dataset.
        metrics: the metrics to compute.
        settings: how the model predicts.
        progress: is called with the number of finished samples and the total.

    Raises:
        ArgumentError: a metric needs data that are missing.
        DataError: model, boxes and target do not match.
    """
    metrics, settings = metrics or MetricSettings(), settings or PredictionSettings()
    dataset = require_dataset(target, "a model")
    crop, size = runtime.metadata.crop, runtime.metadata.input_size
    dataset = dataset.with_default_depth(runtime.metadata.depth_range)
    warn_of_lost_depth(dataset)
    for metric in metrics.metrics:
        require_measurable(metric, dataset, metrics.normaliser)
    objects, box_scores = dataset, np.ones(len(dataset))
    if settings.boxes is not None:
        images = {each["id"]: str(each.get("file_name")) for each in target.ground_truth["images"]}
        objects, chosen = at_boxes(dataset, settings.boxes, crop, size, images)
        box_scores = settings.boxes.scores[chosen]
    found = predict_dataset(
        runtime,
        objects,
        decode=settings.decode,
        flip_test=settings.flip_test,
        batch_size=settings.batch_size,
        progress=progress,
    )
    detections = Detections(
        image_ids=objects.records.image_ids,
        keypoints=found,
        scores=object_scores(found[..., 2], box_scores),
        annotation_ids=objects.records.annotation_ids,
    )
    sigmas, _ = oks_sigmas(target.skeleton)
    # The side of the crop, as in the official code, which uses the boxes as they are cut out.
    sides = size / crop.matrix(objects.records.centers, objects.records.scales, size)[:, 0, :1]
    best = without_duplicates(detections, sides.prod(axis=1), sigmas)
    # A prediction for a label belongs to its record, even if another detection is similar.
    placed = _certain(detections if settings.boxes is None else best, metrics)
    predictions = placed.for_records(dataset.records, target.areas, sigmas)
    detections = _certain(best, metrics)
    conditions = {
        "decode": settings.decode,
        "flip_test": settings.flip_test,
        "boxes": "gt" if settings.boxes is None else "detections",
        "padding": crop.padding,
    }
    depth_range = dataset.images.depth_range
    if depth_range is not None:
        conditions["depth_range"] = str(depth_range)
    evaluation = _measure(detections, predictions, target, metrics, crop, size, conditions)
    return replace(evaluation, depth_range=depth_range)


def evaluate_results(
    path: str | os.PathLike[str], target: Target, metrics: MetricSettings | None = None
) -> Evaluation:
    """Computes the metrics of a file in COCO's results format, from any tool.

    Raises:
        ArgumentError: a metric needs data that are missing.
        MissingFileError: `path` is not a file.
        DataError: it is not in this format, or does not match the target.
    """
    metrics = metrics or MetricSettings()
    detections, matched_by = read_results(path, target)
    predictions = None
    if target.dataset is not None:
        sigmas, _ = oks_sigmas(target.skeleton)
        predictions = without_low_scores(
            detections.for_records(target.dataset.records, target.areas, sigmas),
            metrics.conf_threshold,
        )
    conditions = {"images_matched_by": matched_by}
    return _measure(detections, predictions, target, metrics, Crop(), USUAL_SIZE, conditions)


def _certain(detections: Detections, metrics: MetricSettings) -> Detections:
    certain = without_low_scores(detections.keypoints, metrics.conf_threshold)
    return replace(detections, keypoints=certain)


def without_low_scores(predictions: np.ndarray, conf_threshold: float) -> np.ndarray:
    """Returns `(N, K, 3)` with NaN, NaN, 0 for keypoints whose score is below the threshold."""
    # The comparison is written so that NaN counts as below the threshold.
    sure = predictions[..., 2:] >= conf_threshold
    return np.where(sure, predictions, (np.nan, np.nan, 0.0))


def _measure(
    detections: Detections,
    predictions: np.ndarray | None,
    target: Target,
    metrics: MetricSettings,
    crop: Crop,
    size: Size,
    conditions: Mapping[str, Any],
) -> Evaluation:
    scores, coco = [], None
    for metric in metrics.metrics:
        if metric == "coco-ap":
            results = detections.to_coco(target.category_id)
            measured, coco = measure_coco_ap(target.ground_truth, results, target.skeleton)
        else:
            dataset = require_dataset(target, f"--metric {metric}")
            assert predictions is not None
            measured = _measure_records(metric, predictions, dataset, target, metrics, size)
        scores.append(measured)
    about = {
        "labels": target.name,
        "images": len(target.ground_truth["images"]),
        "normaliser": metrics.normaliser,
        "conf_threshold": metrics.conf_threshold,
        "input_size": list(size),
        "oks_sigmas": "the skeleton's" if target.skeleton.sigmas else "COCO's mean",
    }
    all_conditions = about | dict(conditions)
    return Evaluation(
        detections, predictions, tuple(scores), target.num_objects, crop, size, coco, all_conditions
    )


def _measure_records(
    metric: str,
    predictions: np.ndarray,
    dataset: KeypointDataset,
    target: Target,
    metrics: MetricSettings,
    size: Size,
) -> Scores:
    if metric == "pckh":
        return measure_pckh(predictions, dataset)
    if metric == "epe":
        return measure_epe(predictions, dataset)
    if metric == "error-kinds":
        return measure_error_kinds(predictions, dataset, target.areas)
    normaliser = choose_normaliser(metrics.normaliser, dataset, size)
    if metric == "auc":
        return measure_auc(predictions, dataset, normaliser)
    if metric == "nme":
        return measure_nme(predictions, dataset, normaliser)
    return measure_pck(predictions, dataset, normaliser, metrics.thresholds)
