"""Losses over heatmaps, with a weight for every keypoint of every sample.

Each takes target and predicted heatmaps `(B, h, w, K)` and weights `(B, K)`, 0 where a keypoint is
not labelled or out of view, and returns two scalars: the sum of the keypoints' errors, and how many
keypoints that are. `mean_loss` makes one number of them, over one batch or over the parts of a
batch that several devices hold. All but `mse` and `mae` leave unlabelled keypoints out: a model
trained with those two is told that what nobody labelled is nowhere.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

Loss = Callable[[Any, Any, Any], tuple[Any, Any]]

OHKM_KEYPOINTS = 8
"""How many of a sample's keypoints `ohkm` learns from (Chen et al., https://arxiv.org/abs/1711.07319)."""


def mean_loss(total: Any, count: Any) -> Any:
    """The loss: the mean error of the keypoints, 0 where there are none.

    Args:
        total: sum of errors over the whole batch.
        count: of keypoints in the whole batch.
    """
    return total / ops.maximum(count, 1.0)


def mse(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Squared error over all heatmaps, labelled or not (upstream's meaning)."""
    return _sums(ops.square(predicted - target), ops.ones_like(weights))


def mae(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Absolute error over all heatmaps, labelled or not (upstream's meaning)."""
    return _sums(ops.abs(predicted - target), ops.ones_like(weights))


def weighted_mse(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Squared error over the labelled keypoints' heatmaps."""
    return _sums(ops.square(predicted - target), weights)


def smooth_l1(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Half the square up to an error of 1, linear beyond (Girshick, 2015).

    That is Huber's loss with delta 1: upstream's two names stand for one function.
    """
    size = ops.abs(predicted - target)
    return _sums(ops.where(size <= 1, 0.5 * ops.square(size), size - 0.5), weights)


def ohkm(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Online hard keypoint mining: squared error of each sample's 8 worst labelled keypoints.

    Chen et al., 2018, https://arxiv.org/abs/1711.07319. With fewer keypoints all of them count.
    """
    errors = ops.mean(ops.square(predicted - target), axis=(1, 2)) * weights
    worst, _ = ops.top_k(errors, min(OHKM_KEYPOINTS, errors.shape[-1]))
    labelled = ops.minimum(ops.sum(weights, axis=-1), float(OHKM_KEYPOINTS))
    return ops.sum(worst), ops.sum(labelled)


def adaptive_wing(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Adaptive wing loss, steeper on the peaks than beside them.

    Wang et al., 2019, https://arxiv.org/abs/1904.07399, with its constants omega 14, theta 0.5,
    epsilon 1, alpha 2.1 and its weighted map: pixels near a peak (target at least 0.2, dilated by
    3x3) count eleven-fold.
    """
    omega, theta, epsilon, alpha = 14.0, 0.5, 1.0, 2.1
    difference = ops.abs(target - predicted)
    power = alpha - target
    ratio = theta / epsilon
    slope = omega / (1 + ratio**power) * power * ratio ** (power - 1) / epsilon
    offset = theta * slope - omega * ops.log1p(ratio**power)
    small = omega * ops.log1p(ops.power(difference / epsilon, power))
    wing = ops.where(difference < theta, small, slope * difference - offset)
    near_peak = ops.cast(ops.max_pool(target, 3, strides=1, padding="same") >= 0.2, wing.dtype)
    return _sums(wing * (1 + 10 * near_peak), weights)


def _sums(errors: Any, weights: Any) -> tuple[Any, Any]:
    """Sum of `errors` `(B, h, w, K)` over the keypoints of `weights` `(B, K)`; their count."""
    per_keypoint = ops.mean(errors, axis=(1, 2))
    return ops.sum(per_keypoint * weights), ops.sum(weights)


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "mae": mae,
    "weighted_mse": weighted_mse,
    "smooth_l1": smooth_l1,
    "huber": smooth_l1,
    "ohkm": ohkm,
    "adaptive_wing": adaptive_wing,
}
