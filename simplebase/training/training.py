"""Trains a preset on a dataset, and resumes runs."""

import os
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np

from simplebase.backbones import NamedWeights
from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.errors import DataError, TrainingError, TrainingStopped
from simplebase.estimator import SimpleBaseline, completed
from simplebase.presets import Preset, Recipe, load_recipe
from simplebase.presets.loader import as_preset
from simplebase.progress import ProgressBar, no_progress_bar
from simplebase.shell import command_line
from simplebase.training.distribution import Distribution, distribute
from simplebase.training.observer import Observer
from simplebase.training.options import START, TrainingOptions
from simplebase.training.order import checked_order
from simplebase.training.precision import choose_policy, make_deterministic
from simplebase.training.result import TrainingResult, draw_curves, write_result
from simplebase.training.run_context import RunContext
from simplebase.training.runs.config import DatasetSettings, LayerSettings, PoolDigest, RunConfig
from simplebase.training.runs.folder import Run, locked_place, locked_run, new_run
from simplebase.training.runs.state import RunProgress, load_progress
from simplebase.training.trainer import Trainer
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.unlabelled.preparing import (
    add_pseudo_keypoints,
    build_pool,
    complete_recipe,
    restore_pool,
)


def train(
    preset: str | os.PathLike[str] | Preset,
    dataset: KeypointDataset,
    options: TrainingOptions | None = None,
    *,
    run_dir: str | os.PathLike[str],
    overwrite: bool = False,
    distribution: Distribution | None = None,
    observer: Observer | None = None,
    augmentation: Sequence[keras.layers.Layer] = (),
    unlabelled: KeypointDataset | None = None,
    progress: ProgressBar = no_progress_bar,
) -> TrainingResult:
    """Trains a preset on the train split, and keeps the epoch that is best on the val split.

    With unlabelled images and without a teacher, the run trains two models (self-training): the
    first one learns from the labelled images, and its predictions teach the second one.

    Args:
        preset: a preset's name, the path of a YAML file, or a loaded preset.
        dataset: the dataset with both splits.
        options: how to train.
        run_dir: the folder to write, see `simplebase.training.runs.folder`.
        overwrite: replace an earlier run in `run_dir`.
        distribution: the devices, from `simplebase.training.distribute`. The default is one device.
        observer: receives the progress.
        augmentation: layers to apply after the recipe's augmentation, see `Augmentation`.
        unlabelled: a dataset whose images are used without their labels, instead of
            `unlabelled_images` of the options.
        progress: opens a progress bar for slow work before the first step.

    Raises:
        ArgumentError: a value is invalid, such as a batch larger than the train split.
        DataError: a file of the dataset or of weights is invalid.
        OutputExistsError: `run_dir` exists and `overwrite` is off.
        InUseError: another process trains in `run_dir`.
        TrainingError: the training cannot continue. The best checkpoint so far is kept.
        OutOfMemoryError: a device cannot hold a batch. The best checkpoint so far is kept.
    """
    preset, options = as_preset(preset), options or TrainingOptions()
    if options.deterministic:
        make_deterministic()
    distribution = distribution or distribute()
    context = RunContext(
        Run(run_dir), dataset, distribution, observer, tuple(augmentation), progress
    )
    return _start(preset, options, context, unlabelled, overwrite=overwrite)


def resume(
    run_dir: str | os.PathLike[str],
    *,
    dataset: KeypointDataset | None = None,
    distribution: Distribution | None = None,
    observer: Observer | None = None,
    augmentation: Sequence[keras.layers.Layer] = (),
    progress: ProgressBar = no_progress_bar,
) -> TrainingResult:
    """Resumes a run that was stopped; the result is the same as without the stop.

    Args:
        run_dir: the run's folder.
        dataset: the run's dataset; needed only if it was moved.
        distribution: the devices, see `train`. They may differ from before.
        observer: receives the progress.
        augmentation: the same layers as for `train`, because a run's files do not contain them.
        progress: opens a progress bar for slow work before the first step.

    Raises:
        MissingFileError: `run_dir` is not a run, or its dataset does not exist.
        DataError: a file of the run is damaged, the dataset has changed, or the run is complete.
        ArgumentError: `augmentation` is not what the run was trained with.
        InUseError, TrainingError: see `train`.
    """
    config = RunConfig.read(run_dir)
    config.require_same_layers(augmentation)
    if config.deterministic:
        make_deterministic()
    distribution = distribution or distribute()
    if dataset is None:
        dataset = load_dataset(config.dataset.folder, config.dataset.own_skeleton())
    dataset = dataset.with_default_depth(config.dataset.own_depth_range())
    config.dataset.require_same(dataset)
    context = RunContext(
        Run(run_dir), dataset, distribution, observer, tuple(augmentation), progress
    )
    return _resume(config, context)


def _start(
    preset: Preset,
    options: TrainingOptions,
    context: RunContext,
    unlabelled: KeypointDataset | None = None,
    *,
    overwrite: bool,
) -> TrainingResult:
    """Trains from the first step on, see `train`."""
    run, dataset, distribution = context.run, context.dataset, context.distribution
    recipe = options.recipe
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    recipe = complete_recipe(recipe, options, unlabelled)
    with (
        locked_place(run, overwrite=overwrite) if context.is_chief else nullcontext(),
        distribution.explaining_lost_workers(),
    ):
        order = checked_order(dataset, recipe, options.seed, distribution)
        size = options.input_size or recipe.fitted(preset).input_size
        policy = choose_policy(options.mixed_precision)
        facts = DatasetSettings.of(dataset)
        start = {name: getattr(options, name) for name in START}
        model = context.build_model(
            recipe.fitted(preset), size, facts, options.seed, policy, **start
        )
        if options.weights is not None or options.backbone_weights not in get_args(NamedWeights):
            # A resumed run builds its model without the weights file, which stores these settings.
            preset = completed(preset, model)
        pool = build_pool(
            options, unlabelled, dataset, recipe, model.metadata, distribution, context.progress
        )
        facts_of_run = {"preset": preset, "recipe": recipe, "dataset": facts, "input_size": size}
        config = RunConfig(
            **(dict(options) | facts_of_run),
            model_normalisation=model.normalisation,
            policy=policy,
            augmentation_layers=tuple(map(LayerSettings.of, context.augmentation)),
            pool=None if pool is None else PoolDigest(objects=len(pool), digest=pool.digest),
        )
        with new_run(run) if context.is_chief else nullcontext():
            if context.is_chief:
                if pool is not None:
                    pool.save(run.unlabelled)
                config.write(run)
            if pool is not None and config.trains_teacher:
                pool = _labelled_by_own_teacher(pool, model, config, context, _TeacherState.MISSING)
            progress = RunProgress(epoch=recipe.init_epoch + 1)
            return _finish(context.trainer(model, config, progress, order, pool), state=None)


def _resume(config: RunConfig, context: RunContext) -> TrainingResult:
    """Trains from the saved state on, see `resume`."""
    run, dataset, distribution = context.run, context.dataset, context.distribution
    with (
        locked_run(run) if context.is_chief else nullcontext(),
        distribution.explaining_lost_workers(),
    ):
        state = run.state if run.state.exists() else None
        first_epoch = config.recipe.init_epoch + 1
        progress = load_progress(state) if state else RunProgress(epoch=first_epoch)
        if progress.epoch > config.recipe.total_epoch and run.summary.exists():
            raise DataError(
                f"{run.folder} is complete: all {config.recipe.total_epoch} epochs are done. To "
                f"train longer, start a new run from its model: --weights {run.best}."
            )
        # The state contains the weights. A run that was killed before its first state starts anew.
        start: dict[str, Any] = {
            "backbone_weights": "none",
            "normalisation": config.model_normalisation,
        }
        if state is None:
            start = {name: getattr(config, name) for name in START}
        order = checked_order(dataset, config.recipe, config.seed, distribution)
        pool = None
        if config.pool is not None:
            pool = restore_pool(config, run, distribution, context.progress)
        preset = config.recipe.fitted(config.preset)
        model = context.build_model(
            preset, config.input_size, config.dataset, config.seed, config.policy, **start
        )
        if pool is not None and config.trains_teacher:
            teacher_state = _TeacherState.of(pool, run)
            pool = _labelled_by_own_teacher(pool, model, config, context, teacher_state)
        trainer = context.trainer(model, config, progress, order, pool)
        if context.is_chief:
            run.tidy(progress.best)
        return _finish(trainer, state)


class _TeacherState(IntEnum):
    """How far self-training is with its teacher."""

    MISSING = 0
    STOPPED = 1
    TRAINED = 2
    HAS_LABELLED = 3

    @classmethod
    def of(cls, pool: UnlabelledPool, run: Run) -> "_TeacherState":
        """Returns the state of a run that is resumed."""
        teacher = Run(run.teacher)
        if pool.has_pseudo_keypoints:
            return cls.HAS_LABELLED
        if teacher.summary.exists():
            return cls.TRAINED
        return cls.STOPPED if teacher.config.exists() else cls.MISSING


def _labelled_by_own_teacher(
    pool: UnlabelledPool,
    model: SimpleBaseline,
    config: RunConfig,
    context: RunContext,
    state: _TeacherState,
) -> UnlabelledPool:
    """Trains the teacher of self-training to its end, and returns the pool with its keypoints.

    Args:
        pool: the objects.
        model: the student before its training. If the run continues with the student, the weights
            do not matter.
        config: the run's settings.
        context: the run's.
        state: what the run's folder has of the teacher.

    Raises:
        DataError: no keypoint of the teacher reaches the threshold.
        TrainingStopped: a signal arrived while the teacher was trained, or labelled the images.
    """
    distribution, skeleton = context.distribution, context.dataset.skeleton
    # Other workers may have older copies of the folder, or none, so the chief decides.
    [decided] = distribution.from_chief(np.array([state], np.float32))
    teacher = Run(context.run.teacher)
    # The student's initial weights, whose file may be in an earlier run that is being replaced.
    inner = replace(context, run=teacher, student=context.run, initial=model)
    if decided == _TeacherState.MISSING:
        _start(config.preset, config.teacher_options(), inner, overwrite=True)
    elif decided == _TeacherState.STOPPED:
        _resume(RunConfig.read(teacher.folder), inner)
    if decided == _TeacherState.HAS_LABELLED:
        shape = (len(pool), skeleton.num_keypoints, 3)
        keypoints = pool.keypoints if context.is_chief else np.zeros(shape, np.float32)
        return pool.with_keypoints(distribution.from_chief(keypoints))
    try:
        pool = add_pseudo_keypoints(
            pool,
            str(teacher.best),
            np.full(len(pool), context.is_chief),
            skeleton,
            config.recipe,
            distribution,
            context.progress,
            remedy=_lower_threshold(context.run, teacher),
        )
    except KeyboardInterrupt as error:
        raise TrainingStopped(
            "stopped while the trained teacher was labelling the images. "
            f"{context.run.resume_command} continues from here.",
            exit_code=130,
        ) from error
    if context.is_chief:
        pool.save(context.run.unlabelled)
    return pool


def _lower_threshold(run: Run, teacher: Run) -> str:
    """What to do if no keypoint of a teacher reaches the threshold: it is not trained again."""
    words = ["--config", run.folder, "--teacher", teacher.best]
    command = command_line(["simplebase", "train", *map(str, words), "--unlabelled-settings"])
    return f"Choose a lower threshold, with the same teacher: {command} '{{threshold: ...}}'"


def _finish(trainer: Trainer, state: Path | None) -> TrainingResult:
    """Trains, and writes the final files of the run."""
    try:
        trainer.train(state)
    except TrainingError:
        # The user has to see the error that stopped the training, not one of drawing.
        with suppress(OSError):
            draw_curves(trainer)
        raise
    finally:
        for each in trainer.observers:
            each.ended()
    draw_curves(trainer)
    return write_result(trainer)
