"""Poses frame by frame: where to look, the model, who is who, smoothing."""

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
"""Overlap above which a followed box is of an object that the detector found as well."""
_DUPLICATE = 0.7
"""OKS above which two poses are of one object. The official code's 0.9 is for average precision,
which does not mind a second pose; an eye does."""


class WatchedRuntime:
    """A runtime that keeps its last answer, and how long it took.

    Args:
        runtime: the one that answers.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.metadata: ModelMetadata = runtime.metadata
        self.answer: np.ndarray | None = None
        self.milliseconds = 0.0
        self._runtime = runtime

    def predict(self, images: np.ndarray) -> np.ndarray:
        """As the runtime does."""
        started = time.perf_counter()
        self.answer = self._runtime.predict(images)
        self.milliseconds = (time.perf_counter() - started) * 1e3
        return self.answer


class FrameEstimator:
    """Finds the poses of frames, one after another.

    Args:
        runtime: of the model.
        find: where objects are, see `boxes` and `detector`.
        is_sequence: whether frames go on from each other; only then objects are followed.
        find_every: frames from one call of `find` to the next; between them, and where `find`
            misses an object, it is looked for where its keypoints were. None: only when there is
            nothing to follow; what it finds is looked at a second time, in the box around its
            keypoints, since an object that is small in its box is found less well.
        distinct: whether of several poses of one object only the best is wanted.
        fit: how a box goes into the model's input.
        smoothing: how strongly, of a sequence; None: not at all.
        min_score: keypoints below it are not found.
        with_heat: whether results have `heat`.
        stopwatch: measures `boxes`, `crop`, `model`, `decode` and `smooth`.

    Raises:
        ArgumentError: `with_heat` of a model that answers with keypoints alone.
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
                "the model returns keypoints, so there is no heatmap to lay over the image. "
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
        """The poses of the next frame.

        Raises:
            ArgumentError: a box lies outside of the frame.
        """
        image = frame.image
        with self._watch("boxes"):
            given, followed = self._candidates(frame)
            boxes = [*checked_boxes(image, given), *followed]
        poses, heat = self._look(image, boxes) if boxes else ([], None)
        if self._find_every is None and poses and not followed:
            poses, heat = self._look_closer(image, poses, heat)
        # Who walked out of the view is not there, but the box where he would be is.
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
        """Boxes that were found, and those of objects that are followed."""
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
        """What is found in the boxes around poses, unless its scores are clearly lower."""
        boxes = closer_boxes(poses, image, self._min_score)
        if not boxes:
            return poses, heat
        closer, closer_heat = self._look(image, boxes)
        return (closer, closer_heat) if better_look(poses, closer) else (poses, heat)

    def _without_duplicates(self, poses: list[Pose]) -> list[Pose]:
        """Of several poses of one object the best, in the order of before."""
        if len(poses) < 2:
            return poses
        keypoints = np.stack([pose.keypoints for pose in poses])
        boxes = np.array([pose.box for pose in poses])
        skeleton = self._runtime.metadata.skeleton
        return [poses[index] for index in best_of_duplicates(keypoints, boxes, skeleton).tolist()]


def best_of_duplicates(keypoints: np.ndarray, boxes: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Of several poses of one object in an image the best.

    Args:
        keypoints: `(n, K, 3)` x, y in pixels, and score.
        boxes: `(n, 4)` x, y, width, height: where each was looked for.
        skeleton: of the poses.

    Returns:
        Indices of the poses that stay, in their order.
    """
    if len(keypoints) < 2:
        return np.arange(len(keypoints))
    sigmas, _ = oks_sigmas(skeleton)
    scores, areas = keypoints[..., 2].mean(axis=1), boxes[:, 2] * boxes[:, 3]
    return np.sort(oks_nms(keypoints, scores, areas, sigmas, _DUPLICATE))
