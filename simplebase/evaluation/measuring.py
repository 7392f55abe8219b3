"""Computes the metrics of `simplebase eval` as `Scores`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.records import Records
from simplebase.errors import DataError
from simplebase.evaluation.scores import Figure, Scores, by_part, number
from simplebase.geometry import PERSON_PIXELS, Size
from simplebase.metrics import (
    AREA_SUFFIXES,
    COCO_FIGURES,
    ERROR_KINDS,
    PCKH_THRESHOLDS,
    CocoAP,
    areas_under_curve,
    bootstrap,
    bootstrap_mean,
    box_normaliser,
    coco_ap,
    correct_keypoints,
    distances,
    error_kinds,
    head_normaliser,
    mean_by_keypoint,
    oks_sigmas,
    pck,
    pckh,
    pckh_correct,
    torso_normaliser,
    upstream_normaliser,
    weighted_ap,
)
from simplebase.skeletons import Skeleton

MetricName = Literal["pck", "pckh", "coco-ap", "epe", "auc", "nme", "error-kinds"]
NormaliserName = Literal["upstream", "box", "torso", "head"]

NORMALISED_METRICS = ("pck", "auc", "nme")
"""Metrics that divide by the chosen normaliser; PCKh has its own."""
OKS_METRICS = ("coco-ap", "error-kinds")
"""Metrics that need the skeleton's OKS sigmas."""

# Fewer for COCO's AP: each resample goes over all detections at ten thresholds.
_AP_RESAMPLES = 200

FEWEST_IMAGES = 8
"""Fewest images with something that counts for which intervals are reported.

For two equally good models, the interval of the difference excludes 0 in 5 of 100 cases with 50
images, in 9 with 8, in 17 with 5 and in 47 with 2 (300 simulations each). With 1 image it has no
width.
"""


def mean_pck(
    predictions: np.ndarray, dataset: KeypointDataset, input_size: Size, *, threshold: float = 0.5
) -> float | None:
    """Computes upstream's PCK over all keypoints; `None` if nothing is labelled.

    Args:
        predictions: `(N, K, 2 or 3)` image pixels.
        dataset: the labels.
        input_size: `(H, W)` of the model.
        threshold: threshold in units of the normaliser; upstream's default is 0.5.
    """
    normaliser = upstream_normaliser(dataset.records.scales, input_size)
    points = _points(predictions, dataset.records)
    return number(pck(*points, threshold=threshold, normaliser=normaliser)[1])


def choose_normaliser(
    name: NormaliserName, dataset: KeypointDataset, input_size: Size
) -> np.ndarray:
    """Returns the normalisers `(N,)` in pixels; NaN for an object without one.

    Args:
        name: `upstream`: see `upstream_normaliser`. `box`: the longer side of the box, or
            200 * `scale_provided` if a record has no box. `torso`: from left hip to right shoulder.
            `head`: 0.6 times the head box's diagonal.
        dataset: the labels.
        input_size: `(H, W)` of the model, for `upstream`.

    Raises:
        DataError: no object has a normaliser.
    """
    records = dataset.records
    if name == "upstream":
        return upstream_normaliser(records.scales, input_size)
    if name == "box":
        return np.where(
            np.isnan(records.boxes).any(axis=1),
            PERSON_PIXELS * records.scales,
            box_normaliser(records.boxes),
        )
    if name == "head":
        _require_head_boxes(dataset)
        return head_normaliser(records.headboxes)
    lengths = torso_normaliser(records.keypoints, dataset.skeleton)
    if np.isnan(lengths).all():
        raise DataError(
            f"{dataset.name}: no record has both left hip and right shoulder labelled, which "
            "--normaliser torso needs. Choose another --normaliser."
        )
    return lengths


def require_measurable(metric: str, dataset: KeypointDataset, normaliser: NormaliserName) -> None:
    """Checks that a metric can be computed, before a model predicts all images.

    Raises:
        DataError: the labels lack the normaliser, or PCKh's joints.
    """
    if metric == "pckh":
        _require_head_boxes(dataset)
        nothing = dataset.records.keypoints[:0]
        boxes = dataset.records.headboxes[:0]
        pckh_correct(nothing[..., :2], nothing[..., :2], nothing[..., 2], boxes, dataset.skeleton)
    if metric in NORMALISED_METRICS:
        choose_normaliser(normaliser, dataset, (256, 256))


def measure_pck(
    predictions: np.ndarray,
    dataset: KeypointDataset,
    normaliser: np.ndarray,
    thresholds: Sequence[float] = (0.5,),
) -> Scores:
    """Computes PCK at each threshold.

    Args:
        predictions: `(N, K, 2 or 3)` image pixels; NaN where not found.
        dataset: `N` labelled objects.
        normaliser: `(N,)` pixels, see `choose_normaliser`.
        thresholds: fractions of the normaliser.
    """
    points = _points(predictions, dataset.records)
    return _means(
        "pck",
        dataset,
        {
            f"PCK@{threshold:g}": correct_keypoints(
                *points, threshold=threshold, normaliser=normaliser
            )
            for threshold in thresholds
        },
        leading=len(thresholds),
    )


def measure_pckh(predictions: np.ndarray, dataset: KeypointDataset) -> Scores:
    """Computes MPII's official PCKh at 0.5 and at 0.1. For the arguments see `measure_pck`.

    Raises:
        DataError: no record has a head box, or the skeleton lacks one of MPII's joints.
    """
    _require_head_boxes(dataset)
    records = dataset.records
    arguments = (*_points(predictions, records), records.headboxes, dataset.skeleton)
    figures, tables = [], []
    for threshold in PCKH_THRESHOLDS:
        result = pckh(*arguments, threshold=threshold)
        correct = pckh_correct(*arguments, threshold=threshold)
        samples = _resampled(correct, dataset)
        figures.append(Figure(f"PCKh@{threshold:g}", result.mean, samples))
        tables.append(result.groups)
    parts = {name: tuple(table[name] for table in tables) for name in tables[0]}
    names = tuple(figure.name for figure in figures)
    return Scores("pckh", tuple(figures), names, parts, leading=len(figures), grouped=True)


def measure_epe(predictions: np.ndarray, dataset: KeypointDataset) -> Scores:
    """Computes the mean error of found keypoints in pixels. For the arguments see `measure_pck`."""
    values = distances(*_points(predictions, dataset.records))
    return _means("epe", dataset, _of_found("EPE", values), unit="px")


def measure_nme(
    predictions: np.ndarray, dataset: KeypointDataset, normaliser: np.ndarray
) -> Scores:
    """Computes the normalised error of found keypoints. For the arguments see `measure_pck`."""
    values = distances(*_points(predictions, dataset.records), normaliser)
    return _means("nme", dataset, _of_found("NME", values), unit="normalisers")


def measure_auc(
    predictions: np.ndarray, dataset: KeypointDataset, normaliser: np.ndarray
) -> Scores:
    """Computes the area under PCK's curve, from 0 to 1. For the arguments see `measure_pck`."""
    points = _points(predictions, dataset.records)
    return _means("auc", dataset, {"AUC": areas_under_curve(*points, 1.0, normaliser)})


def measure_error_kinds(
    predictions: np.ndarray, dataset: KeypointDataset, areas: np.ndarray
) -> Scores:
    """Computes the shares of the kinds of error, see `simplebase.metrics.error_kinds`.

    Args:
        predictions: `(N, K, 2 or 3)` image pixels; NaN where not found. A record for which nothing
            was found does not count.
        dataset: `N` labelled objects.
        areas: `(N,)` areas of the objects in square pixels.
    """
    records, skeleton = dataset.records, dataset.skeleton
    points, labelled, visible = _points(predictions, records)
    anything = np.isfinite(points).any(axis=(1, 2))
    kinds = error_kinds(
        points,
        np.where(anything, np.arange(len(records)), -1),
        labelled,
        visible,
        areas,
        records.paths,
        sigmas=oks_sigmas(skeleton)[0],
        counterparts=skeleton.horizontal_permutation,
    )
    values = {
        kind: np.where(kinds >= 0, kinds == index, np.nan) for index, kind in enumerate(ERROR_KINDS)
    }
    return _means("error-kinds", dataset, values)


def measure_coco_ap(
    ground_truth: Mapping[str, Any], results: list[dict[str, Any]], skeleton: Skeleton
) -> tuple[Scores, CocoAP]:
    """Computes COCO's ten figures and the data for the curves.

    Args:
        ground_truth: labels in COCO's format, with one category.
        results: detections in COCO's format.
        skeleton: provides the OKS constants.

    Raises:
        DataError: labels and detections do not match.
    """
    found = coco_ap(ground_truth, results, skeleton)
    all_sizes = found.matches["all"]
    samples: dict[str, np.ndarray] = {}
    if np.count_nonzero(all_sizes.objects) >= FEWEST_IMAGES:
        statistics = partial(weighted_ap, found.matches)
        samples = bootstrap(statistics, len(all_sizes.image_ids), resamples=_AP_RESAMPLES)
    for area, suffix in AREA_SUFFIXES.items():
        if np.count_nonzero(found.matches[area].objects) < FEWEST_IMAGES:
            for figure in ("AP", "AR"):
                samples.pop(f"{figure}{suffix}", None)
    figures = (Figure(name, found.figures[name], samples.get(name)) for name in COCO_FIGURES)
    return Scores("coco-ap", tuple(figures)), found


def _of_found(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Returns two columns: distances of found keypoints, and whether each was found."""
    found = np.where(np.isnan(values), np.nan, np.isfinite(values))
    return {name: np.where(np.isfinite(values), values, np.nan), f"{name} found": found}


def _points(predictions: np.ndarray, records: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns predicted and labelled points `(N, K, 2)`, and the mask `(N, K)` of labels."""
    keypoints = records.keypoints
    return predictions[..., :2], keypoints[..., :2], keypoints[..., 2] > 0


def _means(
    metric: str,
    dataset: KeypointDataset,
    columns: Mapping[str, np.ndarray],
    unit: str = "",
    leading: int = 1,
) -> Scores:
    """Returns `Scores` of metrics that are means of `(N, K)` values."""
    means = {name: mean_by_keypoint(values) for name, values in columns.items()}
    figures = tuple(
        Figure(name, number(means[name][1]), _resampled(values, dataset))
        for name, values in columns.items()
    )
    parts = by_part(dataset.skeleton.keypoints, [each for each, _ in means.values()])
    return Scores(metric, figures, tuple(columns), parts, unit, leading)


def _resampled(values: np.ndarray, dataset: KeypointDataset) -> np.ndarray | None:
    """Returns the means of `(N, K)` on resampled images; `None` if too few images count."""
    paths = dataset.records.paths
    counted = ~np.isnan(values).all(axis=1)
    return bootstrap_mean(values, paths) if len(set(paths[counted])) >= FEWEST_IMAGES else None


def _require_head_boxes(dataset: KeypointDataset) -> None:
    if np.isnan(dataset.records.headboxes).any(axis=1).all():
        raise DataError(
            f"{dataset.name}: none of the {len(dataset)} records has headboxes, which the metric "
            "pckh and --normaliser head need. `simplebase convert mpii` keeps them. Otherwise, "
            "choose --metric pck with another --normaliser."
        )
