"""The interface through which a training run reports its progress."""

from dataclasses import dataclass

import numpy as np

from simplebase.training.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class Plan:
    """What a training run is going to do; epochs count from 1.

    Args:
        first_epoch: the first epoch: 1, or the one in which a resumed run continues.
        first_step: the first step of that epoch.
        last_epoch: the last epoch.
        steps_per_epoch: steps per epoch, of `batch_size` samples each.
        batch_size: samples per step, over all devices together.
        first_stage_ends: the last epoch of the first stage, in which a part is frozen; 0 if there
            is no such stage.
        first_finishing_epoch: the first epoch that only uses the records of `finish_on`; 0 if there
            is none.
        finish_records: number of these records.
        unlabelled_records: number of unlabelled objects.
        unlabelled_samples: number of unlabelled samples per step, which `batch_size` includes.
        trains_teacher: whether this is the first of the two trainings of self-training, whose model
            teaches the second.
    """

    first_epoch: int
    first_step: int
    last_epoch: int
    steps_per_epoch: int
    batch_size: int
    first_stage_ends: int = 0
    first_finishing_epoch: int = 0
    finish_records: int = 0
    unlabelled_records: int = 0
    unlabelled_samples: int = 0
    trains_teacher: bool = False


@dataclass(frozen=True)
class StepMetrics:
    """The results of one step; `epoch` and `step` (within the epoch) count from 1."""

    epoch: int
    step: int
    loss: float
    learning_rate: float


class Observer:
    """Receives the progress of a training run; in self-training, of two trainings in turn.

    Subclasses override the methods they need, which should return quickly.
    """

    def started(self, plan: Plan) -> None:
        """Before the first step."""

    def stepped(self, metrics: StepMetrics) -> None:
        """After each step."""

    def validating(self, done: int, total: int) -> None:
        """While the val split is predicted."""

    def sheet_drawn(self, epoch: int, sheet: np.ndarray) -> None:
        """After some epochs: val samples with their predictions, `(height, width, 3)` uint8."""

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """After each epoch's validation."""

    def stopping(self, signal: str) -> None:
        """When a signal came: the training stops and saves after this step."""

    def ended(self) -> None:
        """After the last step, or when an error stops the training."""
