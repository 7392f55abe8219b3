"""An object's keypoints, and the boxes around them."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import MissingPackageError
from simplebase.skeletons import Skeleton

if TYPE_CHECKING:
    import supervision

Box = tuple[float, float, float, float]

_MARGIN = 1.2
"""Factor for the sides of the box around the keypoints, which lie inside the body's outline."""
_FEWEST = 3
"""Fewest keypoints from which a box is computed."""
_SLIMMEST = 0.25
"""Smallest ratio of a box's sides. Keypoints can lie on a line, but the object is wider."""
_CLOSER_MARGIN = 1.25
"""Further factor for the box of a second pass, because the first may have missed limbs."""
_AS_GOOD = 0.8
"""Fraction of the first pass's score that the second pass has to reach."""
_LEAST_PIXELS = 8.0

_INSTALL_SUPERVISION = "Run: pip install 'supervision>=0.29'"


@dataclass(frozen=True, eq=False)
class Pose(ArrayEquality):
    """One object's keypoints.

    Args:
        keypoints: `(K, 3)` float32 x, y in image pixels, and score.
        box: x, y, width, height in image pixels of the region that was searched.
        skeleton: names the `K` rows of `keypoints`.
        identity: a number that the object keeps from frame to frame; None in a single image.
    """

    keypoints: np.ndarray
    box: Box
    skeleton: Skeleton
    identity: int | None = None

    @property
    def score(self) -> float:
        """The mean of the keypoints' scores."""
        return float(self.keypoints[:, 2].mean())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the `K` rows of `keypoints`."""
        return self.skeleton.keypoints

    def to_supervision(self) -> "supervision.KeyPoints":
        """Converts the pose to `supervision.KeyPoints`, for supervision's annotators and trackers.

        Raises:
            MissingPackageError: supervision is not installed, or older than 0.29.
        """
        try:
            import supervision
        except ImportError as error:
            raise MissingPackageError(
                "to_supervision needs the package supervision, which is not "
                f"installed. {_INSTALL_SUPERVISION}"
            ) from error
        # Versions up to 0.28 had a single score, `confidence`, for the keypoints only.
        if "keypoint_confidence" not in inspect.signature(supervision.KeyPoints).parameters:
            raise MissingPackageError(
                "to_supervision needs supervision 0.29 or later. Installed: "
                f"{supervision.__version__}. {_INSTALL_SUPERVISION}"
            )
        return supervision.KeyPoints(
            xy=self.keypoints[None, :, :2],
            keypoint_confidence=self.keypoints[None, :, 2],
            detection_confidence=np.array([self.score], np.float32),
            data={"box": np.array([self.box], np.float32)},
        )


def extent(pose: Pose, min_score: float) -> Box:
    """Returns the object's box by its keypoints, or the pose's own box if too few were found."""
    found = pose.keypoints[pose.keypoints[:, 2] >= min_score, :2].astype(float)
    sides = np.ptp(found, axis=0) * _MARGIN if len(found) >= _FEWEST else np.zeros(2)
    if sides.max() < 1:
        return pose.box
    sides = np.maximum(sides, _SLIMMEST * sides.max())
    x, y = (found.min(axis=0) + found.max(axis=0)) / 2 - (sides - 1) / 2
    return float(x), float(y), float(sides[0]), float(sides[1])


def enlarged(box: Box, factor: float) -> Box:
    """Returns the box with its sides multiplied by `factor`, around the same centre."""
    x, y, width, height = box
    x -= width * (factor - 1) / 2
    y -= height * (factor - 1) / 2
    return x, y, width * factor, height * factor


def clipped(boxes: np.ndarray, image: np.ndarray, least: float = 2.0) -> np.ndarray:
    """Clips `(m, 4)` boxes to the image and drops those with a side below `least` pixels."""
    height, width = image.shape[:2]
    low = np.clip(boxes[:, :2], 0, [width, height])
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, [width, height])
    sides = high - low
    return np.concatenate([low, sides], axis=1)[(sides >= least).all(axis=1)]


def closer_boxes(poses: Sequence[Pose], image: np.ndarray, min_score: float) -> list[Box]:
    """Returns boxes for a second pass: an object that is small in its box is found less well.

    Args:
        poses: the poses of the first pass.
        image: `(height, width, 3)`.
        min_score: score below which a keypoint counts as not found.

    Returns:
        A box for each pose around its keypoints, inside the image. Empty if any box has no pixels.
    """
    boxes = [enlarged(extent(pose, min_score), _CLOSER_MARGIN) for pose in poses]
    inside = clipped(np.array(boxes, float).reshape(-1, 4), image, _LEAST_PIXELS)
    if len(inside) < len(boxes):
        return []
    return [(x, y, width, height) for x, y, width, height in inside.tolist()]


def better_look(first: Sequence[Pose], second: Sequence[Pose]) -> bool:
    """Returns whether to keep the second pass, which is so unless its scores are clearly lower."""
    scores = [np.mean([pose.score for pose in poses]) for poses in (first, second)]
    return bool(scores[1] >= _AS_GOOD * scores[0])
