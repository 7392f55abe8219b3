"""Losses over heatmaps, with a weight for every keypoint of every sample.

Each loss takes target and predicted heatmaps `(B, h, w, K)` and weights `(B, K)`, which are 0 where
a keypoint is unlabelled or outside the input. It returns two scalars: the sum of the keypoints'
errors, and the number of these keypoints. `mean_loss` divides them, for one batch or for the parts
of a batch on several devices. All losses except `mse` and `mae` ignore unlabelled keypoints. Those
two teach the model that an unlabelled keypoint is absent.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from simplebase.errors import ArgumentError

Loss = Callable[[Any, Any, Any], tuple[Any, Any]]

OHKM_KEYPOINTS = 8
"""Keypoints per sample that `ohkm` learns from (Chen et al., https://arxiv.org/abs/1711.07319)."""


def mean_loss(total: Any, count: Any) -> Any:
    """Returns the mean error of the keypoints, 0 if there are none.

    Args:
        total: sum of errors over the whole batch.
        count: number of keypoints in the whole batch.
    """
    return total / ops.maximum(count, 1.0)


def mse(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Squared error over all heatmaps, labelled or not, as in the upstream project."""
    return _sums(ops.square(predicted - target), ops.ones_like(weights))


def mae(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Absolute error over all heatmaps, labelled or not, as in the upstream project."""
    return _sums(ops.abs(predicted - target), ops.ones_like(weights))


def weighted_mse(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Squared error over the labelled keypoints' heatmaps."""
    return _sums(ops.square(predicted - target), weights)


def smooth_l1(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Half the square up to an error of 1, linear beyond (Girshick, 2015).

    This equals Huber's loss with delta 1. The upstream project has both names for it.
    """
    size = ops.abs(predicted - target)
    return _sums(ops.where(size <= 1, 0.5 * ops.square(size), size - 0.5), weights)


def ohkm(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Online hard keypoint mining: squared error of each sample's 8 worst labelled keypoints.

    Chen et al., 2018, https://arxiv.org/abs/1711.07319. If fewer are labelled, all of them count.
    """
    errors = ops.mean(ops.square(predicted - target), axis=(1, 2)) * weights
    worst, _ = ops.top_k(errors, min(OHKM_KEYPOINTS, errors.shape[-1]))
    labelled = ops.minimum(ops.sum(weights, axis=-1), float(OHKM_KEYPOINTS))
    return ops.sum(worst), ops.sum(labelled)


def adaptive_wing(target: Any, predicted: Any, weights: Any) -> tuple[Any, Any]:
    """Adaptive wing loss, which is steeper on the peaks than beside them.

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
    """Returns the weighted sum of `errors` `(B, h, w, K)`, and the sum of `weights` `(B, K)`."""
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
    """A loss of `LOSSES` as a Keras loss.

    Call it with target and predicted heatmaps `(B, h, w, K)` and, as Keras's `sample_weight`, the
    weights `(B, K)` of the keypoints, which are 1 by default. It returns a scalar: the mean over
    the keypoints with a weight, which no `reduction` of Keras computes.

    Args:
        loss: a name in `LOSSES`.
        name: the name under which Keras reports it. The default is `loss`.

    Raises:
        ArgumentError: the loss is unknown.
    """

    def __init__(self, loss: str = "weighted_mse", name: str | None = None) -> None:
        if loss not in LOSSES:
            raise ArgumentError(f"loss must be one of {', '.join(LOSSES)}. Received: {loss!r}.")
        super().__init__(name=name or loss, reduction="sum", dtype="float32")
        self.loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the mean error of the keypoints."""
        target, predicted = (ops.cast(maps, "float32") for maps in (y_true, y_pred))
        if sample_weight is None:
            weights = ops.ones_like(target[:, 0, 0])
        else:
            weights = ops.cast(sample_weight, "float32")
        return mean_loss(*LOSSES[self.loss](target, predicted, weights))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the mean error of all keypoints."""
        return self(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"loss": self.loss, "name": self.name}
