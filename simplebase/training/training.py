"""Trains a preset on a dataset, and resumes runs."""

import os
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np

from simplebase.backbones import NamedWeights
from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.dtypes import dtype_policy
from simplebase.errors import DataError, TrainingError
from simplebase.estimator import SimpleBaseline, completed
from simplebase.geometry import Size
from simplebase.presets import Preset, Recipe, load_recipe
from simplebase.presets.loader import as_preset
from simplebase.progress import ProgressBar, no_progress_bar
from simplebase.skeletons import Skeleton
from simplebase.training.distribution import Distribution, distribute
from simplebase.training.observer import Observer
from simplebase.training.options import START, TrainingOptions
from simplebase.training.order import EpochOrder, checked_order
from simplebase.training.precision import choose_policy, make_deterministic
from simplebase.training.result import TrainingResult, draw_curves, write_result
from simplebase.training.runs.config import DatasetSettings, LayerSettings, PoolDigest, RunConfig
from simplebase.training.runs.folder import Run, locked_place, locked_run, new_run
from simplebase.training.runs.state import RunProgress, load_progress
from simplebase.training.tensorboard import TensorBoardLog
from simplebase.training.trainer import Trainer
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.unlabelled.preparing import (
    SELF_TRAINING,
    build_pool,
    complete_recipe,
    label_with,
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

    With unlabelled images and without a teacher, the run trains two models (self-training): the
    first learns from the labelled images, and its predictions teach the second one.

    Raises:
        ArgumentError: a value is invalid, such as a batch larger than the train split.
        DataError: a file of the dataset or of weights is invalid.
        OutputExistsError: `run_dir` exists and `overwrite` is off.
        InUseError: another process trains in `run_dir`.
        TrainingError: the training cannot continue. The best checkpoint so far is kept.
        OutOfMemoryError: a device cannot hold a batch. The best checkpoint so far is kept.
    """
    preset, options = as_preset(preset), options or TrainingOptions()
    recipe = options.recipe
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    recipe = complete_recipe(recipe, options, unlabelled)
    if options.deterministic:
        make_deterministic()
    distribution = distribution or distribute()
    run = Run(run_dir)
    chief = distribution.is_chief
    with (
        locked_place(run, overwrite=overwrite) if chief else nullcontext(),
        distribution.explaining_lost_workers(),
    ):
        order = checked_order(dataset, recipe, options.seed, distribution)
        size = options.input_size or recipe.fitted(preset).input_size
        policy = choose_policy(options.mixed_precision)
        facts = DatasetSettings.of(dataset)
        model = _build_model(
            recipe.fitted(preset),
            size,
            facts,
            dataset.skeleton,
            options.seed,
            policy,
            distribution,
            **{name: getattr(options, name) for name in START},
        )
        if options.weights is not None or options.backbone_weights not in get_args(NamedWeights):
            # A resumed run builds its model without the weights file, which stores these settings.
            preset = completed(preset, model)
        pool = build_pool(
            options, unlabelled, dataset, recipe, model.metadata, distribution, progress
        )
        facts_of_run = {"preset": preset, "recipe": recipe, "dataset": facts, "input_size": size}
        config = RunConfig(
            **(dict(options) | facts_of_run),
            model_normalisation=model.normalisation,
            policy=policy,
            augmentation_layers=tuple(map(LayerSettings.of, augmentation)),
            pool=None if pool is None else PoolDigest(objects=len(pool), digest=pool.digest),
        )
        with new_run(run) if chief else nullcontext():
            if chief:
                if pool is not None:
                    pool.save(run.unlabelled)
                config.write(run)
            pool = _self_trained(
                pool, config, dataset, run, distribution, observer, augmentation, progress
            )
            trainer = _trainer(
                model,
                config,
                dataset,
                run,
                distribution,
                observer,
                RunProgress(epoch=recipe.init_epoch + 1),
                order,
                augmentation,
                pool,
            )
            return _run(trainer, state=None)


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
    run = Run(run_dir)
    with locked_run(run) if distribution.is_chief else nullcontext():
        return _resume(config, run, dataset, distribution, observer, augmentation, progress)


def _resume(
    config: RunConfig,
    run: Run,
    dataset: KeypointDataset | None,
    distribution: Distribution,
    observer: Observer | None,
    augmentation: Sequence[keras.layers.Layer],
    progress_bar: ProgressBar,
) -> TrainingResult:
    state = run.state if run.state.exists() else None
    progress = load_progress(state) if state else RunProgress(epoch=config.recipe.init_epoch + 1)
    if progress.epoch > config.recipe.total_epoch and run.summary.exists():
        raise DataError(
            f"{run.folder} is complete: all {config.recipe.total_epoch} epochs are done. To train "
            f"longer, start a new run from its model: --weights {run.best}."
        )
    if dataset is None:
        dataset = load_dataset(config.dataset.folder, config.dataset.own_skeleton())
    dataset = dataset.with_default_depth(config.dataset.own_depth_range())
    config.dataset.require_same(dataset)
    # The state contains the weights. A run that was killed before its first state starts anew.
    start: dict[str, Any] = {
        "backbone_weights": "none",
        "normalisation": config.model_normalisation,
    }
    if state is None:
        start = {name: getattr(config, name) for name in START}
    with distribution.explaining_lost_workers():
        order = checked_order(dataset, config.recipe, config.seed, distribution)
        model = _build_model(
            config.recipe.fitted(config.preset),
            config.input_size,
            config.dataset,
            dataset.skeleton,
            config.seed,
            config.policy,
            distribution,
            **start,
        )
        pool = None if config.pool is None else restore_pool(config, run)
        pool = _self_trained(
            pool, config, dataset, run, distribution, observer, augmentation, progress_bar
        )
        trainer = _trainer(
            model, config, dataset, run, distribution, observer, progress, order, augmentation, pool
        )
        if distribution.is_chief:
            run.tidy(progress.best)
        return _run(trainer, state)


def _self_trained(
    pool: UnlabelledPool | None,
    config: RunConfig,
    dataset: KeypointDataset,
    run: Run,
    distribution: Distribution,
    observer: Observer | None,
    augmentation: Sequence[keras.layers.Layer],
    progress: ProgressBar,
) -> UnlabelledPool | None:
    """Trains a teacher on the labelled images, and returns the pool with its keypoints.

    A run that does not train its own teacher, and one whose teacher has labelled the pool already,
    get the pool back as it is. A teacher whose training was stopped is trained to its end.
    """
    settings = config.recipe.unlabelled
    if pool is None or settings is None or pool.has_pseudo_keypoints:
        return pool
    if settings.method != SELF_TRAINING:
        return pool
    teacher = Run(run.teacher)
    shared: dict[str, Any] = {
        "distribution": distribution,
        "observer": observer,
        "augmentation": augmentation,
    }
    if not teacher.config.exists():
        options = config.teacher_options()
        train(config.preset, dataset, options, run_dir=teacher.folder, overwrite=True, **shared)
    elif not teacher.summary.exists():
        resume(teacher.folder, dataset=dataset, **shared)
    # Only the chief is sure to have the teacher's file.
    rows = np.full(len(pool), distribution.is_chief)
    skeleton = dataset.skeleton
    pool = label_with(
        str(teacher.best), pool, rows, skeleton, config.recipe, distribution, progress
    )
    if distribution.is_chief:
        pool.save(run.unlabelled)
    return pool


def _build_model(
    preset: Preset,
    input_size: Size,
    facts: DatasetSettings,
    skeleton: Skeleton,
    seed: int,
    policy: str,
    distribution: Distribution,
    **start: Any,
) -> SimpleBaseline:
    """Builds the model of a run on its devices; `start` chooses the initial weights."""
    keras.utils.set_random_seed(seed)
    with distribution.strategy.scope(), dtype_policy(policy):
        model = SimpleBaseline.from_preset(
            preset,
            skeleton=skeleton,
            input_size=input_size,
            training_data=facts.digest,
            depth_range=facts.own_depth_range(),
            **start,
        )
        distribution.synchronise_batch_norms(model)
    return model


def _trainer(
    model: SimpleBaseline,
    config: RunConfig,
    dataset: KeypointDataset,
    run: Run,
    distribution: Distribution,
    observer: Observer | None,
    progress: RunProgress,
    order: EpochOrder,
    augmentation: Sequence[keras.layers.Layer],
    pool: UnlabelledPool | None,
) -> Trainer:
    """Returns the trainer of the run; writes nothing yet."""
    observers = [] if observer is None else [observer]
    if distribution.is_chief:
        observers.append(TensorBoardLog(run.tensorboard))
    with distribution.strategy.scope(), dtype_policy(config.policy):
        return Trainer(
            model,
            config,
            dataset,
            run,
            distribution,
            observers,
            progress,
            order,
            augmentation,
            pool,
        )


def _run(trainer: Trainer, state: Path | None) -> TrainingResult:
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
