"""What a model finds in each frame of the material."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from simplebase.data.frames.sampling import Moment, Sampler
from simplebase.equality import ArrayEquality
from simplebase.errors import DataError
from simplebase.images import DepthRange
from simplebase.inference import PoseEstimator, cut_out, to_image, whole_image
from simplebase.progress import ProgressBar
from simplebase.suggesting.scoring import LabelledPoses, Parts, jumps, mirror_disagreement
from simplebase.suggesting.sources import Material

_UNMOVED = np.eye(2, 3)[None].repeat(2, axis=0)


@dataclass(frozen=True, eq=False)
class Look(ArrayEquality):
    """What the model finds in a frame.

    Args:
        moment: which frame.
        name: of its image, below the output's images.
        keypoints: `(K, 3)` x, y in image pixels, and score.
        mirror: see `mirror_disagreement`.
    """

    moment: Moment
    name: str
    keypoints: np.ndarray
    mirror: float


def look_at_all(
    material: Sequence[Material],
    estimator: PoseEstimator,
    sampler: Sampler,
    every: int,
    progress: ProgressBar,
    depth_range: DepthRange | None,
) -> list[Look]:
    """Runs the model on all frames, and keeps their small images.

    Args:
        material: where the frames come from.
        estimator: of the model, which looks at whole images.
        sampler: takes the small images, in the order of the result.
        every: look at each such frame of a video only.
        progress: opens a bar for each material.
        depth_range: which values of images of more than 8 bits become black and white.

    Raises:
        DataError: a material has no image that can be read.
    """
    looks: list[Look] = []
    for number, each in enumerate(material):
        before = len(looks)
        with closing(each.frames("looking at", progress, depth_range)) as frames:
            for frame in frames:
                if each.video and frame.index % every:
                    continue
                moment = Moment(number, frame.index, frame.time)
                sampler.add(moment, frame.image)
                looks.append(Look(moment, frame.name, *_look(frame.image, estimator)))
        if len(looks) == before:
            raise DataError(f"{each.name} has no image that can be read.")
    return looks


def _look(image: np.ndarray, estimator: PoseEstimator) -> tuple[np.ndarray, float]:
    """Keypoints `(K, 3)` in image pixels, and how far those of the mirrored image are off."""
    metadata = estimator.runtime.metadata
    crops, matrices = cut_out(image, [whole_image(image)], metadata)
    both = np.concatenate([crops, crops[:, :, ::-1]])
    found, mirrored = estimator.keypoints(both, _UNMOVED)
    permutation = estimator.skeleton.horizontal_permutation
    apart = mirror_disagreement(
        found[:, :2], mirrored[:, :2], permutation, (crops.shape[1], crops.shape[2])
    )
    return to_image(found[None], matrices)[0].astype(np.float32), apart


def parts_of(
    looks: Sequence[Look], poses: LabelledPoses | None, material: Sequence[Material]
) -> Parts:
    """What makes the frames interesting.

    Args:
        looks: at the frames, those of a material in order.
        poses: to compare with.
        material: where the frames come from.
    """
    keypoints = np.stack([look.keypoints for look in looks]).astype(np.float64)
    videos = np.array([look.moment.video for look in looks])
    jump, unlikely = np.full(len(looks), np.nan), np.full(len(looks), np.nan)
    for number, each in enumerate(material):
        if each.video:
            own = videos == number
            jump[own] = jumps(keypoints[own, :, :2])
    if poses is not None:
        unlikely = poses.distance(keypoints[..., :2])
    mirror = np.array([look.mirror for look in looks])
    return Parts(keypoints[..., 2].mean(axis=1), mirror, jump, unlikely)
