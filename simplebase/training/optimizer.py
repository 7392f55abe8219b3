"""Optimizer and learning rate of a recipe.

The learning rate rises linearly, then decays. A decay is a plain function that returns a fraction
of the peak. Its argument `progress` rises from 0 after the warm-up to 1 at the end of the run. Like
`HeatmapCodec.encode`, it takes the array library as an argument, so that the graph and the display
compute the same values.
"""

import math
from collections.abc import Callable
from typing import Any, assert_never

import keras
import numpy as np

from simplebase.errors import ArgumentError
from simplebase.presets import Recipe
from simplebase.presets.choices import DecayType

Decay = Callable[[Any, Any], Any]

_FLOOR = 0.01  # Fraction of the peak at which cosine and polynomial end; upstream's cosine: 0.
_EXPONENTIAL_END = 0.9  # Upstream's decay_rate, over all steps of its second stage.
_PIECEWISE_DROP = 0.9  # Upstream's boundary; our warm-up replaces its 500 steps at 0.001.
_STEP_DROPS = (90 / 140, 120 / 140)  # Epochs of Xiao et al., 2018, https://arxiv.org/abs/1804.06208
_MAX_WARMUP = 0.1  # Fraction of the run. In a short run, the warm-up must not take all steps.
_SGD_MOMENTUM = 0.9
# Biases and BatchNorm's parameters are too few to overfit, and decay would only bias them.
_NOT_DECAYED = ["bias", "gamma", "beta"]


def constant(progress: Any, ops: Any) -> Any:
    """Stays at the peak."""
    return ops.ones_like(progress)


def cosine(progress: Any, ops: Any) -> Any:
    """Falls to a hundredth as half a cosine wave."""
    return _FLOOR + (1 - _FLOOR) * (1 + ops.cos(math.pi * progress)) / 2


def exponential(progress: Any, ops: Any) -> Any:
    """Falls to nine tenths, by the same factor in each step."""
    return ops.exp(math.log(_EXPONENTIAL_END) * progress)


def polynomial(progress: Any, ops: Any) -> Any:
    """Falls linearly to a hundredth."""
    return 1 - (1 - _FLOOR) * progress


def piecewise_constant(progress: Any, ops: Any) -> Any:
    """Falls to a tenth in the last tenth of the run."""
    return ops.where(progress < _PIECEWISE_DROP, 1.0, 0.1)


def stepwise(progress: Any, ops: Any) -> Any:
    """Falls to a tenth after 90/140 of the run, and to a hundredth after 120/140."""
    first, second = _STEP_DROPS
    return ops.where(progress < first, 1.0, ops.where(progress < second, 0.1, 0.01))


DECAYS: dict[DecayType, Decay] = {
    "none": constant,
    "cosine": cosine,
    "exponential": exponential,
    "polynomial": polynomial,
    "piecewise-constant": piecewise_constant,
    "step": stepwise,
}


@keras.saving.register_keras_serializable(package="simplebase")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `learning_rate`, then decays until the end of the run.

    Args:
        learning_rate: the peak, at step `warmup_steps`; steps count from 0.
        decay_type: a name in `DECAYS`.
        warmup_steps: length of the rise. The rate of the first step is above 0.
        total_steps: length of the run, including the rise. Later steps keep the final rate.

    Raises:
        ArgumentError: the decay is unknown.
    """

    def __init__(
        self, learning_rate: float, decay_type: DecayType, warmup_steps: int, total_steps: int
    ) -> None:
        if decay_type not in DECAYS:
            raise ArgumentError(
                f"decay type must be one of {', '.join(DECAYS)}. Received: {decay_type!r}."
            )
        self.learning_rate = learning_rate
        self.decay_type = decay_type
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate at `step` as a float32 tensor, for the optimizer."""
        return self._rate(keras.ops.cast(step, "float32"), keras.ops)

    def at(self, step: int) -> float:
        """Returns the learning rate at `step` as a number, without a graph."""
        return float(self._rate(np.float64(step), np))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "decay_type": self.decay_type,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }

    def _rate(self, step: Any, ops: Any) -> Any:
        rise = ops.minimum((step + 1) / (self.warmup_steps + 1), 1.0)
        progress = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        decay = DECAYS[self.decay_type](ops.clip(progress, 0.0, 1.0), ops)
        return self.learning_rate * rise * decay


def build_schedule(recipe: Recipe, steps_per_epoch: int, *, transfer: bool) -> Schedule:
    """Builds the schedule of one of the recipe's two stages. Its steps count from 0.

    Args:
        recipe: how to train.
        steps_per_epoch: optimizer steps per epoch.
        transfer: True for the first stage, with a constant rate. False for the second, with warm-up
            and decay over the epochs that `init_epoch` and the first stage leave.
    """
    if transfer:
        steps = recipe.transfer_epoch * steps_per_epoch
        return Schedule(recipe.learning_rate, "none", warmup_steps=0, total_steps=steps)
    epochs = recipe.total_epoch - recipe.init_epoch - recipe.transfer_epoch
    steps = epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), int(_MAX_WARMUP * steps))
    return Schedule(recipe.learning_rate, recipe.decay_type, warmup, steps)


def build_optimizer(
    recipe: Recipe, schedule: Schedule, *, replicas: int = 1
) -> keras.optimizers.Optimizer:
    """Builds the optimizer of a recipe, without the weight average of `recipe.ema`.

    Args:
        recipe: how to train.
        schedule: schedule of the stage to train.
        replicas: number of devices that share a batch. A training step passes the sum of their
            gradients divided by this number, which Keras sums again after clipping. So the clipping
            norm is divided by it as well.
    """
    clip = None if recipe.clip_norm is None else recipe.clip_norm / replicas
    arguments: dict[str, Any] = {"learning_rate": schedule, "global_clipnorm": clip}
    match recipe.optimizer:
        case "adam":
            return keras.optimizers.Adam(**arguments)
        case "adamw":
            optimizer = keras.optimizers.AdamW(**arguments, weight_decay=recipe.weight_decay)
            optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
            return optimizer
        case "rmsprop":
            return keras.optimizers.RMSprop(**arguments)
        case "sgd":
            return keras.optimizers.SGD(**arguments, momentum=_SGD_MOMENTUM)
        case _:
            assert_never(recipe.optimizer)
