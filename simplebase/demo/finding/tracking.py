"""Tracks objects from frame to frame, and predicts their next boxes.

As in BlazePose (Bazarevsky et al., 2020, https://arxiv.org/abs/2006.10204), the keypoints of a
frame determine the box in the next frame, so that a detector need not run on every frame.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from simplebase.demo.smoothing import KeypointSmoother, OneEuro
from simplebase.metrics import match_by_oks, oks, oks_sigmas
from simplebase.pose import Box, Pose, clipped, enlarged, extent
from simplebase.skeletons import Skeleton

LOST = 0.2
"""Score of a pose below which the object counts as lost."""
_PADDING = 1.25
"""Padding of most models' crops. If a model crops more tightly, the box is enlarged instead."""
_PATIENCE = 10
"""How many frames an object may be missing before its number is dropped."""
_LEAST_SIDE = 0.6
"""Smallest ratio to the previous box, so that limbs that are hidden for a moment stay in view."""


@dataclass
class _Track:
    """One object: its pose as found last, not smoothed, and the square pixels of its extent."""

    identity: int
    pose: Pose
    area: float
    smoother: KeypointSmoother | None
    missing: int = 0


class Tracker:
    """Keeps the identities of objects, and smooths each one's keypoints.

    Args:
        skeleton: skeleton of the poses.
        smoothing: settings of the filter; None for no filter.
        min_score: keypoints with a lower score count as not found.
        padding: padding of the model's crops.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        smoothing: OneEuro | None,
        min_score: float,
        padding: float = _PADDING,
    ) -> None:
        self._skeleton = skeleton
        self._sigmas, _ = oks_sigmas(skeleton)
        self._smoothing = smoothing
        self._min_score = min_score
        self._growth = max(1.0, _PADDING / padding)
        self._tracks: list[_Track] = []
        self._born = 0

    def boxes(self, image: np.ndarray) -> list[Box]:
        """Returns the boxes in `image` of the objects that were seen in the previous frame."""
        poses = [track.pose for track in self._tracks if track.missing == 0]
        boxes = [
            box_around(pose, self._min_score, self._growth) for pose in poses if pose.score >= LOST
        ]
        inside = clipped(np.array(boxes, float).reshape(-1, 4), image, least=8.0)
        return [(x, y, width, height) for x, y, width, height in inside.tolist()]

    def update(self, poses: Sequence[Pose], time: float) -> list[Pose]:
        """Returns the poses with identities and smoothed keypoints.

        Args:
            poses: poses of a frame, one per object.
            time: time of the frame in seconds.
        """
        matched = self._match(poses)
        seen: list[_Track | None] = []
        for index, pose in zip(matched, poses, strict=True):
            if index >= 0:
                track = self._tracks[index]
                track.pose, track.area, track.missing = pose, self._area(pose), 0
                seen.append(track)
            else:
                # No keypoint was found, so there is no object that needs a number.
                found = (pose.keypoints[:, 2] >= self._min_score).any()
                seen.append(self._begin(pose) if found else None)
        numbers = {track.identity for track in seen if track}
        for track in self._tracks:
            track.missing += track.identity not in numbers
        self._tracks = [track for track in self._tracks if track.missing <= _PATIENCE]
        return [
            self._smoothed(track, time) if track else pose
            for track, pose in zip(seen, poses, strict=True)
        ]

    def _match(self, poses: Sequence[Pose]) -> list[int]:
        """Returns the index of each pose's track, or -1."""
        if not poses or not self._tracks:
            return [-1] * len(poses)
        known = np.stack([track.pose.keypoints for track in self._tracks])
        similarity = oks(
            np.stack([pose.keypoints[:, :2] for pose in poses]),
            known[..., :2],
            known[..., 2] >= self._min_score,
            np.array([track.area for track in self._tracks]),
            self._sigmas,
        )
        return match_by_oks(similarity, np.array([pose.score for pose in poses])).tolist()

    def _begin(self, pose: Pose) -> _Track:
        self._born += 1
        settings = self._smoothing
        smoother = None if settings is None else KeypointSmoother(settings, len(pose.keypoints))
        track = _Track(self._born, pose, self._area(pose), smoother)
        self._tracks.append(track)
        return track

    def _smoothed(self, track: _Track, time: float) -> Pose:
        pose = track.pose
        if track.smoother is None:
            return replace(pose, identity=track.identity)
        points, scores = pose.keypoints[:, :2], pose.keypoints[:, 2]
        found = scores >= self._min_score
        smooth = track.smoother(points, found, time, math.sqrt(track.area))
        keypoints = np.concatenate([smooth, scores[:, None]], axis=1).astype(np.float32)
        return replace(pose, keypoints=keypoints, identity=track.identity)

    def _area(self, pose: Pose) -> float:
        *_, width, height = extent(pose, self._min_score)
        return width * height


def box_around(pose: Pose, min_score: float, growth: float = 1.0) -> Box:
    """Returns an enlarged box around a pose's keypoints, or its own box if too few were found.

    Args:
        pose: the pose of one object.
        min_score: keypoints with a lower score count as not found.
        growth: factor for the box around the keypoints; not used for its own box.
    """
    box = extent(pose, min_score)
    if box == pose.box:
        return box
    return enlarged(box, max(growth, _LEAST_SIDE * max(pose.box[2:]) / max(box[2:])))
