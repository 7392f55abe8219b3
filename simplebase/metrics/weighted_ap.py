"""COCO's AP and AR with a weight for each image, for the bootstrap.

pycocotools matches detections with objects image by image, which does not change when images are
resampled. Its next step, `accumulate`, is implemented here in NumPy with a weight for each image.
`I` images, `D` detections, `T` OKS thresholds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.metrics.arrays import require_shape

OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
"""COCO's ten thresholds, and the recalls at which the precision is sampled."""

AREA_SUFFIXES = {"all": "", "medium": "M", "large": "L"}
"""Suffixes of the figures' names, by pycocotools' names for the areas of objects."""

_AT_50, _AT_75 = 0, 5


@dataclass(frozen=True, eq=False)
class ImageMatches:
    """The matches of pycocotools for objects of one range of areas.

    Args:
        image_ids: `(I,)`, ascending.
        objects: `(I,)` number of labelled objects that count in each image.
        images: `(D,)` index of each detection's image; the best detection comes first.
        right: `(T, D)` bool, whether a detection matches an object that counts.
        wrong: `(T, D)` bool, whether it matches no object. Neither is set for a detection that
            matches an object that does not count.
    """

    image_ids: np.ndarray
    objects: np.ndarray
    images: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    @classmethod
    def from_evaluation(
        cls, image_ids: Sequence[int], evaluated: Sequence[Mapping[str, Any] | None]
    ) -> "ImageMatches":
        """Reads the `evalImgs` of one category and one range of areas, one entry per image."""
        objects = np.zeros(len(image_ids), int)
        images, scores, right, wrong = [], [], [], []
        for index, image in enumerate(evaluated):
            if image is None:
                continue
            objects[index] = np.count_nonzero(np.asarray(image["gtIgnore"]) == 0)
            images += [index] * len(image["dtIds"])
            scores += image["dtScores"]
            found, ignored = image["dtMatches"] != 0, image["dtIgnore"] != 0
            right.append(found & ~ignored)
            wrong.append(~found & ~ignored)
        order = np.argsort(-np.array(scores), kind="stable")
        nothing = np.zeros((len(OKS_THRESHOLDS), 0), bool)
        return cls(
            image_ids=np.array(image_ids),
            objects=objects,
            images=np.array(images, int)[order],
            right=np.concatenate([nothing, *right], axis=1)[:, order],
            wrong=np.concatenate([nothing, *wrong], axis=1)[:, order],
        )


def weighted_ap(matches: Mapping[str, ImageMatches], weights: np.ndarray) -> dict[str, float]:
    """Computes COCO's ten figures; with weights of 1 they equal those of pycocotools.

    An image of weight 2 counts like two images with the same detections. (pycocotools may sort
    detections with equal scores differently.)

    Args:
        matches: matches for all, medium and large objects, by pycocotools' names.
        weights: `(I,)` how often each image counts.

    Returns:
        The figures by name; NaN if no object counts.
    """
    curves = {area: weighted_curves(matches[area], weights) for area in AREA_SUFFIXES}
    figures: dict[str, float] = {}
    for area, (precision, recall) in curves.items():
        figures[f"AP{AREA_SUFFIXES[area]}"] = float(precision.mean())
        figures[f"AR{AREA_SUFFIXES[area]}"] = float(recall.mean())
    precision, recall = curves["all"]
    for place, threshold in ((_AT_50, 50), (_AT_75, 75)):
        figures[f"AP{threshold}"] = float(precision[place].mean())
        figures[f"AR{threshold}"] = float(recall[place])
    return figures


def weighted_curves(matches: ImageMatches, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the precision `(T, 101)` at each of `RECALLS`, and the recall `(T,)` reached."""
    require_shape("weights", weights, (len(matches.image_ids),))
    precision = np.zeros((len(matches.right), len(RECALLS)))
    total = weights @ matches.objects
    if total == 0:
        return np.full_like(precision, np.nan), np.full(len(precision), np.nan)
    if not len(matches.images):
        return precision, np.zeros(len(precision))
    each = weights[matches.images].astype(float)
    right = np.cumsum(matches.right * each, axis=1)
    wrong = np.cumsum(matches.wrong * each, axis=1)
    recall = right / total
    # The best precision at this or any higher recall.
    exact = right / (right + wrong + np.spacing(1))
    envelope = np.maximum.accumulate(exact[:, ::-1], axis=1)[:, ::-1]
    for row, recalls, best in zip(precision, recall, envelope, strict=True):
        places = np.searchsorted(recalls, RECALLS, side="left")
        reached = places < len(recalls)
        row[reached] = best[places[reached]]
    return precision, recall[:, -1]
