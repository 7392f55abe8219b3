"""The stages of a training run, each with its own optimizer."""

from dataclasses import dataclass

import keras

from simplebase.presets import Recipe
from simplebase.training.distribution import Distribution
from simplebase.training.optimizer import build_optimizer, build_schedule
from simplebase.training.step import TrainingStep
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.weight_average import WeightAverage


@dataclass(frozen=True)
class Stage:
    """Epochs in which the same weights are frozen.

    Args:
        first_epoch: its first epoch, counted from 1.
        last_epoch: its last epoch.
        freeze_level: see `SimpleBaseline.freeze`.
        transfer: whether it is the first of two stages.
    """

    first_epoch: int
    last_epoch: int
    freeze_level: int
    transfer: bool


def stages(recipe: Recipe) -> tuple[Stage, ...]:
    """Returns the transfer stage, if any, and the main stage, if epochs are left for it."""
    first = recipe.init_epoch + 1
    main = Stage(first + recipe.transfer_epoch, recipe.total_epoch, 0, False)
    transfer = Stage(first, main.first_epoch - 1, recipe.freeze_level, True)
    return tuple(stage for stage in (transfer, main) if stage.first_epoch <= stage.last_epoch)


class StageTraining:
    """The schedule, the optimizer and the traced step of one stage.

    Args:
        stage: the stage; the model is frozen accordingly.
        recipe: how to train.
        steps_per_epoch: optimizer steps.
        model: the graph from a batch to its errors.
        distribution: the devices.
        average: the moving average of the weights, if there is one.
        loss_scaling: whether gradients are computed in float16.
        unlabelled: adds the loss of unlabelled samples, if there are any.
    """

    def __init__(
        self,
        stage: Stage,
        recipe: Recipe,
        steps_per_epoch: int,
        model: TrainingGraph,
        distribution: Distribution,
        average: WeightAverage | None,
        loss_scaling: bool,
        unlabelled: UnlabelledBranch | None = None,
    ) -> None:
        self.stage = stage
        self.steps_per_epoch = steps_per_epoch
        self.schedule = build_schedule(recipe, steps_per_epoch, transfer=stage.transfer)
        model.estimator.freeze(stage.freeze_level)
        with distribution.strategy.scope():
            optimizer = build_optimizer(recipe, self.schedule, replicas=distribution.replicas)
            if loss_scaling:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(model.trainable_variables)
        self.optimizer = optimizer
        self.step = TrainingStep(
            model,
            optimizer,
            distribution,
            average,
            reduce_first=recipe.clip_norm is not None or loss_scaling,
            unlabelled=unlabelled,
        )

    def learning_rate(self, epoch: int, step: int) -> float:
        """Returns the rate of step `step` (from 0) of epoch `epoch`."""
        return self.schedule.at((epoch - self.stage.first_epoch) * self.steps_per_epoch + step)
