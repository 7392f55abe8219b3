"""Trainings that take seconds: a network of one layer, figures of 64x64, few steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model_checks import OneLayerBackbone

from simplebase import KeypointDataset, TrainingOptions, load_recipe, train
from simplebase.backbones import BACKBONES
from simplebase.presets import Preset, Recipe
from simplebase.training import EpochMetrics, Observer, Plan, StepMetrics, TrainingResult


def tiny_recipe(**changes: Any) -> Recipe:
    """Two epochs of four steps on the 32 figures to train on."""
    values = {"input_size": (64, 64), "batch_size": 8, "total_epoch": 2}
    return load_recipe("quick").updated(values | changes)


@contextmanager
def one_layer_network() -> Iterator[Preset]:
    """A preset whose network traces in a second; within the context it stands for mobilenetv2."""
    earlier = BACKBONES["mobilenetv2"]
    BACKBONES["mobilenetv2"] = OneLayerBackbone
    head = {"name": "upsample_lite", "channels": (8, 8, 8)}
    try:
        yield Preset(name="one", description="", backbone={"name": "mobilenetv2"}, head=head)
    finally:
        BACKBONES["mobilenetv2"] = earlier


class Recorder(Observer):
    """Keeps what an observer is told, and does something after one of the steps.

    Args:
        action: what to do.
        after: the epoch and the step after which.
    """

    def __init__(
        self, action: Callable[[], None] = lambda: None, after: tuple[int, int] = (0, 0)
    ) -> None:
        self.plans: list[Plan] = []
        self.steps: list[StepMetrics] = []
        self.validations: list[tuple[int, int]] = []
        self.sheets: list[int] = []
        self.epochs: list[EpochMetrics] = []
        self.ends = 0
        self._action, self._after = action, after

    @property
    def losses(self) -> list[float]:
        return [step.loss for step in self.steps]

    @property
    def places(self) -> list[tuple[int, int]]:
        return [(step.epoch, step.step) for step in self.steps]

    def started(self, plan: Plan) -> None:
        self.plans.append(plan)

    def stepped(self, metrics: StepMetrics) -> None:
        self.steps.append(metrics)
        if (metrics.epoch, metrics.step) == self._after:
            self._action()

    def validating(self, done: int, total: int) -> None:
        self.validations.append((done, total))

    def sheet_drawn(self, epoch: int, sheet: Any) -> None:
        assert sheet.ndim == 3
        self.sheets.append(epoch)

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        self.epochs.append(metrics)

    def ended(self) -> None:
        self.ends += 1


def train_tiny(
    dataset: KeypointDataset,
    run_dir: Path,
    *,
    recipe: Recipe | None = None,
    observer: Observer | None = None,
    **arguments: Any,
) -> TrainingResult:
    """Trains the network of one layer from random weights, or as the options in `arguments` say."""
    values = {"recipe": recipe or tiny_recipe(), "backbone_weights": "none"}
    values |= {
        name: arguments.pop(name) for name in TrainingOptions.model_fields & arguments.keys()
    }
    with one_layer_network() as preset:
        return train(
            preset,
            dataset,
            TrainingOptions(**values),
            run_dir=run_dir,
            observer=observer,
            **arguments,
        )
