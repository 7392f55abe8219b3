"""What a model finds in each frame of the material."""

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
from simplebase.suggesting.scoring import LabelledPoses, Parts, jumps, mirror_disagreement
from simplebase.suggesting.sources import Material
from simplebase.videos.frame import Frame


@dataclass(frozen=True, eq=False)
class Look(ArrayEquality):
    """What the model finds in a frame.

    Args:
        moment: which frame.
        name: of its image, below the output's images.
        poses: of the objects, one at least.
        mirror: mean of their `mirror_disagreement`.
    """

    moment: Moment
    name: str
    poses: list[Pose]
    mirror: float

    @property
    def keypoints(self) -> np.ndarray:
        """`(n, K, 3)` x, y in image pixels, and score, of its `n` objects."""
        return np.stack([pose.keypoints for pose in self.poses]).astype(np.float64)


class Looker:
    """Runs a model on the objects of frames.

    Args:
        estimator: of the model.
        find: says where the objects are.
        every: look at each such frame of a video only.
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
        """Frames in which `find` found nothing so far. They are in no look."""

    def look_at_all(
        self, material: Sequence[Material], sampler: Sampler, progress: ProgressBar
    ) -> list[Look]:
        """Looks at all frames with an object, and keeps their small images.

        Args:
            material: where the frames come from.
            sampler: takes the small images, in the order of the result.
            progress: opens a bar for each material.

        Raises:
            ArgumentError: a box lies outside of its frame.
            DataError: a material has no image that can be read, or no frame has an object.
        """
        looks: list[Look] = []
        for number, each in enumerate(material):
            before = len(looks) + self.without_object
            with closing(each.frames("looking at", progress, self._depth_range)) as frames:
                for frame in frames:
                    if each.video and frame.index % self._every:
                        continue
                    boxes = self._boxes(frame, each)
                    if not boxes:
                        self.without_object += 1
                        continue
                    moment = Moment(number, frame.index, frame.time)
                    sampler.add(moment, frame.image)
                    poses, mirror = self._look(frame.image, boxes)
                    looks.append(Look(moment, each.placed(frame.name), poses, mirror))
            if len(looks) + self.without_object == before:
                raise DataError(f"{each.name} has no image that can be read.")
        if not looks:
            names = ", ".join(each.name for each in material)
            raise DataError(
                f"{names}: no object was found in any of {counted(self.without_object, 'frame')}. "
                "Check --boxes or --detector, or leave it out if the object fills the frame."
            )
        if self._every == 1 and isinstance(self._find, BoxesByFrame):
            self._find.warn_of_unused()
        return looks

    def _boxes(self, frame: Frame, material: Material) -> Sequence[Box]:
        try:
            return checked_boxes(frame.image, self._find(frame))
        except ArgumentError as error:
            raise ArgumentError(f"{material.name}, {frame.name}: {error}") from error

    def _look(self, image: np.ndarray, boxes: Sequence[Box]) -> tuple[list[Pose], float]:
        """The poses, and how far those of the mirrored crops are off on average."""
        estimator, skeleton = self._estimator, self._estimator.skeleton
        crops, matrices = cut_out(image, boxes, estimator.runtime.metadata, estimator.fit)
        both = np.concatenate([crops, crops[:, :, ::-1]])
        unmoved = np.eye(2, 3)[None].repeat(len(both), axis=0)
        found, mirrored = np.split(estimator.keypoints(both, unmoved), 2)
        keypoints = to_image(found, matrices).astype(np.float32)
        kept = best_of_duplicates(keypoints, np.array(boxes), skeleton).tolist()
        permutation, size = skeleton.horizontal_permutation, (crops.shape[1], crops.shape[2])
        apart = [
            mirror_disagreement(found[i, :, :2], mirrored[i, :, :2], permutation, size)
            for i in kept
        ]
        return [Pose(keypoints[i], boxes[i], skeleton) for i in kept], float(np.mean(apart))


def parts_of(
    looks: Sequence[Look], poses: LabelledPoses | None, material: Sequence[Material]
) -> Parts:
    """What makes the frames interesting.

    Args:
        looks: at the frames, those of a material in order.
        poses: to compare with.
        material: where the frames come from.
    """
    keypoints = [look.keypoints for look in looks]
    videos = np.array([look.moment.video for look in looks])
    jump, unlikely = np.full(len(looks), np.nan), np.full(len(looks), np.nan)
    for number, each in enumerate(material):
        if each.video:
            own = np.flatnonzero(videos == number)
            jump[own] = jumps([keypoints[place][..., :2] for place in own.tolist()])
    if poses is not None:
        unlikely = np.array([poses.distance(each[..., :2]).mean() for each in keypoints])
    mean_score = np.array([each[..., 2].mean() for each in keypoints])
    return Parts(mean_score, np.array([look.mirror for look in looks]), jump, unlikely)
