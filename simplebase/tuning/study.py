"""The Optuna study: it draws the values of the trials and stops bad ones early.

Optuna's TPE sampler draws the values (Bergstra et al., 2011). Its `MedianPruner` stops a trial if
its val PCK is below the median of earlier trials at the same epoch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simplebase.errors import TrainingError
from simplebase.training import EpochMetrics, Observer, Plan
from simplebase.tuning.folder import JOURNAL

_UNPRUNED_TRIALS = 3
"""Number of trials that run to their end before any is stopped, to get a median."""

Observe = Callable[[int, EpochMetrics], None]


class TrialEnded(TrainingError):
    """A trial was stopped early because it is worse than others."""


class EpochReports(Observer):
    """Reports each epoch to Optuna, and stops the trial if Optuna says so.

    Args:
        trial: the Optuna trial.
        last: the last epoch, after which there is nothing left to stop.
        observe: called with the trial's number after each epoch.
    """

    def __init__(self, trial: Any, last: int, observe: Observe | None) -> None:
        self._trial, self._last, self._observe = trial, last, observe
        self._trains_teacher = False

    def started(self, plan: Plan) -> None:
        """Remembers whether the epochs that follow are those of the teacher of self-training."""
        self._trains_teacher = plan.trains_teacher

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """Reports the epoch. It is already saved, so a stopped run can be resumed by hand."""
        if self._trains_teacher:
            return
        if self._observe:
            self._observe(self._trial.number, metrics)
        if metrics.val_pck is None:
            return
        self._trial.report(metrics.val_pck, metrics.epoch)
        if metrics.epoch < self._last and self._trial.should_prune():
            raise TrialEnded(f"trial {self._trial.number} is below the median of the others")


def open_study(optuna: Any, folder: Path, seed: int) -> Any:
    """Opens the study of a folder, or creates one.

    Args:
        optuna: the module.
        folder: the folder of the journal.
        seed: seed of the values that are drawn.
    """
    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="tuning",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS),
    )
    # A continued study must draw other values than at its start.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


@contextmanager
def quiet(optuna: Any) -> Iterator[None]:
    """Silences Optuna, because the caller shows the progress."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
