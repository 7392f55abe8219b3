"""Tries values of a recipe, each trial in its own run, and writes the best recipe."""

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
    """The result of a trial.

    Args:
        number: number of the trial, from 0.
        run_dir: folder of its run.
        values: the values of the recipe that were tried.
        val_pck: its best val PCK; None if the trial failed.
        state: `complete`, `stopped` (early) or `failed`.
    """

    number: int
    run_dir: Path
    values: dict[str, Any]
    val_pck: float | None
    state: str


@dataclass(frozen=True)
class TuningResult:
    """The result of `tune`.

    Args:
        trials: all trials, in the order in which they started.
        best: the trial with the highest val PCK.
        recipe_file: file with the recipe of the best trial.
        curves: picture file with the curves of all trials.
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
    """Searches for the recipe with the highest val PCK.

    To continue a stopped search, make the same call again: finished trials count, and the run that
    was stopped is resumed.

    Args:
        preset: see `simplebase.train`.
        dataset: the dataset, with both splits.
        space: the search space.
        options: training options of each trial; `recipe` has the values that are not tried.
        folder: the folder to write, see `simplebase.tuning.folder`.
        trials: total number of trials, including those of earlier calls.
        observe: called with a trial's number after each of its epochs.

    Raises:
        ArgumentError: the recipe does not accept a value of `space`, or `trials` is below 1.
        MissingPackageError: Optuna is not installed.
        OutputExistsError: `folder` holds something else, or a study with other settings.
        InUseError: another process is writing there.
        TrainingStopped: a signal stopped the search; the same call continues it.
        TrainingError: all trials failed.
    """
    optuna: Any = import_with_extras("optuna")
    preset, options = as_preset(preset), options or TrainingOptions()
    recipe = options.recipe
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    if trials < 1:
        raise ArgumentError(f"--trials must be at least 1. Received: {trials}.")
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
        """Runs trials until this many have ended."""
        states = self._optuna.trial.TrialState
        for left in self._study.get_trials(states=(states.RUNNING,)):
            # Left by a process that was stopped or killed.
            self._run(self._optuna.trial.Trial(self._study, left._trial_id))
        while sum(each.state.is_finished() for each in self._study.trials) < trials:
            self._run(self._study.ask())

    def _run(self, trial: Any) -> None:
        """Trains one trial and reports its result to the study."""
        states = self._optuna.trial.TrialState
        keras.utils.clear_session()  # frees the previous model
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
                raise DataError(
                    f"{self._dataset.name}: its val split has no labels, so recipes cannot be "
                    "compared. Label some of its images, or draw the splits anew with "
                    "`simplebase data split`."
                )
            self._study.tell(trial.number, best.val_pck)

    def _train(self, trial: Any) -> None:
        values = self._space.draw(trial)
        recipe = self._recipe.updated(values)
        options = self._options.model_copy(update={"recipe": recipe})
        run = Run(self._run_dir(trial.number))
        watch = EpochReports(trial, recipe.total_epoch, self._observe)
        if run.is_resumable:
            # The process may have been killed after the last epoch, before the study recorded it.
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
        """Returns the results, after writing the best recipe and the curves of all trials.

        Raises:
            TrainingError: all trials failed.
        """
        results = tuple(self._result(trial) for trial in self._study.trials)
        complete = [each for each in results if each.state == "complete"]
        if not complete:
            raise TrainingError(
                f"{self._folder}: none of {len(results)} trials reached its end. See the warnings "
                "above."
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
