"""Losses over heatmaps, with a weight for every keypoint of every sample.

Each takes target and predicted heatmaps `(B, h, w, K)` and weights `(B, K)`, 0 where a keypoint is
not labelled or out of view, and returns two scalars: the sum of the keypoints' errors, and how many
keypoints that are. `mean_loss` makes one number of them, over one batch or over the parts of a
batch that several devices hold. All but `mse` and `mae` leave unlabelled keypoints out: a model
trained with those two is told that what nobody labelled is nowhere.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from simplebase.errors import ArgumentError

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


@keras.saving.register_keras_serializable(package="simplebase")
class HeatmapLoss(keras.losses.Loss):
    """One of the losses above as a Keras loss.

    Called with target and predicted heatmaps `(B, h, w, K)` and, as Keras's `sample_weight`, the
    weights `(B, K)` of the keypoints (by default 1). It returns `mean_loss`, a scalar: the mean is
    over the keypoints that count, which no `reduction` of Keras does.

    Args:
        loss: a name in `LOSSES`.
        name: under which Keras reports it.

    Raises:
        ArgumentError: an unknown loss.
    """

    def __init__(self, loss: str = "weighted_mse", name: str | None = None) -> None:
        if loss not in LOSSES:
            raise ArgumentError(f"loss is one of {', '.join(LOSSES)}. Received: {loss!r}.")
        super().__init__(name=name or loss, reduction="sum", dtype="float32")
        self.loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The mean error of the keypoints."""
        target, predicted = (ops.cast(maps, "float32") for maps in (y_true, y_pred))
        if sample_weight is None:
            weights = ops.ones_like(target[:, 0, 0])
        else:
            weights = ops.cast(sample_weight, "float32")
        return mean_loss(*LOSSES[self.loss](target, predicted, weights))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The mean error of all keypoints."""
        return self(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"loss": self.loss, "name": self.name}
