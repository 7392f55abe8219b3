"""The keypoints that a model finds in each frame of the sources."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from simplebase.data.frames.sampling import Moment, Sampler
from simplebase.demo.estimation import best_of_duplicates
from simplebase.demo.finding.boxes import BoxesByFrame, Finder
from simplebase.equality import ArrayEquality
from simplebase.errors import ArgumentError, DataError, counted
from simplebase.images import DepthRange
from simplebase.inference import PoseEstimator, checked_boxes, cut_out, to_image
from simplebase.pose import Box, Pose
from simplebase.progress import ProgressBar
from simplebase.suggesting.scoring import Criteria, LabelledPoses, jumps, mirror_disagreement
from simplebase.suggesting.sources import FrameSource
from simplebase.videos.frame import Frame


@dataclass(frozen=True, eq=False)
class FramePrediction(ArrayEquality):
    """What the model finds in a frame.

    Args:
        moment: the source and number of the frame.
        name: path of the frame's image, relative to the folder of images in the output.
        poses: one pose per object, at least one.
        mirror: mean of `mirror_disagreement` over the objects.
    """

    moment: Moment
    name: str
    poses: list[Pose]
    mirror: float

    @property
    def keypoints(self) -> np.ndarray:
        """`(n, K, 3)`: x and y in image pixels, and the score, for `n` objects."""
        return np.stack([pose.keypoints for pose in self.poses]).astype(np.float64)


class FramePredictor:
    """Runs a model on the objects of frames and on their mirror images.

    Args:
        estimator: the estimator of the model.
        find: returns the boxes of the objects in a frame.
        every: use only every such frame of a video.
        depth_range: which values of images of more than 8 bits become black and white.
    """

    def __init__(
        self,
        estimator: PoseEstimator,
        find: Finder,
        every: int = 1,
        depth_range: DepthRange | None = None,
    ) -> None:
        self._estimator = estimator
        self._find = find
        self._every = every
        self._depth_range = depth_range
        self.without_object = 0
        """Number of frames so far in which `find` found nothing. They have no prediction."""

    def predict(
        self, sources: Sequence[FrameSource], sampler: Sampler, progress: ProgressBar
    ) -> list[FramePrediction]:
        """Predicts the keypoints of all frames that show an object.

        Args:
            sources: where the frames come from.
            sampler: receives a small image of each of these frames, in the order of the result.
            progress: opens a bar for each source.

        Raises:
            ArgumentError: a box lies outside of its frame.
            DataError: a source has no readable image, or no frame shows an object.
        """
        predictions: list[FramePrediction] = []
        for number, source in enumerate(sources):
            before = len(predictions) + self.without_object
            with closing(source.frames("predicting", progress, self._depth_range)) as frames:
                for frame in frames:
                    if source.video and frame.index % self._every:
                        continue
                    boxes = self._boxes(frame, source)
                    if not boxes:
                        self.without_object += 1
                        continue
                    moment = Moment(number, frame.index, frame.time)
                    sampler.add(moment, frame.image)
                    poses, mirror = self._predict(frame.image, boxes)
                    name = source.output_name(frame.name)
                    predictions.append(FramePrediction(moment, name, poses, mirror))
            if len(predictions) + self.without_object == before:
                raise DataError(f"{source.name} has no image that can be read.")
        if not predictions:
            names = ", ".join(source.name for source in sources)
            raise DataError(
                f"{names}: no object was found in any of {counted(self.without_object, 'frame')}. "
                "Check --boxes or --detector, or leave it out if the object fills the frame."
            )
        if self._every == 1 and isinstance(self._find, BoxesByFrame):
            self._find.warn_of_unused()
        return predictions

    def _boxes(self, frame: Frame, source: FrameSource) -> Sequence[Box]:
        try:
            return checked_boxes(frame.image, self._find(frame))
        except ArgumentError as error:
            raise ArgumentError(f"{source.name}, {frame.name}: {error}") from error

    def _predict(self, image: np.ndarray, boxes: Sequence[Box]) -> tuple[list[Pose], float]:
        """Returns the poses in the boxes and their mean distance to those of the mirrored crops."""
        estimator, skeleton = self._estimator, self._estimator.skeleton
        crops, matrices = cut_out(image, boxes, estimator.runtime.metadata, estimator.fit)
        both = np.concatenate([crops, crops[:, :, ::-1]])
        unmoved = np.eye(2, 3)[None].repeat(len(both), axis=0)
        found, mirrored = np.split(estimator.keypoints(both, unmoved), 2)
        keypoints = to_image(found, matrices).astype(np.float32)
        kept = best_of_duplicates(keypoints, np.array(boxes), skeleton).tolist()
        permutation, size = skeleton.horizontal_permutation, (crops.shape[1], crops.shape[2])
        distances = [
            mirror_disagreement(found[i, :, :2], mirrored[i, :, :2], permutation, size)
            for i in kept
        ]
        return [Pose(keypoints[i], boxes[i], skeleton) for i in kept], float(np.mean(distances))


def compute_criteria(
    predictions: Sequence[FramePrediction],
    labelled: LabelledPoses | None,
    sources: Sequence[FrameSource],
) -> Criteria:
    """Computes the criteria by which the frames are ranked.

    Args:
        predictions: `N` frames; those of a source are in order.
        labelled: the poses that predicted poses are compared with.
        sources: where the frames come from.
    """
    keypoints = [prediction.keypoints for prediction in predictions]
    videos = np.array([prediction.moment.video for prediction in predictions])
    jump, unlikely = np.full(len(predictions), np.nan), np.full(len(predictions), np.nan)
    for number, source in enumerate(sources):
        if source.video:
            own = np.flatnonzero(videos == number)
            jump[own] = jumps([keypoints[place][..., :2] for place in own.tolist()])
    if labelled is not None:
        unlikely = np.array([labelled.distance(each[..., :2]).mean() for each in keypoints])
    mean_score = np.array([each[..., 2].mean() for each in keypoints])
    mirror = np.array([prediction.mirror for prediction in predictions])
    return Criteria(mean_score, mirror, jump, unlikely)
