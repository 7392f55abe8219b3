"""Optimizer and learning-rate schedule of a recipe."""

import math

import keras

from simplebase.presets import Recipe

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": lambda learning_rate: keras.optimizers.SGD(learning_rate, momentum=0.9),
}

_MAX_WARMUP = 0.1  # of the run: a warm-up that outlasts a short run never trains
_COSINE_FLOOR = 0.01  # of the initial learning rate


class WarmUpThenCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over `steps` to `learning_rate`, then by a cosine or not at all.

    Args:
        learning_rate: at the end of the rise.
        steps: length of the rise.
        total_steps: of the run.
        cosine: whether to fall to a hundredth at the end of the run.
    """

    def __init__(self, learning_rate: float, steps: int, total_steps: int, cosine: bool) -> None:
        self.learning_rate = learning_rate
        self.steps = steps
        self.total_steps = total_steps
        self.cosine = cosine

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """The learning rate at `step`, counted from 0."""
        step = keras.ops.cast(step, "float32")
        rise = (step + 1) / (self.steps + 1)
        after = (step - self.steps) / max(1, self.total_steps - self.steps)
        after = keras.ops.clip(after, 0.0, 1.0)
        fall = _COSINE_FLOOR + (1 - _COSINE_FLOOR) * (1 + keras.ops.cos(math.pi * after)) / 2
        return self.learning_rate * keras.ops.minimum(rise, fall if self.cosine else 1.0)

    def get_config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "total_steps": self.total_steps,
            "cosine": self.cosine,
        }


def build_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The optimizer of `recipe` with its schedule, for a run of `recipe.total_epoch` epochs."""
    total = recipe.total_epoch * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), int(_MAX_WARMUP * total))
    schedule = WarmUpThenCosine(recipe.learning_rate, warmup, total, recipe.decay_type == "cosine")
    return _OPTIMIZERS[recipe.optimizer](learning_rate=schedule)
