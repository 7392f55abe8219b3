"""The state from which a run continues exactly where it stopped: `checkpoints/state.npz`.

The file contains every number that a step changes: the weights, their average, the optimizer's
slots and counter, and, as JSON, the progress and results. All randomness depends on (seed, epoch)
and (seed, step), so no random state is stored.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np

from simplebase.errors import DataError, first_line
from simplebase.files import replacing
from simplebase.files.npz import NpzFile, opened_npz
from simplebase.training.runs.folder import KEPT, checkpoint_name
from simplebase.training.runs.metrics import EpochMetrics, best_epoch

# Upper bound of the progress's JSON, enough for a hundred thousand epochs.
_MOST_BYTES = 1 << 26


@dataclass
class RunProgress:
    """The progress of a training run.

    Args:
        epoch: the current epoch, counted from 1.
        step: number of its finished steps.
        losses: sum of the losses of these steps.
        learning_rates: sum of their learning rates.
        epochs: metrics of the finished epochs.
        pseudo_keypoints: number of pseudo keypoints in these steps.
        pseudo_scores: sum of the teacher's scores in these steps.
    """

    epoch: int = 1
    step: int = 0
    losses: float = 0.0
    learning_rates: float = 0.0
    epochs: list[EpochMetrics] = field(default_factory=list)
    pseudo_keypoints: float = 0.0
    pseudo_scores: float = 0.0

    @property
    def best(self) -> EpochMetrics | None:
        """The best epoch so far, or the last if the val split has no labels; `None` before any."""
        return best_epoch(self.epochs) or (self.epochs[-1] if self.epochs else None)

    @property
    def kept(self) -> dict[str, int]:
        """The names of the kept checkpoints, and the epoch of each."""
        # The earlier of two equal epochs is better, as above.
        ranked = sorted(
            self.epochs, key=lambda each: -each.epoch if each.val_pck is None else -each.val_pck
        )
        return {checkpoint_name(epoch): epoch.epoch for epoch in ranked[:KEPT]}

    def add_step(self, loss: float, learning_rate: float) -> None:
        """Adds a step of the epoch."""
        self.step += 1
        self.losses += loss
        self.learning_rates += learning_rate

    def add_pseudo_keypoints(self, passed: float, scores: float) -> None:
        """Adds the pseudo keypoints of a step of the epoch."""
        self.pseudo_keypoints += passed
        self.pseudo_scores += scores

    def add_epoch(self, metrics: EpochMetrics) -> None:
        """Ends the epoch."""
        self.epochs.append(metrics)
        self.epoch += 1
        self.step, self.losses, self.learning_rates = 0, 0.0, 0.0
        self.pseudo_keypoints = self.pseudo_scores = 0.0

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RunProgress":
        """Returns the progress that `to_config` describes; ValueError or TypeError if invalid."""
        if not isinstance(config, dict):
            raise ValueError("its progress is not a mapping")
        epochs = [EpochMetrics(**epoch) for epoch in config.pop("epochs")]
        progress = cls(**config, epochs=epochs)
        counts = [progress.epoch, progress.step, *(each.epoch for each in epochs)]
        values: list[Any] = [progress.losses, progress.learning_rates]
        values += [progress.pseudo_keypoints, progress.pseudo_scores]
        for each in epochs:
            values += [each.loss, each.learning_rate, each.images_per_second]
            optional = (each.val_pck, each.pseudo_keypoints, each.pseudo_score)
            values += [value for value in optional if value is not None]
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("epoch and step must be whole numbers from 0")
        if not all(type(value) in (int, float) for value in values):
            raise ValueError("a loss, a learning rate or a score is not a number")
        return progress


Variables = dict[str, Sequence[keras.Variable]]
"""All variables of a training run, by their purpose."""


def save_state(path: str | os.PathLike[str], variables: Variables, progress: RunProgress) -> None:
    """Replaces the file at `path` with the current state."""
    arrays = {
        f"{name}/{index}": variable.numpy()
        for name, group in variables.items()
        for index, variable in enumerate(group)
    }
    text = json.dumps(progress.to_config())
    with replacing(path, overwrite=True) as partial, partial.open("wb") as file:
        np.savez(file, progress=np.array(text), **arrays)


def load_progress(path: str | os.PathLike[str]) -> RunProgress:
    """Returns the progress in a state file.

    Raises:
        DataError: it is not a state file.
    """
    with _opened(path) as arrays:
        if (header := arrays.headers.get("progress")) and header.dtype.itemsize > _MOST_BYTES:
            raise ValueError("its progress is too long")
        return RunProgress.from_config(json.loads(str(arrays["progress"])))


def load_state(path: str | os.PathLike[str], variables: Variables) -> None:
    """Assigns each variable its value from the file.

    Raises:
        DataError: the file is damaged, or belongs to another model or optimizer.
    """
    with _opened(path) as arrays:
        for name, group in variables.items():
            saved = sum(key.startswith(f"{name}/") for key in arrays.headers)
            headers = [arrays.headers.get(f"{name}/{index}") for index in range(saved)]
            shapes = [None if header is None else header.shape for header in headers]
            expected = [tuple(variable.shape) for variable in group]
            if shapes != expected:
                raise DataError(
                    f"{path}: the saved values of {name} do not fit this training run ({saved} "
                    f"arrays, expected {len(expected)}). It belongs to another preset or recipe."
                )
            for index, variable in enumerate(group):
                variable.assign(arrays[f"{name}/{index}"])


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[NpzFile]:
    """Opens the arrays of a state file; errors name the file."""
    try:
        with open(path, "rb") as file, opened_npz(file, str(path), "a training-state file") as npz:
            yield npz
    except OSError as error:
        raise DataError(f"{path} is not a training-state file: {first_line(error)}.") from error
