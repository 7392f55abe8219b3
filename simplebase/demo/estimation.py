"""Estimates poses frame by frame: finds boxes, runs the model, tracks and smooths."""

import time
from collections.abc import Sequence

import numpy as np

from simplebase.demo.drawing import heat_of
from simplebase.demo.finding.boxes import Finder, overlap
from simplebase.demo.finding.tracking import LOST, Tracker
from simplebase.demo.frames import FramePoses
from simplebase.demo.smoothing import OneEuro
from simplebase.demo.stages import Stopwatch
from simplebase.errors import ArgumentError
from simplebase.geometry import Fit
from simplebase.inference import PoseEstimator, checked_boxes, cut_out
from simplebase.metadata import ModelMetadata
from simplebase.metrics import oks_nms, oks_sigmas
from simplebase.pose import Box, Pose, better_look, closer_boxes
from simplebase.runtimes import Runtime
from simplebase.skeletons import Skeleton
from simplebase.videos.frame import Frame

_SAME = 0.3
"""Overlap above which a tracked box and a detected box belong to the same object."""
_DUPLICATE = 0.7
"""OKS above which two poses belong to the same object. The official code uses 0.9, because average
precision tolerates duplicates, but a viewer does not."""


class WatchedRuntime:
    """Wraps a runtime and stores its last output and how long it took.

    Args:
        runtime: the runtime.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.metadata: ModelMetadata = runtime.metadata
        self.answer: np.ndarray | None = None
        self.milliseconds = 0.0
        self._runtime = runtime

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Calls the runtime."""
        started = time.perf_counter()
        self.answer = self._runtime.predict(images)
        self.milliseconds = (time.perf_counter() - started) * 1e3
        return self.answer


class FrameEstimator:
    """Estimates the poses of successive frames.

    Args:
        runtime: the model.
        find: finds the objects' boxes, see `boxes` and `detector`.
        is_sequence: whether frames are consecutive. Objects are only tracked if they are.
        find_every: number of frames between two calls of `find`. Between them, and if `find` misses
            an object, the box is taken from the object's last keypoints. None: `find` is called
            only if there is nothing to track. Its boxes then get a second pass around the
            keypoints, because an object that is small in its box is found less well.
        distinct: keep only the best of several poses of the same object.
        fit: how a box is fitted into the model's input.
        smoothing: settings of the filter for a sequence; None for no filter.
        min_score: keypoints with a lower score count as not found.
        with_heat: whether results have `heat`.
        stopwatch: measures `boxes`, `crop`, `model`, `decode` and `smooth`.

    Raises:
        ArgumentError: `with_heat` is set, but the model only returns keypoints.
    """

    def __init__(
        self,
        runtime: Runtime,
        find: Finder,
        *,
        is_sequence: bool,
        find_every: int | None = 1,
        distinct: bool = False,
        fit: Fit = "letterbox",
        smoothing: OneEuro | None = None,
        min_score: float = 0.1,
        with_heat: bool = False,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        if with_heat and runtime.metadata.outputs[0] != "heatmaps":
            raise ArgumentError(
                "the model returns keypoints, so there is no heatmap to draw over the image. "
                "Leave out --heatmap, or export the model with --outputs heatmaps."
            )
        self._watch = stopwatch or Stopwatch()
        self._runtime = WatchedRuntime(runtime)
        self._estimator = PoseEstimator(self._runtime, fit=fit)
        self._find = find
        self._find_every = find_every
        self._min_score = min_score
        self._since_found: int | None = None
        self._distinct = distinct
        self._with_heat = with_heat
        skeleton = runtime.metadata.skeleton
        padding = runtime.metadata.crop.padding
        self._tracker = Tracker(skeleton, smoothing, min_score, padding) if is_sequence else None

    def __call__(self, frame: Frame) -> FramePoses:
        """Estimates the poses of the next frame.

        Raises:
            ArgumentError: a box lies outside the frame.
        """
        image = frame.image
        with self._watch("boxes"):
            given, followed = self._candidates(frame)
            boxes = [*checked_boxes(image, given), *followed]
        poses, heat = self._look(image, boxes) if boxes else ([], None)
        if self._find_every is None and poses and not followed:
            poses, heat = self._look_closer(image, poses, heat)
        # An object may have left the frame, although its predicted box is still there.
        poses = [p for i, p in enumerate(poses) if i < len(given) or p.score >= LOST]
        if self._distinct:
            poses = self._without_duplicates(poses)
        if self._tracker:
            with self._watch("smooth"):
                poses = self._tracker.update(poses, frame.time)
        if self._with_heat and heat is None:
            heat = np.zeros(image.shape[:2], np.uint8)
        return FramePoses(frame, poses, heat)

    def _candidates(self, frame: Frame) -> tuple[Sequence[Box], Sequence[Box]]:
        """Returns the found boxes, and those of tracked objects."""
        if self._tracker is None or self._find_every == 1:
            return self._find(frame), []
        followed = self._tracker.boxes(frame.image)
        if self._since_found is not None:
            self._since_found += 1
        due = self._since_found is None or self._since_found == self._find_every
        if followed and not due:
            return [], followed
        self._since_found = 0
        found = self._find(frame)
        if found and followed:
            apart = overlap(np.array(followed), np.array(found)).max(axis=1) < _SAME
            followed = [box for box, keep in zip(followed, apart, strict=True) if keep]
        return found, followed

    def _look(
        self, image: np.ndarray, boxes: Sequence[Box]
    ) -> tuple[list[Pose], np.ndarray | None]:
        metadata = self._runtime.metadata
        with self._watch("crop"):
            crops, matrices = cut_out(image, boxes, metadata, self._estimator.fit)
        started = time.perf_counter()
        keypoints = self._estimator.keypoints(crops, matrices)
        taken, model = (time.perf_counter() - started) * 1e3, self._runtime.milliseconds
        self._watch.add("model", model)
        self._watch.add("decode", taken - model)
        poses = [Pose(k, b, metadata.skeleton) for k, b in zip(keypoints, boxes, strict=True)]
        if not self._with_heat or self._runtime.answer is None:
            return poses, None
        return poses, heat_of(image, self._runtime.answer, matrices, metadata)

    def _look_closer(
        self, image: np.ndarray, poses: list[Pose], heat: np.ndarray | None
    ) -> tuple[list[Pose], np.ndarray | None]:
        """Returns the poses of a second pass, unless their scores are clearly lower."""
        boxes = closer_boxes(poses, image, self._min_score)
        if not boxes:
            return poses, heat
        closer, closer_heat = self._look(image, boxes)
        return (closer, closer_heat) if better_look(poses, closer) else (poses, heat)

    def _without_duplicates(self, poses: list[Pose]) -> list[Pose]:
        """Keeps the best of several poses of the same object, without changing the order."""
        if len(poses) < 2:
            return poses
        keypoints = np.stack([pose.keypoints for pose in poses])
        boxes = np.array([pose.box for pose in poses])
        skeleton = self._runtime.metadata.skeleton
        return [poses[index] for index in best_of_duplicates(keypoints, boxes, skeleton).tolist()]


def best_of_duplicates(keypoints: np.ndarray, boxes: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Keeps the best of several poses of the same object in an image.

    Args:
        keypoints: `(n, K, 3)` x, y in pixels, and score.
        boxes: `(n, 4)` x, y, width, height of the boxes that were searched.
        skeleton: skeleton of the poses.

    Returns:
        Indices of the kept poses, in their order.
    """
    if len(keypoints) < 2:
        return np.arange(len(keypoints))
    sigmas, _ = oks_sigmas(skeleton)
    scores, areas = keypoints[..., 2].mean(axis=1), boxes[:, 2] * boxes[:, 3]
    return np.sort(oks_nms(keypoints, scores, areas, sigmas, _DUPLICATE))
