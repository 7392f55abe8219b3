"""What a training tells those who watch it."""

from dataclasses import dataclass

import numpy as np

from simplebase.training.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class Plan:
    """What a training sets out to do; epochs count from 1.

    Args:
        first_epoch: 1, or where a resumed run goes on.
        first_step: 1, or where it goes on within that epoch.
        last_epoch: with which it ends.
        steps_per_epoch: of `batch_size` samples each.
        batch_size: samples a step, over all devices together.
        first_stage_ends: the last epoch of the first stage, which leaves a part frozen; 0 if there
            is none.
        first_finishing_epoch: from which on only the records to finish on are used; 0 if it never
            comes to that.
        finish_records: how many those are.
        unlabelled_records: objects without labels that are learnt from.
        unlabelled_samples: how many of a step's samples are such; `batch_size` counts them too.
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


@dataclass(frozen=True)
class StepMetrics:
    """What one step gave; `epoch` and `step` (within the epoch) count from 1."""

    epoch: int
    step: int
    loss: float
    learning_rate: float


class Observer:
    """Is told how a training goes. A subclass overrides what it needs, and returns quickly."""

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
