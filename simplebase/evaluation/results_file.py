"""Results files: found objects in COCO's format, written by us or by any other tool."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID
from simplebase.data.fields import is_id
from simplebase.errors import DataError, SimplebaseWarning, cut, listed
from simplebase.evaluation.detections import ANNOTATION_KEY, Detections
from simplebase.files import read_json, require_file, write_json

_DECIMALS = 4
_VISIBILITIES = (0, 1, 2)


def write_results(
    path: str | os.PathLike[str],
    detections: Detections,
    category_id: int = CATEGORY_ID,
    *,
    overwrite: bool = False,
) -> None:
    """Writes COCO's results format, see `Detections.to_coco`."""
    content = detections.to_coco(category_id)
    for result in content:
        result["keypoints"] = [round(value, _DECIMALS) for value in result["keypoints"]]
    write_json(path, content, overwrite=overwrite)


def read_results(
    path: str | os.PathLike[str],
    num_keypoints: int,
    image_ids: set[int],
    category_id: int,
    skipped: frozenset[int] = frozenset(),
) -> Detections:
    """Reads COCO's results format (https://cocodataset.org/#format-results).

    COCO itself does not look at the third number of a keypoint. Where a file has nothing but 0, 1
    and 2 there, they are no scores: each keypoint then scores 1, but those at 0, 0, not found.

    Args:
        path: a list of objects with `image_id`, `keypoints` (x, y and score or visibility, `K`
            times) and `score`.
        num_keypoints: `K`.
        image_ids: those that there are.
        category_id: of the labels; a warning tells of results of another one.
        skipped: ids of images that are not measured though they might be; a warning tells how many
            results are left out with them.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is something else, or has an unknown image id; the message names the entry.
    """
    path = require_file(path, "the results file")
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise DataError(
            f"{path}: expected COCO results, a list of image_id, category_id, keypoints and "
            f"score. Received: {'an empty list' if content == [] else type(content).__name__}."
        )
    _check_category(path, content, category_id)
    found = _checked(path, content, num_keypoints, image_ids | skipped)
    inside = ~np.isin(found.image_ids, list(skipped))
    if not inside.all():
        warnings.warn(
            f"{path}: {np.count_nonzero(~inside)} of {len(found)} results are in images that are "
            "skipped, and are left out.",
            SimplebaseWarning,
            stacklevel=2,
        )
    return found.select(inside)


def _check_category(path: Path, content: list[Any], category_id: int) -> None:
    categories = {
        entry["category_id"]
        for entry in content
        if isinstance(entry, dict) and is_id(entry.get("category_id"))
    }
    if len(categories) > 1:
        raise DataError(
            f"{path} has results of the categories {listed(sorted(categories))}. "
            "Leave those of one in it."
        )
    if categories - {category_id}:
        warnings.warn(
            f"{path} has results of the category {min(categories)}, the labels are of "
            f"{category_id}. They are taken for the same.",
            SimplebaseWarning,
            stacklevel=3,
        )


def _checked(path: Path, content: list[Any], num_keypoints: int, image_ids: set[int]) -> Detections:
    rows = []
    for index, entry in enumerate(content):
        try:
            rows.append(_parse(entry, num_keypoints))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{path}, result {index}: expected image_id, {3 * num_keypoints} numbers as "
                f"keypoints (x, y, score of {num_keypoints}) and score. {_problem(error)}"
            ) from error
        if rows[-1][0] not in image_ids:
            raise DataError(
                f"{path}, result {index}: image_id {rows[-1][0]} is not among the "
                f"{len(image_ids)} images that are evaluated. Check --dataset, --annotations and "
                "--image-set."
            )
    images, keypoints, scores, places = (np.array(column) for column in zip(*rows, strict=True))
    if len(set(own := places[places >= 0].tolist())) < len(own):
        raise DataError(f"{path}: two results have the same {ANNOTATION_KEY}.")
    if np.isin(keypoints[..., 2], _VISIBILITIES).all():
        keypoints[..., 2] = (keypoints[..., :2] != 0).any(axis=-1)
    return Detections(images.astype(np.int64), keypoints, scores, places)


def _parse(entry: Any, num_keypoints: int) -> tuple[int, np.ndarray, float, int]:
    if not isinstance(entry, dict):
        raise TypeError(f"it is a {type(entry).__name__}")
    keypoints = np.array(entry["keypoints"], float)
    if keypoints.size != 3 * num_keypoints:
        raise ValueError(f"keypoints has {keypoints.size} numbers")
    score = float(entry["score"])
    if not np.isfinite(keypoints).all() or not np.isfinite(score):
        raise ValueError("a number is not finite")
    image, annotation = entry["image_id"], entry.get(ANNOTATION_KEY, -1)
    if not is_id(image) or not (annotation == -1 or is_id(annotation)):
        raise ValueError("an id is a whole number")
    return image, keypoints.reshape(-1, 3), score, annotation


def _problem(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"It has no {error.args[0]}."
    text = cut(str(error))
    return f"{text[:1].upper()}{text[1:]}."
