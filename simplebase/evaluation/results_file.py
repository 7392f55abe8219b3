"""Reads and writes results files: detections in COCO's format, from any tool."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID
from simplebase.data.fields import is_id
from simplebase.errors import DataError, SimplebaseWarning, cut, listed
from simplebase.evaluation.detections import ANNOTATION_KEY, Detections
from simplebase.evaluation.image_names import ImageNames, MatchedBy, Mention, match_images
from simplebase.evaluation.target import Target
from simplebase.files import read_json, require_file, write_json
from simplebase.metrics import keypoint_extent

_DECIMALS = 4
_VISIBILITIES = (0, 1, 2)
_LISTED = 5
"""How many category ids a message lists: AP-10K has 54."""


def write_results(
    path: str | os.PathLike[str],
    detections: Detections,
    category_id: int = CATEGORY_ID,
    names: Mapping[int, str | None] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Writes COCO's results format, see `Detections.to_coco`.

    Args:
        path: the file.
        detections: the detections.
        category_id: the category id of all detections.
        names: file names by image id, written as `file_name`. They identify the image even in tools
            that number the images differently.
        overwrite: replace the file if it exists.
    """
    content = detections.to_coco(category_id)
    for result in content:
        result["keypoints"] = [round(value, _DECIMALS) for value in result["keypoints"]]
        if name := (names or {}).get(result["image_id"]):
            result["file_name"] = name
    write_json(path, content, overwrite=overwrite)


class _Row(NamedTuple):
    """One result; `box` is `None` if it has none."""

    mention: Mention
    category: Any
    keypoints: np.ndarray
    score: float
    annotation: int
    box: list[float] | None


def read_results(path: str | os.PathLike[str], target: Target) -> tuple[Detections, MatchedBy]:
    """Reads COCO's results format (https://cocodataset.org/#format-results).

    COCO itself ignores the third number of a keypoint. If a file only has 0, 1 and 2 there, these
    are not scores: each keypoint gets the score 1, except those at 0, 0, which were not found. As

    in pycocotools, the `bbox` of the results is used if the first result has one.

    Args:
        path: a list of objects with `image_id` or `file_name`, `keypoints` (x, y and score or
            visibility, `K` times), `score` and optionally `bbox`. A warning is given unless images
            were matched by plain `image_id`, see `match_images`.
        target: the labels. Results for its skipped images, for images of the other split and for
            other categories are left out, with a warning.

    Returns:
        The detections, and how the images were matched.

    Raises:
        MissingFileError: `path` is not a file.
        DataError: it is not in this format, or has an unknown image. The message names the entry.
    """
    path = require_file(path, "the results file")
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise DataError(
            f"{path}: expected COCO results, a list of image_id, category_id, keypoints and "
            f"score. Received: {'an empty list' if content == [] else type(content).__name__}."
        )
    rows, images, by = _matched(path, _rows(path, content, target.skeleton.num_keypoints), target)
    found = Detections(
        image_ids=np.array(images, np.int64),
        keypoints=_scored(np.array([row.keypoints for row in rows])),
        scores=np.array([row.score for row in rows]),
        annotation_ids=np.array([row.annotation for row in rows], np.int64),
        boxes=_boxes(path, rows),
    )
    counted = _of_categories(path, rows, target)
    skipped = np.isin(found.image_ids, list(target.skipped_images))
    if skipped.any():
        _warn(
            f"{path}: {np.count_nonzero(skipped)} of {len(found)} results are in images that are "
            "skipped, and are left out."
        )
    return found.select(counted & ~skipped), by


def _rows(path: Path, content: list[Any], num_keypoints: int) -> list[_Row]:
    rows = []
    for index, entry in enumerate(content):
        try:
            rows.append(_parse(entry, num_keypoints))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{path}, result {index}: expected image_id, {3 * num_keypoints} numbers as "
                f"keypoints (x, y, score of {num_keypoints}) and score. {_problem(error)}"
            ) from error
    own = [row.annotation for row in rows if row.annotation >= 0]
    if len(set(own)) < len(own):
        raise DataError(f"{path}: two results have the same {ANNOTATION_KEY}.")
    return rows


def _parse(entry: Any, num_keypoints: int) -> _Row:
    if not isinstance(entry, dict):
        raise TypeError(f"it is a {type(entry).__name__}")
    keypoints = np.array(entry["keypoints"], float)
    if keypoints.size != 3 * num_keypoints:
        raise ValueError(f"keypoints has {keypoints.size} numbers")
    score = float(entry["score"])
    # Some tools write an empty list if there is no box.
    box = entry.get("bbox") or None
    if box is not None:
        box = [float(value) for value in box]
        if len(box) != 4:
            raise ValueError(f"bbox has {len(box)} numbers")
    if not np.isfinite([*keypoints.ravel(), score, *(box or ())]).all():
        raise ValueError("a number is not finite")
    annotation = entry.get(ANNOTATION_KEY, -1)
    if not is_id(annotation):
        raise ValueError(f"the {ANNOTATION_KEY} is not a whole number")
    keypoints = keypoints.reshape(-1, 3)
    return _Row(Mention.of(entry), entry.get("category_id"), keypoints, score, annotation, box)


def _problem(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"It has no {error.args[0]}."
    text = cut(str(error))
    return f"{text[:1].upper()}{text[1:]}."


def _matched(
    path: Path, rows: list[_Row], target: Target
) -> tuple[list[_Row], list[int], MatchedBy]:
    """Returns the results in evaluated and skipped images, and the image of each."""
    ours = target.image_names
    others = ImageNames({image: name for name, image in target.others.items()})
    # Both splits may use the same id, so names are compared first.
    measured = [not _is_named(others, row.mention) or _is_named(ours, row.mention) for row in rows]
    believe_ids = target.id_source != "renumbered"
    matched = match_images(
        [row.mention for row, inside in zip(rows, measured, strict=True) if inside],
        ours,
        believe_ids=believe_ids,
    )
    places = iter(matched.ids)
    images = [next(places) if inside else None for inside in measured]
    unknown = [
        index
        for index, (image, inside) in enumerate(zip(images, measured, strict=True))
        if image is None and inside and not _is_one_of(others, rows[index].mention)
    ]
    found = [image for image in images if image is not None]
    if found and not unknown:
        if matched.remark:
            _warn(f"{path}: {matched.remark}")
        if len(found) < len(rows):
            _warn(
                f"{path}: {len(rows) - len(found)} of {len(rows)} results are in images of the "
                "other split, and are left out."
            )
        kept = [row for row, image in zip(rows, images, strict=True) if image is not None]
        return kept, found, matched.by
    index = unknown[0] if unknown else 0
    image, name = rows[index].mention
    said = f"image_id {image!r}" if image is not None else f"file_name {cut(str(name))!r}"
    if image is not None and name is not None:
        said += f" (file_name {cut(str(name))!r})"
    if not believe_ids:
        raise DataError(
            f"{path}, result {index}: {said} does not identify an image, because the "
            f"image ids of {target.name} are not unique. Give results with file_name, choose "
            "another --image-set, or give the COCO file of the labels with --annotations."
        )
    hint = "Check --dataset, --annotations and --image-set."
    if target.dataset is not None:
        hint += (
            " A dataset folder has no images without labelled objects. If there are results for "
            "such images, give the COCO file with --annotations."
        )
    raise DataError(
        f"{path}, result {index}: {said} is not among the {len(target.names)} "
        f"images that are evaluated. {hint}"
    )


def _is_named(images: ImageNames, mention: Mention) -> bool:
    """Returns whether an entry's file name is that of one of these images."""
    return images.in_any_format(mention.file_name) is not None


def _is_one_of(images: ImageNames, mention: Mention) -> bool:
    """Returns whether an entry's id, or the stem in it, is that of one of these images."""
    return mention.file_name is None and any(
        find(mention.image_id) is not None for find in (images.by_id, images.by_stem)
    )


def _boxes(path: Path, rows: list[_Row]) -> np.ndarray | None:
    """Returns the boxes `(M, 4)` for the areas in COCO's AP; `None` if keypoints are used."""
    if rows[0].box is None:
        return None
    if lacking := sum(row.box is None for row in rows):
        _warn(
            f"{path}: {lacking} of {len(rows)} results have no bbox, although the first has one. "
            "APM to ARL take their areas from their keypoints; pycocotools refuses such a file."
        )
    return np.array([row.box or keypoint_extent(row.keypoints) for row in rows], float)


def _scored(keypoints: np.ndarray) -> np.ndarray:
    if np.isin(keypoints[..., 2], _VISIBILITIES).all():
        keypoints[..., 2] = (keypoints[..., :2] != 0).any(axis=-1)
    return keypoints


def _of_categories(path: Path, rows: list[_Row], target: Target) -> np.ndarray:
    """Returns `(M,)`: whether each result belongs to the evaluated categories."""
    categories = {row.category for row in rows if is_id(row.category)}
    ours = target.category_ids
    foreign = categories - ours
    if not foreign:
        return np.ones(len(rows), bool)
    theirs = listed(sorted(categories), most=_LISTED)
    if categories & ours and foreign <= target.other_categories:
        counted = np.array([row.category not in foreign for row in rows])
        _warn(
            f"{path}: {np.count_nonzero(~counted)} of {len(rows)} results are of other categories "
            "than the evaluated labels, and are left out."
        )
        return counted
    if len(categories) > 1 and len(ours) == 1:
        raise DataError(
            f"{path} has results of the categories {theirs}. Keep those of one category, or give "
            "the COCO file that has these categories with --annotations."
        )
    _warn(
        f"{path}: the category ids of the results ({theirs}) are not those of the labels "
        f"({listed(sorted(ours), most=_LISTED)}). All results count."
    )
    return np.ones(len(rows), bool)


def _warn(text: str) -> None:
    warnings.warn(text, SimplebaseWarning, stacklevel=3)
