"""Detections in images, from a model or from a results file."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from simplebase.data.coco_format import CATEGORY_ID
from simplebase.data.records import Records
from simplebase.equality import ArrayEquality
from simplebase.errors import SimplebaseWarning
from simplebase.metrics import match_by_oks, oks, oks_nms, rows_by_image

ANNOTATION_KEY = "annotation_id"

_COUNTED = 0.2
"""Keypoints up to this score are ignored in an object's score (Simple Baselines: IN_VIS_THRE)."""


@dataclass(frozen=True, eq=False)
class Detections(ArrayEquality):
    """`M` detected objects.

    Args:
        image_ids: `(M,)` int64.
        keypoints: `(M, K, 3)` x, y in image pixels, and score; NaN, NaN, 0 where not found.
        scores: `(M,)` scores of the whole objects.
        annotation_ids: `(M,)` int64 ids of the labels whose crops were predicted; -1 where there is
            none.
        boxes: `(M, 4)` x, y, width, height by which COCO's AP distinguishes medium and large
            objects; `None` if it uses the extent of their keypoints.
    """

    image_ids: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    annotation_ids: np.ndarray
    boxes: np.ndarray | None = None

    def __len__(self) -> int:
        """`M`."""
        return len(self.image_ids)

    def select(self, index: np.ndarray) -> "Detections":
        """Returns the detections at `index`, indices or a mask of length `M`."""
        return Detections(
            self.image_ids[index],
            self.keypoints[index],
            self.scores[index],
            self.annotation_ids[index],
            None if self.boxes is None else self.boxes[index],
        )

    def to_coco(self, category_id: int = CATEGORY_ID) -> list[dict[str, Any]]:
        """Converts to COCO's results format (https://cocodataset.org/#format-results).

        As in the official code, the third number of a keypoint is its score. A keypoint that was
        not found is at 0, 0. `annotation_id` is our own addition, which other tools ignore.
        """
        columns = zip(
            self.image_ids.tolist(),
            np.nan_to_num(self.keypoints, posinf=0, neginf=0),
            self.scores.tolist(),
            self.annotation_ids.tolist(),
            [None] * len(self) if self.boxes is None else self.boxes.tolist(),
            strict=True,
        )
        return [
            {
                "image_id": image,
                "category_id": category_id,
                "keypoints": keypoints.reshape(-1).tolist(),
                "score": score,
                **({} if box is None else {"bbox": box}),
                **({ANNOTATION_KEY: annotation} if annotation >= 0 else {}),
            }
            for image, keypoints, score, annotation, box in columns
        ]

    def for_records(self, records: Records, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
        """Returns the keypoints `(N, K, 3)` of each record; NaN, NaN, 0 where nothing was found.

        A detection with the id of a label belongs to that record. Other detections are matched as
        in pycocotools: in the order of their scores, each gets the most similar free record of its
        image, with an OKS of at least 0.1. If `annotation_ids` refer to records in other images,
        they belong to other labels: a warning is given, and all detections are matched. (Wrong ids
        within an image are not noticed.)

        Args:
            records: `N` labelled objects, with ids.
            areas: `(N,)` areas of the records in square pixels.
            sigmas: `(K,)` OKS constants.
        """
        found = np.zeros((len(records), self.keypoints.shape[1], 3))
        found[..., :2] = np.nan
        placed = self._places(records)
        taken = placed[placed >= 0]
        found[taken] = self.keypoints[placed >= 0]
        loose = np.flatnonzero(placed < 0)
        objects_of = rows_by_image(records.image_ids)
        for image, places in rows_by_image(self.image_ids[loose]).items():
            objects = np.setdiff1d(objects_of.get(image, np.zeros(0, int)), taken)
            others = loose[places]
            keypoints = records.keypoints[objects]
            similarity = oks(
                self.keypoints[others, :, :2],
                keypoints[..., :2],
                keypoints[..., 2] > 0,
                areas[objects],
                sigmas,
            )
            matched = match_by_oks(similarity, self.scores[others])
            found[objects[matched[matched >= 0]]] = self.keypoints[others[matched >= 0]]
        return found

    def _places(self, records: Records) -> np.ndarray:
        """Returns `(M,)` indices of the records by `annotation_ids`; -1 for none."""
        rows = {annotation: row for row, annotation in enumerate(records.annotation_ids.tolist())}
        placed = np.array([rows.get(each, -1) for each in self.annotation_ids.tolist()], int)
        known = placed >= 0
        elsewhere = records.image_ids[placed[known]] != self.image_ids[known]
        if elsewhere.any():
            warnings.warn(
                f"{elsewhere.sum()} results have the {ANNOTATION_KEY} of an object in another "
                "image, so they belong to other labels. All are matched by similarity instead.",
                SimplebaseWarning,
                stacklevel=3,
            )
            placed[:] = -1
        return placed


def object_scores(keypoint_scores: np.ndarray, box_scores: np.ndarray) -> np.ndarray:
    """Returns `(M,)`: the mean score of each object's certain keypoints, times its box score.

    Args:
        keypoint_scores: `(M, K)`; scores up to 0.2 are left out, as in the official code.
        box_scores: `(M,)` scores of the detector; 1 for labelled boxes.
    """
    counted = keypoint_scores > _COUNTED
    sums = np.where(counted, keypoint_scores, 0).sum(axis=1)
    return box_scores * sums / np.maximum(counted.sum(axis=1), 1)


def without_duplicates(detections: Detections, areas: np.ndarray, sigmas: np.ndarray) -> Detections:
    """Keeps only the best of several detections of the same object in an image, see `oks_nms`.

    Args:
        detections: `M` detections.
        areas: `(M,)` square pixels of their crops.
        sigmas: `(K,)` OKS constants.
    """
    kept: list[int] = []
    for rows in rows_by_image(detections.image_ids).values():
        chosen = oks_nms(detections.keypoints[rows], detections.scores[rows], areas[rows], sigmas)
        kept += rows[chosen].tolist()
    return detections.select(np.array(sorted(kept), int))
