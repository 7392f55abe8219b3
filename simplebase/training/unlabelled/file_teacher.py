"""Predicts pseudo keypoints with a teacher from a file, before the training run starts."""

import warnings

import numpy as np

from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning, listed
from simplebase.inference import PoseEstimator, to_image
from simplebase.progress import Progress
from simplebase.runtimes import Runtime
from simplebase.skeletons import Skeleton
from simplebase.skeletons.matching import match_keypoints
from simplebase.training.unlabelled.flip_consistency import average_flipped
from simplebase.training.unlabelled.pool import UnlabelledPool

_BATCH_SIZE = 32


def label_pool(
    pool: UnlabelledPool,
    runtime: Runtime,
    skeleton: Skeleton,
    mirror: float | None,
    progress: Progress | None = None,
) -> UnlabelledPool:
    """Returns the pool with a teacher's keypoints, found in its own crop and input size.

    Args:
        pool: the objects.
        runtime: the teacher, of any format.
        skeleton: the student's skeleton; keypoints are matched by name.
        mirror: see `UnlabelledSettings`.
        progress: is called with the number of finished objects and the total.

    Raises:
        ArgumentError: the teacher has none of the keypoints.
        DataError: an image cannot be read.
    """
    metadata = runtime.metadata
    indices = _teacher_indices(skeleton, metadata.skeleton)
    size = metadata.input_size
    dataset = pool.to_dataset(metadata.skeleton, metadata.crop, size)
    dataset = dataset.with_default_depth(metadata.depth_range)
    source = BatchSource(dataset, metadata.crop, size, _BATCH_SIZE)
    estimator = PoseEstimator(runtime)
    permutation = metadata.skeleton.horizontal_permutation
    predicted: list[np.ndarray] = []
    done = 0
    for batch in source.batches():
        crops = batch["images"]
        identity = np.broadcast_to(np.eye(2, 3), (len(crops), 2, 3))
        points = estimator.keypoints(crops, identity)
        if mirror is not None:
            flipped = estimator.keypoints(np.ascontiguousarray(crops[:, :, ::-1]), identity)
            points = average_flipped(points, flipped, permutation, size[1], mirror * max(size))
        predicted.append(to_image(points, batch["matrices"]))
        done += len(crops)
        if progress:
            progress(done, len(pool))
    keypoints = np.concatenate(predicted)
    known = np.array([index is not None for index in indices])
    ordered = keypoints[:, [0 if index is None else index for index in indices]]
    # 16-bit runtimes may return NaN, which is not a score.
    ordered[..., 2] = np.where(known & np.isfinite(ordered).all(axis=-1), ordered[..., 2], 0)
    return pool.with_keypoints(np.nan_to_num(ordered))


def require_pseudo_keypoints(
    pool: UnlabelledPool, threshold: float, teacher: str, remedy: str
) -> None:
    """Checks that at least one keypoint of the teacher reaches the threshold.

    Args:
        pool: the labelled objects.
        threshold: the lowest score.
        teacher: its name, for the error.
        remedy: what to do, for the error.

    Raises:
        DataError: no keypoint does.
    """
    scores = pool.keypoints[..., 2]
    if not (scores >= threshold).any():
        raise DataError(
            f"{teacher} finds no keypoint with a score of at least {threshold:g} in the "
            f"{len(pool)} images; the highest score is {scores.max():.2g}. Check that the images "
            f"show what it was trained on. {remedy}"
        )


def _teacher_indices(student: Skeleton, teacher: Skeleton) -> tuple[int | None, ...]:
    """Returns the teacher's index of each of the student's keypoints, matched by name."""
    match = match_keypoints(student, teacher)
    unknown = [name for name, place in zip(match.names, match.places, strict=True) if place is None]
    if len(unknown) == len(match.names):
        raise ArgumentError(
            f"the teacher has none of the keypoints that are trained: it finds "
            f"{listed(match.other_names, 8)}, and the dataset has {listed(match.names, 8)}. Give a "
            "teacher for the same kind of object."
        )
    if unknown:
        warnings.warn(
            f"the teacher does not know {listed(unknown, 8)}: the student learns "
            f"{'it' if len(unknown) == 1 else 'them'} from labelled images only.",
            SimplebaseWarning,
            stacklevel=3,
        )
    return match.places
