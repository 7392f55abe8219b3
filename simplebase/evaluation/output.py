"""Writes the folder of an evaluation.

```
DIR/
├── keypoints_result.json   the detections without near duplicates, in COCO's results format
├── scores.json             all figures, with their confidence intervals
├── PCK.png, PCKh.png, ...  a chart of each metric that has values per keypoint
├── precision_recall.png    if COCO's AP was computed
├── error_kinds.png         if there are records
├── worst.png               the 24 records with the largest errors
└── images/                 each image with its detections, if requested
```
"""

import os
from pathlib import Path

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.image_store import FolderImages, decode_stored
from simplebase.drawing import draw_skeleton, plain
from simplebase.errors import ArgumentError
from simplebase.evaluation.charts import plot_error_kinds, plot_parts, plot_precision_recall
from simplebase.evaluation.evaluation import Evaluation
from simplebase.evaluation.measuring import measure_error_kinds
from simplebase.evaluation.results_file import write_results
from simplebase.evaluation.target import Target, require_dataset
from simplebase.files import replacing, require_output, write_json
from simplebase.images import write_image
from simplebase.metrics import OKS_THRESHOLDS, rows_by_image
from simplebase.progress import Progress
from simplebase.skeletons import Skeleton

RESULTS = "keypoints_result.json"
SCORES = "scores.json"
MARKERS = (RESULTS, SCORES)

_CHARTS = {"pck": "PCK.png", "pckh": "PCKh.png", "epe": "EPE.png", "auc": "AUC.png"}
_CHARTS |= {"nme": "NME.png"}
_ERROR_KINDS, _PRECISION_RECALL, _WORST = "error_kinds.png", "precision_recall.png", "worst.png"
_IMAGES = "images"
CONTENT = (*MARKERS, *_CHARTS.values(), _ERROR_KINDS, _PRECISION_RECALL, _WORST, _IMAGES)


def require_evaluation_output(
    folder: str | os.PathLike[str], target: Target, *, images: bool, overwrite: bool
) -> None:
    """Checks the output folder before a model predicts all images.

    Raises:
        ArgumentError: `images` is set, but there is no dataset folder.
        OutputExistsError: `folder` exists, and `overwrite` is off or it has other content.
    """
    require_output(folder, overwrite=overwrite, folder_markers=MARKERS, folder_content=CONTENT)
    if images:
        _whole_images(require_dataset(target, "--save-result"))


def write_evaluation(
    folder: str | os.PathLike[str],
    evaluation: Evaluation,
    target: Target,
    *,
    images: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Writes the folder above, which appears only when it is complete.

    Args:
        folder: the folder to write.
        evaluation: the result.
        target: the labels.
        images: also draw the detections into each image.
        overwrite: replace an earlier folder of this kind.
        progress: is called with the number of finished images and the total.

    Raises:
        ArgumentError: `images` is set, but there is no dataset folder.
        OutputExistsError: `folder` exists, and `overwrite` is off or it has other content.
    """
    require_evaluation_output(folder, target, images=images, overwrite=overwrite)
    with replacing(
        folder, overwrite=overwrite, folder_markers=MARKERS, folder_content=CONTENT
    ) as partial:
        partial.mkdir()
        write_results(partial / RESULTS, evaluation.detections, target.category_id, target.names)
        write_json(partial / SCORES, evaluation.to_config())
        _draw_charts(partial, evaluation)
        if target.dataset is not None:
            dataset = target.dataset.with_default_depth(evaluation.depth_range)
            _draw_records(partial, evaluation, target, dataset)
        if images:
            dataset = require_dataset(target, "--save-result")
            dataset = dataset.with_default_depth(evaluation.depth_range)
            _draw_images(partial / _IMAGES, evaluation, dataset, progress)


def _draw_charts(folder: Path, evaluation: Evaluation) -> None:
    for scores in evaluation.scores:
        if scores.metric in _CHARTS:
            plot_parts(scores, folder / _CHARTS[scores.metric])
    if evaluation.coco is not None:
        precision = evaluation.coco.precision
        curves = {
            f"{threshold:.2f}, {np.mean(row):.3f}": row
            for threshold, row in zip(OKS_THRESHOLDS, precision, strict=True)
        }
        plot_precision_recall(curves, folder / _PRECISION_RECALL)


def _draw_records(
    folder: Path, evaluation: Evaluation, target: Target, dataset: KeypointDataset
) -> None:
    predictions = evaluation.predictions
    assert predictions is not None, "a dataset has records"
    kinds = measure_error_kinds(predictions, dataset, target.areas)
    shares = {
        name: {kind: value or 0.0 for kind, value in zip(kinds.columns, values, strict=True)}
        for name, values in (kinds.parts or {}).items()
    }
    plot_error_kinds(shares, folder / _ERROR_KINDS)
    # Imported here, because fonts and sheets are only needed to write results.
    from simplebase.evaluation.sheets import draw_worst, mean_errors

    errors = mean_errors(dataset, predictions)
    if np.isfinite(errors).any():
        sheet = draw_worst(dataset, predictions, errors, evaluation.crop, evaluation.input_size)
        write_image(folder / _WORST, sheet)


def _draw_images(
    folder: Path, evaluation: Evaluation, dataset: KeypointDataset, progress: Progress | None
) -> None:
    store, records, detections = _whole_images(dataset), dataset.records, evaluation.detections
    labelled = rows_by_image(records.image_ids)
    found = rows_by_image(detections.image_ids)
    nothing = np.zeros(0, int)
    for done, (image, rows) in enumerate(labelled.items(), start=1):
        canvas = decode_stored(store, rows[0])
        for keypoints in records.keypoints[rows]:
            _draw(canvas, keypoints, plain(dataset.skeleton))
        for keypoints in detections.keypoints[found.get(image, nothing)]:
            _draw(canvas, keypoints, dataset.skeleton)
        # The suffix is kept, because two images may differ in nothing else.
        write_image(folder / f"{records.paths[rows[0]]}.jpg", canvas)
        if progress:
            progress(done, len(labelled))


def _whole_images(dataset: KeypointDataset) -> FolderImages:
    if not isinstance(dataset.images, FolderImages):
        raise ArgumentError("--save-result draws into whole images, which a packed dataset lacks.")
    return dataset.images


def _draw(canvas: np.ndarray, keypoints: np.ndarray, skeleton: Skeleton) -> None:
    """Draws an object without its unlabelled or missing keypoints."""
    shown = (keypoints[:, 2] > 0) & np.isfinite(keypoints[:, :2]).all(axis=1)
    if shown.any():
        extent = np.ptp(keypoints[shown, :2], axis=0).max()
        points = np.nan_to_num(keypoints[:, :2])
        draw_skeleton(canvas, points, skeleton, shown=shown, width=max(1.0, extent / 110))
