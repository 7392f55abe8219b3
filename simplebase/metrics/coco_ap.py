"""COCO's keypoint AP and AR, by pycocotools: https://cocodataset.org/#keypoints-eval."""

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
"""The ten figures in the order of pycocotools' `stats`; M and L are of medium and large objects."""

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
    """What pycocotools finds.

    Args:
        figures: the ten of `COCO_FIGURES`; `None` where no labelled object counts.
        precision: `(10, 101)` at `OKS_THRESHOLDS` and `RECALLS`, for objects of all areas; NaN if
            none counts.
        sigmas: `(K,)` the OKS constants that were used.
        own_sigmas: whether they are the skeleton's own, or the fallback of `oks_sigmas`.
        matches: by pycocotools' names for areas, for `weighted_ap`.
    """

    figures: dict[str, float | None]
    precision: np.ndarray
    sigmas: np.ndarray
    own_sigmas: bool
    matches: dict[str, ImageMatches]


def coco_ap(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]], skeleton: Skeleton
) -> CocoAP:
    """All figures of the official evaluation; what is given stays as it is.

    As there, at most 20 detections per image count. A detection's own area, which only matters for
    APM to ARL, is that of its `bbox` if the first result has one, and else that of the smallest box
    around its keypoints, including those at 0, 0.

    Args:
        ground_truth: a COCO annotation file's content, of one category: see `coco_ground_truth`.
        results: in COCO's format: `image_id`, `category_id`, `keypoints` (K times x, y, and a value
            that is not looked at), `score` and optionally `bbox`; other keys, such as `area`, are
            passed over. A keypoint that was not found is 0, 0.
        skeleton: for its OKS constants; `CocoAP.own_sigmas` says whether it has any.

    Raises:
        DataError: the ground truth or a result is not in COCO's format, or they do not fit.
    """
    check_ground_truth(ground_truth, skeleton)
    plain = _plain_results(results, ground_truth, skeleton)
    sigmas, own_sigmas = oks_sigmas(skeleton)
    # pycocotools reports each of its steps on the terminal.
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
        # All images at the first range of areas, then all at the next.
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
    """The finished `COCOeval`."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    # The evaluation writes into the objects.
    objects = [dict(each) for each in ground_truth["annotations"]]
    truth.dataset = {**ground_truth, "annotations": objects}
    truth.createIndex()
    if results:
        found = truth.loadRes(results)
    else:
        # `loadRes` looks at the first result to see what they are.
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
    """Refuses ground truth that is not in COCO's format, or not of the skeleton's keypoints.

    Raises:
        DataError: says what is missing or wrong, and where.
    """
    for key in ("images", "annotations", "categories"):
        if not isinstance(ground_truth.get(key), list):
            raise DataError(f"the ground truth has no list {key!r}, so it is not COCO's format.")
    if not ground_truth["images"]:
        raise DataError("the ground truth has no images.")
    _check_image_ids(ground_truth["images"])
    if len(ground_truth["categories"]) != 1:
        names = ", ".join(str(each.get("name")) for each in ground_truth["categories"])
        raise DataError(f"the ground truth has one category. Received: {names or 'none'}.")
    objects = ground_truth["annotations"]
    for index, each in enumerate(objects):
        missing = [key for key in _OBJECT_KEYS if key not in each]
        if missing:
            raise DataError(f"annotation {index} of the ground truth has no {missing[0]!r}.")
        _check_length(each["keypoints"], f"annotation {index} of the ground truth", skeleton)
    ids = [each["id"] for each in objects]
    if 0 in ids or len(set(ids)) < len(ids):
        raise DataError(
            "the ids of the ground truth's annotations are unique and not 0, which pycocotools "
            "takes for no match. Number them from 1."
        )


def _check_image_ids(images: Sequence[Mapping[str, Any]]) -> None:
    """Refuses an id of two images: objects and detections of one would be those of the other."""
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
    """What COCO's format has, and nothing that pycocotools might take for another task.

    Its `loadRes` looks for a `bbox` in the first result only, and then needs one in every other; a
    result without gets the box around its keypoints, which stands for the same area.
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
                "are of the same split."
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
        # pycocotools takes a keypoint that is not a number for a perfect one.
        if not np.isfinite([*result["keypoints"], result["score"]]).all():
            raise DataError(
                f"{where}: keypoints and score are finite numbers. Write a keypoint that was not "
                "found as 0, 0."
            )
    plain = [{key: result[key] for key in _RESULT_KEYS} for result in results]
    if results and results[0].get("bbox"):
        for result, kept in zip(results, plain, strict=True):
            kept["bbox"] = result.get("bbox") or keypoint_extent(result["keypoints"])
    return plain


def keypoint_extent(keypoints: Sequence[float] | np.ndarray) -> list[float]:
    """x, y, width, height of the smallest box around all keypoints of a result.

    From it pycocotools takes the area of a result without `bbox`. A keypoint that was not found
    stands at 0, 0 and counts.

    Args:
        keypoints: K times x, y, and a value that is not looked at.
    """
    points = np.reshape(keypoints, (-1, 3))[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _check_length(keypoints: Sequence[float], where: str, skeleton: Skeleton) -> None:
    expected = 3 * skeleton.num_keypoints
    if len(keypoints) != expected:
        raise DataError(
            f"{where}: skeleton {skeleton.name!r} has {skeleton.num_keypoints} keypoints, which "
            f"are {expected} numbers. Received: {len(keypoints)}."
        )
