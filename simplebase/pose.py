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
"""Keypoints end inside the body: of the box around them each side grows by this."""
_FEWEST = 3
"""Keypoints at least that tell a box."""
_SLIMMEST = 0.25
"""Least ratio of a box's sides: a stretched arm is a line, but what has it is not."""
_CLOSER_MARGIN = 1.25
"""Of a second look's box, beyond the margin of `extent`: limbs may have been missed at first."""
_AS_GOOD = 0.8
"""Part of the score of a first look that the second one has to reach."""
_LEAST_PIXELS = 8.0

_INSTALL_SUPERVISION = "Run: pip install 'supervision>=0.29'"


@dataclass(frozen=True, eq=False)
class Pose(ArrayEquality):
    """One object's keypoints.

    Args:
        keypoints: `(K, 3)` float32 x, y in image pixels, and score.
        box: x, y, width, height in image pixels: where it was looked for.
        skeleton: what the `K` rows are called.
        identity: a number that the object keeps from frame to frame; None in a single image.
    """

    keypoints: np.ndarray
    box: Box
    skeleton: Skeleton
    identity: int | None = None

    @property
    def score(self) -> float:
        """Mean of the keypoints' scores."""
        return float(self.keypoints[:, 2].mean())

    @property
    def names(self) -> tuple[str, ...]:
        """What the `K` rows of `keypoints` are called."""
        return self.skeleton.keypoints

    def to_supervision(self) -> "supervision.KeyPoints":
        """As the package supervision has it, for its annotators and trackers.

        Raises:
            MissingPackageError: it is not installed, or older than 0.29.
        """
        try:
            import supervision
        except ImportError as error:
            raise MissingPackageError(
                "to_supervision makes an object of the package supervision, which is not "
                f"installed. {_INSTALL_SUPERVISION}"
            ) from error
        # Until 0.28 there was one score, `confidence`, of the keypoints alone.
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
    """How large the object is, by its keypoints; its own box where too few were found."""
    found = pose.keypoints[pose.keypoints[:, 2] >= min_score, :2].astype(float)
    sides = np.ptp(found, axis=0) * _MARGIN if len(found) >= _FEWEST else np.zeros(2)
    if sides.max() < 1:
        return pose.box
    sides = np.maximum(sides, _SLIMMEST * sides.max())
    x, y = (found.min(axis=0) + found.max(axis=0)) / 2 - (sides - 1) / 2
    return float(x), float(y), float(sides[0]), float(sides[1])


def enlarged(box: Box, factor: float) -> Box:
    """The box with its sides multiplied, around the same middle."""
    x, y, width, height = box
    x -= width * (factor - 1) / 2
    y -= height * (factor - 1) / 2
    return x, y, width * factor, height * factor


def clipped(boxes: np.ndarray, image: np.ndarray, least: float = 2.0) -> np.ndarray:
    """`(n, 4)` the parts of `(m, 4)` boxes inside the image, without those below `least` pixels."""
    height, width = image.shape[:2]
    low = np.clip(boxes[:, :2], 0, [width, height])
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, [width, height])
    sides = high - low
    return np.concatenate([low, sides], axis=1)[(sides >= least).all(axis=1)]


def closer_boxes(poses: Sequence[Pose], image: np.ndarray, min_score: float) -> list[Box]:
    """Where to look a second time: an object that is small in its box is found less well.

    Args:
        poses: of the first look.
        image: `(height, width, 3)`.
        min_score: keypoints below it are not found.

    Returns:
        A box for each pose around its keypoints, inside the image; none where one has no pixels.
    """
    boxes = [enlarged(extent(pose, min_score), _CLOSER_MARGIN) for pose in poses]
    inside = clipped(np.array(boxes, float).reshape(-1, 4), image, _LEAST_PIXELS)
    if len(inside) < len(boxes):
        return []
    return [(x, y, width, height) for x, y, width, height in inside.tolist()]


def better_look(first: Sequence[Pose], second: Sequence[Pose]) -> bool:
    """Whether the second look is the one to keep: unless its scores are clearly lower."""
    scores = [np.mean([pose.score for pose in poses]) for poses in (first, second)]
    return bool(scores[1] >= _AS_GOOD * scores[0])
