"""Tries recipes, each in a run of its own, and keeps the best."""

import os
import warnings
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
    SimplebaseWarning,
    TrainingError,
    TrainingStopped,
)
from simplebase.extras import import_with_extras
from simplebase.files import write_text
from simplebase.presets import Preset, Recipe, load_recipe
from simplebase.presets.loader import as_preset
from simplebase.training import TrainingOptions, resume, train
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import best_epoch, read_metrics
from simplebase.tuning.folder import BEST, CURVES, study_folder, study_settings
from simplebase.tuning.space import Space
from simplebase.tuning.study import EpochReports, Observe, TrialEnded, open_study, quiet


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
    with study_folder(place, study_settings(preset, options, dataset, space)), quiet(optuna):
        study = open_study(optuna, place, options.seed)
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
        except TrialEnded:
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
        watch = EpochReports(trial, recipe.total_epoch, self._observe)
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
