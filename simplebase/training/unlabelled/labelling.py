"""Labels the images of a pool with a teacher from a file, before the training run starts."""

import warnings

import numpy as np

from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning, listed
from simplebase.inference import PoseEstimator, to_image
from simplebase.progress import Progress
from simplebase.runtimes import Runtime
from simplebase.skeletons import Skeleton
from simplebase.skeletons.matching import match_keypoints
from simplebase.training.unlabelled.agreement import agreed
from simplebase.training.unlabelled.pool import Pool

_AT_ONCE = 32


def label(
    pool: Pool,
    runtime: Runtime,
    skeleton: Skeleton,
    mirror: float | None,
    progress: Progress | None = None,
) -> Pool:
    """Returns the pool with a model's keypoints, found in the model's own crop and input size.

    Args:
        pool: the objects.
        runtime: the model, of any format.
        skeleton: the skeleton that is trained; keypoints are matched by name.
        mirror: see `UnlabelledSettings`.
        progress: is called with the number of finished objects and the total.

    Raises:
        ArgumentError: the model has none of the keypoints.
        DataError: an image cannot be read.
    """
    metadata = runtime.metadata
    places = _places(skeleton, metadata.skeleton)
    size = metadata.input_size
    dataset = pool.dataset(metadata.skeleton, metadata.crop, size)
    dataset = dataset.with_default_depth(metadata.depth_range)
    source = BatchSource(dataset, metadata.crop, size, _AT_ONCE)
    estimator = PoseEstimator(runtime)
    permutation = metadata.skeleton.horizontal_permutation
    found: list[np.ndarray] = []
    done = 0
    for batch in source.batches():
        crops = batch["images"]
        unmoved = np.broadcast_to(np.eye(2, 3), (len(crops), 2, 3))
        points = estimator.keypoints(crops, unmoved)
        if mirror is not None:
            other = estimator.keypoints(np.ascontiguousarray(crops[:, :, ::-1]), unmoved)
            points = agreed(points, other, permutation, size[1], mirror * max(size))
        found.append(to_image(points, batch["matrices"]))
        done += len(crops)
        if progress:
            progress(done, len(pool))
    keypoints = np.concatenate(found)
    known = np.array([place is not None for place in places])
    ordered = keypoints[:, [0 if place is None else place for place in places]]
    # 16-bit runtimes may return NaN, which is not a score.
    ordered[..., 2] = np.where(known & np.isfinite(ordered).all(axis=-1), ordered[..., 2], 0)
    return pool.with_keypoints(np.nan_to_num(ordered))


def require_something(pool: Pool, threshold: float, teacher: str) -> None:
    """Checks that at least one keypoint of the teacher reaches the threshold.

    Raises:
        DataError: no keypoint does.
    """
    scores = pool.keypoints[..., 2]
    if not (scores >= threshold).any():
        raise DataError(
            f"{teacher} finds no keypoint with a score of at least {threshold:g} in the "
            f"{len(pool)} images; the highest score is {scores.max():.2f}. Lower the threshold of "
            "`unlabelled`, or check that the images show what it was trained on."
        )


def _places(mine: Skeleton, theirs: Skeleton) -> tuple[int | None, ...]:
    """Returns the teacher's index of each keypoint, matched by name."""
    match = match_keypoints(mine, theirs)
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
