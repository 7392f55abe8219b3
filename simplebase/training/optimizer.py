"""Optimizer and learning-rate schedule of a recipe."""

from typing import Any, assert_never

import keras

from simplebase.presets import Recipe
from simplebase.training.schedules import Schedule

_MAX_WARMUP = 0.1  # of the run: a warm-up that outlasts a short run never trains
_SGD_MOMENTUM = 0.9
# Biases and BatchNorm's parameters: too few to overfit, and decay would only bias them.
_NOT_DECAYED = ["bias", "gamma", "beta"]


def build_schedule(recipe: Recipe, steps_per_epoch: int, *, transfer: bool) -> Schedule:
    """The schedule of one of the recipe's two stages, whose steps count from 0.

    Args:
        recipe: how to train.
        steps_per_epoch: optimizer steps.
        transfer: the first stage, at a constant rate; else the second, with warm-up and decay over
            the epochs that `init_epoch` and the first stage leave.
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
    """The optimizer of a recipe; the average of `recipe.ema` is not its business.

    Args:
        recipe: how to train.
        schedule: of the stage that is to be trained.
        replicas: devices that share a batch. A training step hands over the sum of their gradients
            divided by their number, which Keras sums again after clipping: the norm to clip at is
            divided as well.
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
