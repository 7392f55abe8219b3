"""Optuna's part: the study, what it is told after each epoch, and which trials it stops.

The next values are drawn by Optuna's TPE sampler (Bergstra et al., 2011). A trial whose val PCK is
below the median of the earlier ones at the same epoch is stopped (Optuna's `MedianPruner`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simplebase.errors import TrainingError
from simplebase.training import EpochMetrics, Observer
from simplebase.tuning.folder import JOURNAL

_UNPRUNED_TRIALS = 3
"""Trials that run to their end before others are compared with them: fewer have no median."""

Observe = Callable[[int, EpochMetrics], None]


class TrialEnded(TrainingError):
    """A trial is not worth going on with."""


class EpochReports(Observer):
    """Tells Optuna of each epoch, and ends the trial if it says so.

    Args:
        trial: Optuna's.
        last: the epoch after which nothing is saved by stopping.
        observe: called with the trial's number after each epoch.
    """

    def __init__(self, trial: Any, last: int, observe: Observe | None) -> None:
        self._trial, self._last, self._observe = trial, last, observe

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """The epoch is saved already, so the run can be resumed by hand."""
        if self._observe:
            self._observe(self._trial.number, metrics)
        if metrics.val_pck is None:
            return
        self._trial.report(metrics.val_pck, metrics.epoch)
        if metrics.epoch < self._last and self._trial.should_prune():
            raise TrialEnded(f"trial {self._trial.number} is below the median of the others")


def open_study(optuna: Any, folder: Path, seed: int) -> Any:
    """The study of a folder: a new one, or the one that is there.

    Args:
        optuna: the module.
        folder: where the journal is.
        seed: of the values that are drawn.
    """
    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="tuning",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS),
    )
    # One that goes on draws other values than at its beginning.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Keeps Optuna from printing what the caller shows."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
