"""Tries recipes, each in a run of its own, by Optuna: what to try next, and what to stop early.

```
FOLDER/
├── tuning.json        what is tuned: preset, recipe, dataset, space
├── study.log          Optuna's journal: values and val PCK of all trials
├── trial_000/         an ordinary run, see `simplebase.training.runs.folder`
├── ...
├── curves.png         of all trials
└── best_recipe.yaml   the recipe of the best trial, for `train --recipe`
```
The next values are drawn by Optuna's TPE sampler (Bergstra et al., 2011). A trial whose val PCK is
below the median of the earlier ones at the same epoch is stopped (Optuna's `MedianPruner`).
"""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import yaml

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import (
    ArgumentError,
    DataError,
    OutOfMemoryError,
    OutputExistsError,
    SimplebaseWarning,
    TrainingError,
    TrainingStopped,
)
from simplebase.extras import import_with_extras
from simplebase.files import read_json, write_json, write_text
from simplebase.files.locks import locked
from simplebase.presets import Preset, Recipe, load_recipe
from simplebase.presets.loader import as_preset
from simplebase.training import EpochMetrics, Observer, TrainingOptions, resume, train
from simplebase.training.runs.config import DatasetSettings
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import best_epoch, read_metrics
from simplebase.tuning.space import Space

SETTINGS, JOURNAL = "tuning.json", "study.log"
BEST, CURVES = "best_recipe.yaml", "curves.png"

_UNPRUNED_TRIALS = 3
"""Trials that run to their end before others are compared with them: fewer have no median."""


@dataclass(frozen=True)
class TrialResult:
    """What a trial gave.

    Args:
        number: its number, from 0.
        run_dir: its run.
        values: those of the recipe that were tried.
        val_pck: the best one; None: it failed.
        state: `complete`, `stopped` (early) or `failed`.
    """

    number: int
    run_dir: Path
    values: dict[str, Any]
    val_pck: float | None
    state: str


@dataclass(frozen=True)
class TuningResult:
    """What `tune` gave.

    Args:
        trials: all that have ended, in their order.
        best: the one with the highest val PCK.
        recipe_file: its recipe.
        curves: a picture of all trials.
    """

    trials: tuple[TrialResult, ...]
    best: TrialResult
    recipe_file: Path
    curves: Path


class _TrialEnded(TrainingError):
    """A trial is not worth going on with."""


Observe = Callable[[int, EpochMetrics], None]


def tune(
    preset: str | os.PathLike[str] | Preset,
    dataset: KeypointDataset,
    space: Space,
    options: TrainingOptions | None = None,
    *,
    folder: str | os.PathLike[str],
    trials: int = 20,
    observe: Observe | None = None,
) -> TuningResult:
    """Looks for the recipe with the highest val PCK.

    The same call goes on with what a stopped one has left: finished trials count, and the run that
    was stopped is resumed.

    Args:
        preset: see `simplebase.train`.
        dataset: both splits.
        space: which values of the recipe are tried.
        options: how each trial is trained; `recipe` has what is not tried.
        folder: to write, see above.
        trials: that have ended in the end, those of earlier calls among them.
        observe: called with a trial's number after each of its epochs.

    Raises:
        ArgumentError: a value in `space` that the recipe does not take, or no trial.
        MissingPackageError: Optuna is not installed.
        OutputExistsError: `folder` is of something else, or of other settings.
        InUseError: another process writes there.
        TrainingStopped: a signal came; the same call goes on.
        TrainingError: all trials failed.
    """
    optuna: Any = import_with_extras("optuna")
    preset, options = as_preset(preset), options or TrainingOptions()
    recipe = options.recipe
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    if trials < 1:
        raise ArgumentError(f"--trials is a number above 0. Received: {trials}.")
    space.require_valid(recipe)
    options = options.model_copy(update={"recipe": recipe})
    place = Path(folder)
    with _opened(place, _settings(preset, options, dataset, space)), _quiet(optuna):
        study = _study(optuna, place, options.seed)
        tuner = _Tuner(optuna, study, place, preset, dataset, space, options, recipe, observe)
        tuner.run(trials)
        return tuner.result()


class _Tuner:
    """Runs the trials of a study."""

    def __init__(
        self,
        optuna: Any,
        study: Any,
        folder: Path,
        preset: Preset,
        dataset: KeypointDataset,
        space: Space,
        options: TrainingOptions,
        recipe: Recipe,
        observe: Observe | None,
    ) -> None:
        self._optuna, self._study, self._folder = optuna, study, folder
        self._preset, self._dataset, self._space = preset, dataset, space
        self._options, self._recipe, self._observe = options, recipe, observe

    def run(self, trials: int) -> None:
        """Goes on until so many trials have ended."""
        states = self._optuna.trial.TrialState
        for left in self._study.get_trials(states=(states.RUNNING,)):
            # Of a process that was stopped or killed.
            self._run(self._optuna.trial.Trial(self._study, left._trial_id))
        while sum(each.state.is_finished() for each in self._study.trials) < trials:
            self._run(self._study.ask())

    def _run(self, trial: Any) -> None:
        """Trains one trial, and tells the study what it gave."""
        states = self._optuna.trial.TrialState
        keras.utils.clear_session()  # the model before
        try:
            self._train(trial)
        except TrainingStopped:
            raise
        except _TrialEnded:
            self._study.tell(trial.number, state=states.PRUNED)
        except (TrainingError, OutOfMemoryError, ArgumentError) as error:
            self._study.tell(trial.number, state=states.FAIL)
            warnings.warn(f"trial {trial.number} failed: {error}", SimplebaseWarning, stacklevel=4)
        else:
            best = best_epoch(read_metrics(self._run_dir(trial.number)))
            if best is None:
                raise DataError(f"{self._dataset.name}: its val split has no labels to tune by.")
            self._study.tell(trial.number, best.val_pck)

    def _train(self, trial: Any) -> None:
        values = self._space.draw(trial)
        recipe = self._recipe.updated(values)
        options = self._options.model_copy(update={"recipe": recipe})
        run = Run(self._run_dir(trial.number))
        watch = _Watch(trial, recipe.total_epoch, self._observe)
        if run.state.exists():
            # It may have been killed between its last epoch and the study's note of it.
            ended = run.summary.exists()
            if not ended:
                resume(run.folder, dataset=self._dataset, observer=watch)
            return
        train(
            self._preset,
            self._dataset,
            options,
            run_dir=run.folder,
            overwrite=run.config.exists(),
            observer=watch,
        )

    def _run_dir(self, number: int) -> Path:
        return self._folder / f"trial_{number:03d}"

    def result(self) -> TuningResult:
        """The best trial, with its recipe and everybody's curves as files.

        Raises:
            TrainingError: all trials failed.
        """
        results = tuple(self._result(trial) for trial in self._study.trials)
        complete = [each for each in results if each.state == "complete"]
        if not complete:
            raise TrainingError(
                f"{self._folder}: none of {len(results)} trials came to its end, see the warnings."
            )
        best = max(complete, key=lambda each: each.val_pck or 0.0)
        recipe = self._recipe.updated(
            {
                **best.values,
                "name": "tuned",
                "description": f"Best of {len(results)} trials: val PCK {best.val_pck:.4f}",
            }
        )
        text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)
        write_text(self._folder / BEST, text, overwrite=True)
        runs = [each.run_dir for each in results if each.state != "failed"]
        plot_curves(runs, self._folder / CURVES, overwrite=True)
        return TuningResult(results, best, self._folder / BEST, self._folder / CURVES)

    def _result(self, frozen: Any) -> TrialResult:
        states = self._optuna.trial.TrialState
        names = {states.COMPLETE: "complete", states.PRUNED: "stopped", states.FAIL: "failed"}
        values = self._space.draw(self._optuna.trial.FixedTrial(frozen.params))
        pck = frozen.value
        if frozen.state == states.PRUNED:
            pck = max(frozen.intermediate_values.values(), default=None)
        number = frozen.number
        return TrialResult(number, self._run_dir(number), values, pck, names[frozen.state])


class _Watch(Observer):
    """Tells Optuna of each epoch, and ends the trial if it says so."""

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
            raise _TrialEnded(f"trial {self._trial.number} is below the median of the others")


def _study(optuna: Any, folder: Path, seed: int) -> Any:
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


def _settings(
    preset: Preset, options: TrainingOptions, dataset: KeypointDataset, space: Space
) -> dict[str, Any]:
    """What has to be the same for a study to go on."""
    content = {
        "preset": preset.model_dump(mode="json"),
        "options": options.model_dump(mode="json"),
        "dataset": {**DatasetSettings.of(dataset).model_dump(mode="json"), "folder": ""},
        "space": space.to_config(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(content))
    return plain


@contextmanager
def _opened(folder: Path, settings: dict[str, Any]) -> Iterator[None]:
    """Within it the folder is there and ours; one without a trial is removed at the end.

    Raises:
        OutputExistsError: it is of something else, or of other settings.
        InUseError: another process writes there.
    """
    file = folder / SETTINGS
    if folder.exists() and not file.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputExistsError(
            f"{folder} is no folder of `simplebase tune`. Choose another path with --output."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".simplebase.lock", str(folder), "choose another --output"):
        if file.exists():
            _require_same(folder, read_json(file), settings)
        else:
            write_json(file, settings)
        yield


def _require_same(folder: Path, found: Any, settings: dict[str, Any]) -> None:
    for name, ours in settings.items():
        if not isinstance(found, dict) or found.get(name) != ours:
            raise OutputExistsError(
                f"{folder} was tuned with another {name}. Give the same one to go on, or choose "
                "another --output."
            )


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keeps Optuna from printing what the caller shows."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
