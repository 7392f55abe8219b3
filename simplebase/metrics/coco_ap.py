"""COCO's keypoint AP and AR, computed by pycocotools.

See https://cocodataset.org/#keypoints-eval.
"""

import contextlib
import io
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.errors import DataError
from simplebase.metrics.oks import oks_sigmas
from simplebase.metrics.weighted_ap import ImageMatches
from simplebase.skeletons import Skeleton

COCO_FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""The ten figures in the order of pycocotools' `stats`. M and L are medium and large objects."""

_OBJECT_KEYS = (
    "id",
    "image_id",
    "category_id",
    "keypoints",
    "num_keypoints",
    "bbox",
    "area",
    "iscrowd",
)
_RESULT_KEYS = ("image_id", "category_id", "keypoints", "score")


@dataclass(frozen=True, eq=False)
class CocoAP:
    """The results of pycocotools.

    Args:
        figures: the ten `COCO_FIGURES`; `None` where no labelled object counts.
        precision: `(10, 101)` at `OKS_THRESHOLDS` and `RECALLS`, for objects of all areas; NaN if
            none counts.
        sigmas: `(K,)` OKS constants that were used.
        own_sigmas: True if they are the skeleton's own, False if `oks_sigmas` fell back.
        matches: matches by pycocotools' names for areas, for `weighted_ap`.
    """

    figures: dict[str, float | None]
    precision: np.ndarray
    sigmas: np.ndarray
    own_sigmas: bool
    matches: dict[str, ImageMatches]


def coco_ap(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], skeleton: Skeleton
) -> CocoAP:
    """Computes all figures of the official evaluation, without changing the arguments.

    As in the official evaluation, at most 20 detections per image count. A detection's area, which
    only affects the figures for medium and large objects, is that of its `bbox` if the first result
    has one. Otherwise it is that of the smallest box around its keypoints, including those at 0, 0.

    Args:
        ground_truth: content of a COCO annotation file with one category, see `coco_ground_truth`.
        results: detections in COCO's format: `image_id`, `category_id`, `keypoints` (K times x, y
            and a value that is ignored), `score` and optionally `bbox`. Other keys, such as `area`,
            are ignored. A keypoint that was not found is 0, 0.
        skeleton: provides the OKS constants. `CocoAP.own_sigmas` says whether it has any.

    Raises:
        DataError: the ground truth or a result is not in COCO's format, or they do not match.
    """
    check_ground_truth(ground_truth, skeleton)
    plain = _plain_results(results, ground_truth, skeleton)
    sigmas, own_sigmas = oks_sigmas(skeleton)
    # pycocotools prints each of its steps.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _evaluate(ground_truth, plain, sigmas)
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]
    images = evaluation.params.imgIds
    return CocoAP(
        figures={
            name: None if value == -1 else float(value)
            for name, value in zip(COCO_FIGURES, evaluation.stats, strict=True)
        },
        precision=np.where(precision == -1, np.nan, precision),
        sigmas=sigmas,
        own_sigmas=own_sigmas,
        # `evalImgs` has all images for the first range of areas, then all for the next.
        matches={
            area: ImageMatches.from_evaluation(
                images, evaluation.evalImgs[place * len(images) : (place + 1) * len(images)]
            )
            for place, area in enumerate(evaluation.params.areaRngLbl)
        },
    )


def _evaluate(
    ground_truth: Mapping[str, Any], results: list[dict[str, Any]], sigmas: np.ndarray
) -> Any:
    """Returns the finished `COCOeval`."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    # The evaluation modifies the objects.
    objects = [dict(each) for each in ground_truth["annotations"]]
    truth.dataset = {**ground_truth, "annotations": objects}
    truth.createIndex()
    if results:
        found = truth.loadRes(results)
    else:
        # `loadRes` detects the kind of the results by the first one.
        found = COCO()
        found.dataset = {**truth.dataset, "annotations": []}
        found.createIndex()
    evaluation = COCOeval(truth, found, "keypoints")
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def check_ground_truth(ground_truth: Mapping[str, Any], skeleton: Skeleton) -> None:
    """Checks that ground truth is in COCO's format and has the skeleton's keypoints.

    Raises:
        DataError: something is missing or wrong.
    """
    for key in ("images", "annotations", "categories"):
        if not isinstance(ground_truth.get(key), list):
            raise DataError(f"the ground truth has no list {key!r}, so it is not COCO's format.")
    if not ground_truth["images"]:
        raise DataError("the ground truth has no images.")
    _check_image_ids(ground_truth["images"])
    if len(ground_truth["categories"]) != 1:
        names = ", ".join(str(each.get("name")) for each in ground_truth["categories"])
        raise DataError(f"the ground truth must have one category. Received: {names or 'none'}.")
    objects = ground_truth["annotations"]
    for index, each in enumerate(objects):
        missing = [key for key in _OBJECT_KEYS if key not in each]
        if missing:
            raise DataError(f"annotation {index} of the ground truth has no {missing[0]!r}.")
        _check_length(each["keypoints"], f"annotation {index} of the ground truth", skeleton)
    ids = [each["id"] for each in objects]
    if 0 in ids or len(set(ids)) < len(ids):
        raise DataError(
            "the ids of the ground truth's annotations must be unique and not 0, which pycocotools "
            "reads as no match. Number them from 1."
        )


def _check_image_ids(images: Sequence[Mapping[str, Any]]) -> None:
    """Checks that image ids are unique, because images with the same id would be mixed up."""
    names: dict[Any, Any] = {}
    for index, image in enumerate(images):
        if "id" not in image:
            raise DataError(f"image {index} of the ground truth has no 'id'.")
        name = image.get("file_name")
        earlier = names.setdefault(image["id"], name)
        if earlier != name:
            raise DataError(
                f"the ground truth uses the image id {image['id']} twice, for {earlier!r} and "
                f"{name!r}. Give each image its own id."
            )


def _plain_results(
    results: Sequence[Mapping[str, Any]], ground_truth: Mapping[str, Any], skeleton: Skeleton
) -> list[dict[str, Any]]:
    """Returns the results with only those keys that pycocotools reads for keypoints.

    Its `loadRes` looks for a `bbox` in the first result only, and then requires one in every other.
    A result without one gets the box around its keypoints, which has the same area.
    """
    images = {image["id"] for image in ground_truth["images"]}
    category = ground_truth["categories"][0]["id"]
    for index, result in enumerate(results):
        where = f"result {index}"
        missing = [key for key in _RESULT_KEYS if key not in result]
        if missing:
            keys = ", ".join(_RESULT_KEYS)
            raise DataError(f"{where} has no {missing[0]!r}; a result has {keys}.")
        if result["image_id"] not in images:
            raise DataError(
                f"{where}: the ground truth has no image {result['image_id']!r}. Check that both "
                "belong to the same split."
            )
        if result["category_id"] != category:
            raise DataError(
                f"{where}: the category of the ground truth is {category!r}. Received: "
                f"{result['category_id']!r}."
            )
        _check_length(result["keypoints"], where, skeleton)
        box = result.get("bbox") or [0, 0, 0, 0]
        if len(box) != 4 or not np.isfinite(box).all():
            raise DataError(
                f"{where}: expected bbox x, y, width, height. Received: {reprlib.repr(box)}."
            )
        # pycocotools counts a NaN keypoint as perfect.
        if not np.isfinite([*result["keypoints"], result["score"]]).all():
            raise DataError(
                f"{where}: keypoints and score must be finite numbers. Write a keypoint that was "
                "not found as 0, 0."
            )
    plain = [{key: result[key] for key in _RESULT_KEYS} for result in results]
    if results and results[0].get("bbox"):
        for result, kept in zip(results, plain, strict=True):
            kept["bbox"] = result.get("bbox") or keypoint_extent(result["keypoints"])
    return plain


def keypoint_extent(keypoints: Sequence[float] | np.ndarray) -> list[float]:
    """Returns x, y, width, height of the smallest box around all keypoints of a result.

    pycocotools uses its area for results without `bbox`. A keypoint that was not found is at 0, 0
    and counts.

    Args:
        keypoints: K times x, y, and a value that is ignored.
    """
    points = np.reshape(keypoints, (-1, 3))[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _check_length(keypoints: Sequence[float], where: str, skeleton: Skeleton) -> None:
    expected = 3 * skeleton.num_keypoints
    if len(keypoints) != expected:
        raise DataError(
            f"{where}: skeleton {skeleton.name!r} has {skeleton.num_keypoints} keypoints, so "
            f"{expected} numbers are expected. Received: {len(keypoints)}."
        )
