"""PCKh, the official metric of MPII Human Pose (Andriluka et al., CVPR 2014).

As in the evaluation toolkit of http://human-pose.mpi-inf.mpg.de (`evaluatePCKh.m`): a joint is
correct if its distance, divided by 0.6 times the head box's diagonal, is at most the threshold.
Pelvis and thorax (joints 6 and 7) are left out. The toolkit counts pixels from 1 and this package
from 0, in both labels and predictions, so the distances are the same.
"""

from dataclasses import dataclass

import numpy as np

from simplebase.metrics.distance import mean_by_keypoint
from simplebase.metrics.pck import correct_keypoints, head_normaliser, indices_by_name
from simplebase.skeletons import Skeleton

PCKH_THRESHOLDS = (0.5, 0.1)
"""The thresholds that papers report: the official one, and a stricter one."""

PCKH_GROUPS = {
    "Head": ("upper_neck", "head_top"),
    "Shoulder": ("right_shoulder", "left_shoulder"),
    "Elbow": ("right_elbow", "left_elbow"),
    "Wrist": ("right_wrist", "left_wrist"),
    "Hip": ("right_hip", "left_hip"),
    "Knee": ("right_knee", "left_knee"),
    "Ankle": ("right_ankle", "left_ankle"),
}
"""The columns of the official table in order (`genTablePCK.m`), each the mean of two joints.

The Python evaluation of Simple Baselines and MMPose prints `head_top` alone as "Head".
"""

PCKH_JOINTS = tuple(name for names in PCKH_GROUPS.values() for name in names)


@dataclass(frozen=True)
class PCKh:
    """PCKh as fractions; `None` where nothing is labelled.

    Args:
        threshold: fraction of the normaliser.
        groups: `Head` to `Ankle`, in the order of the official table. As there, also `None` if one
            of a group's two joints is never labelled.
        mean: mean over all labelled joints of the groups.
        per_keypoint: the value of each of these joints.
    """

    threshold: float
    groups: dict[str, float | None]
    mean: float | None
    per_keypoint: dict[str, float | None]

    @property
    def table(self) -> dict[str, float | None]:
        """Returns the official columns, `Head` to `Ankle` and `Mean`."""
        return {**self.groups, "Mean": self.mean}


def pckh(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    headboxes: np.ndarray,
    skeleton: Skeleton,
    *,
    threshold: float = 0.5,
) -> PCKh:
    """Computes PCKh at one threshold.

    The "Mean@0.1" that Simple Baselines and its successors print is actually at 0.11 (entry 11 of
    thresholds that start at 0). So their figures for 0.1 are higher than ours.

    Args:
        predicted: `(N, K, 2)` pixels; NaN where a joint was not found, which counts as wrong.
        labelled: `(N, K, 2)` pixels.
        visible: `(N, K)` bool, whether a joint is labelled, hidden or not.
        headboxes: `(N, 4)` x1, y1, x2, y2. A person whose head box is NaN does not count.
        skeleton: a skeleton with the names of MPII's joints. Other joints do not count.
        threshold: fraction of the normaliser.

    Raises:
        DataError: the skeleton lacks one of MPII's joints.
    """
    correct = pckh_correct(predicted, labelled, visible, headboxes, skeleton, threshold=threshold)
    values, mean = mean_by_keypoint(correct)
    joints = dict(zip(PCKH_JOINTS, values.tolist(), strict=True))
    return PCKh(
        threshold,
        {group: _number((joints[a] + joints[b]) / 2) for group, (a, b) in PCKH_GROUPS.items()},
        _number(mean),
        {name: _number(value) for name, value in joints.items()},
    )


def pckh_correct(
    predicted: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    headboxes: np.ndarray,
    skeleton: Skeleton,
    *,
    threshold: float = 0.5,
) -> np.ndarray:
    """Returns `(N, 14)`: 1 for correct, 0 for wrong, NaN for joints that do not count.

    The joints are in the order of `PCKH_JOINTS`. The mean PCKh is the mean of all values. For the
    arguments see `pckh`.
    """
    rows = indices_by_name(skeleton, PCKH_JOINTS, "PCKh")
    return correct_keypoints(
        predicted[:, rows],
        labelled[:, rows],
        visible[:, rows],
        threshold=threshold,
        normaliser=head_normaliser(headboxes),
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
