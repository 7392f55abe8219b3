"""Training from a preset, a recipe and a dataset to the best checkpoint, and going on with it."""

import os
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
from pydantic import ValidationError

from simplebase.backbones import BackboneWeights, NamedWeights
from simplebase.data.dataset import KeypointDataset
from simplebase.data.loading import load_dataset
from simplebase.data.pipeline import CacheMode
from simplebase.data.screening import warn_of_lost_depth
from simplebase.dtypes import dtype_policy
from simplebase.errors import ArgumentError, DataError, TrainingError
from simplebase.estimator import SimpleBaseline, completed
from simplebase.evaluation import mean_pck, mean_pose
from simplebase.geometry import Size
from simplebase.presets import Preset, Recipe, load_preset, load_recipe
from simplebase.presets.preset import first_problem
from simplebase.skeletons import Skeleton
from simplebase.training.determinism import make_deterministic
from simplebase.training.distribution import Distribution, distribute
from simplebase.training.observer import Observer
from simplebase.training.order import EpochOrder
from simplebase.training.precision import choose_policy
from simplebase.training.runs.config import DatasetSettings, RunConfig
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics
from simplebase.training.runs.new import locked_place, locked_run, new_run
from simplebase.training.runs.state import RunProgress, load_progress
from simplebase.training.tensorboard import TensorBoardLog
from simplebase.training.trainer import Trainer


@dataclass(frozen=True)
class TrainingResult:
    """What a training gave; PCK as in `simplebase.evaluation.mean_pck`."""

    best: Path
    best_epoch: int
    val_pck: float | None
    mean_pose_pck: float | None
    epochs: tuple[EpochMetrics, ...]

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "best": str(self.best)}


def train(
    preset: str | os.PathLike[str] | Preset,
    dataset: KeypointDataset,
    *,
    run_dir: str | os.PathLike[str],
    recipe: str | os.PathLike[str] | Recipe | None = None,
    input_size: Size | None = None,
    backbone_weights: BackboneWeights = "auto",
    normalisation: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    mixed_precision: bool = False,
    deterministic: bool = False,
    distribution: Distribution | None = None,
    cache: CacheMode = "none",
    save_every_steps: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> TrainingResult:
    """Trains a preset on the train split, keeping the epoch that is best on the val split.

    Args:
        preset: a name, the path of a YAML, or a loaded preset.
        dataset: both splits.
        run_dir: the folder to write, see `simplebase.training.runs.folder`.
        recipe: a name, the path of a YAML, or a loaded recipe; by default the preset's.
        input_size: `(H, W)`; by default the recipe's, else the preset's.
        backbone_weights: see `SimpleBaseline.from_preset`.
        normalisation: see `SimpleBaseline.from_preset`.
        weights: see `SimpleBaseline.from_preset`.
        mixed_precision: compute in 16 bit, see `simplebase.training.precision`.
        deterministic: add up in the same order always, see `make_deterministic`.
        distribution: the devices, from `simplebase.training.distribute`; by default one.
        cache: whether decoded canvases are kept for the next epochs, see `BatchSource`.
        save_every_steps: save the state within an epoch too, for `resume`.
        seed: of weights, order and augmentation: the same seed gives the same run on one machine.
        overwrite: replace an earlier run in `run_dir`.
        observer: is told how it goes.

    Raises:
        ArgumentError: a value that does not work, such as a batch larger than the train split.
        DataError: a file of the dataset or of weights is wrong.
        OutputExistsError: `run_dir` exists and `overwrite` is off.
        InUseError: another process trains in `run_dir`.
        TrainingError: the training cannot go on; the best checkpoint so far remains.
    """
    if not isinstance(preset, Preset):
        preset = load_preset(preset)
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    try:
        config = RunConfig(
            preset=preset,
            recipe=recipe,
            dataset=DatasetSettings.of(dataset),
            input_size=input_size or recipe.fitted(preset).input_size,
            backbone_weights=_absolute(backbone_weights),
            normalisation=normalisation,
            weights=None if weights is None else _absolute(weights),
            mixed_precision=mixed_precision,
            deterministic=deterministic,
            cache=cache,
            save_every_steps=save_every_steps,
            seed=seed,
        )
    except ValidationError as error:
        key, problem = first_problem(error, RunConfig)
        raise ArgumentError(f"{key}: {problem}") from error
    if deterministic:
        make_deterministic()
    distribution = distribution or distribute()
    run = Run(run_dir)
    chief = distribution.is_chief
    with (
        locked_place(run, overwrite=overwrite) if chief else nullcontext(),
        distribution.explaining_lost_workers(),
    ):
        progress = RunProgress(epoch=recipe.init_epoch + 1)
        trainer = _prepare(config, dataset, run, distribution, observer, progress, first=True)
        with new_run(run) if chief else nullcontext():
            if chief:
                trainer.config.write(run)
            return _run(trainer, state=None)


def resume(
    run_dir: str | os.PathLike[str],
    *,
    dataset: KeypointDataset | None = None,
    distribution: Distribution | None = None,
    observer: Observer | None = None,
) -> TrainingResult:
    """Goes on with a run that was stopped, as if it had not been.

    Args:
        run_dir: its folder.
        dataset: its dataset, where it does not lie where it did.
        distribution: as for `train`; it may be another one than before.
        observer: is told how it goes.

    Raises:
        MissingFileError: `run_dir` is not a run, or its dataset is gone.
        DataError: a file of the run is damaged, the dataset has changed, or the run is complete.
        InUseError, TrainingError: as `train`.
    """
    config = RunConfig.read(run_dir)
    if config.deterministic:
        make_deterministic()
    distribution = distribution or distribute()
    run = Run(run_dir)
    with locked_run(run) if distribution.is_chief else nullcontext():
        return _resume(config, run, dataset, distribution, observer)


def _resume(
    config: RunConfig,
    run: Run,
    dataset: KeypointDataset | None,
    distribution: Distribution,
    observer: Observer | None,
) -> TrainingResult:
    state = run.state if run.state.exists() else None
    progress = load_progress(state) if state else RunProgress(epoch=config.recipe.init_epoch + 1)
    if progress.epoch > config.recipe.total_epoch and run.summary.exists():
        raise DataError(
            f"{run.folder} is complete: all {config.recipe.total_epoch} epochs are done. A longer "
            f"training starts from its model: --weights {run.best}."
        )
    if dataset is None:
        dataset = load_dataset(config.dataset.folder, config.dataset.own_skeleton())
    dataset = dataset.with_default_depth(config.dataset.own_depth_range())
    config.dataset.require_same(dataset)
    with distribution.explaining_lost_workers():
        first = state is None
        trainer = _prepare(config, dataset, run, distribution, observer, progress, first)
        if distribution.is_chief:
            run.tidy(progress.best)
        return _run(trainer, state)


def _absolute(weights: BackboneWeights) -> str:
    """A file's path from the root: the run may be resumed from another folder."""
    named = get_args(NamedWeights)
    return str(weights) if weights in named else str(Path(weights).absolute())


def _prepare(
    config: RunConfig,
    dataset: KeypointDataset,
    run: Run,
    distribution: Distribution,
    observer: Observer | None,
    progress: RunProgress,
    first: bool,
) -> Trainer:
    """Checks and builds all that a training needs, and writes nothing yet."""
    dataset.images.require()
    train_split, val_split = dataset.train, dataset.validation
    _require_batches(config.recipe.batch_size, len(train_split), distribution)
    order = EpochOrder(train_split, config.recipe, config.seed)
    warn_of_lost_depth(train_split.select(np.unique(order(config.recipe.init_epoch + 1))))
    policy = config.policy or choose_policy(config.mixed_precision)
    with distribution.strategy.scope(), dtype_policy(policy):
        model = _build_model(config, dataset.skeleton, first)
        distribution.synchronise_batch_norms(model)
        observers = [] if observer is None else [observer]
        if distribution.is_chief:
            observers.append(TensorBoardLog(run.tensorboard))
        followed: dict[str, Any] = {"model_normalisation": model.normalisation, "policy": policy}
        if config.weights is not None or config.backbone_weights not in get_args(NamedWeights):
            # A resumed run starts without the file, which says how its weights were trained.
            followed["preset"] = completed(config.preset, model)
        config = config.model_copy(update=followed)
        return Trainer(
            model, config, train_split, val_split, run, distribution, observers, progress, order
        )


def _run(trainer: Trainer, state: Path | None) -> TrainingResult:
    """Trains, and writes what a run has at its end."""
    try:
        trainer.train(state)
    except TrainingError:
        # What stopped the training is what the user has to know.
        with suppress(OSError):
            _draw_curves(trainer)
        raise
    finally:
        for each in trainer.observers:
            each.ended()
    _draw_curves(trainer)
    return _finish(trainer)


def _require_batches(size: int, count: int, distribution: Distribution) -> None:
    """Refuses a batch size that fits neither `count` train records nor the devices."""
    if size > count:
        fitting = 2 ** max(0, (count // 4).bit_length() - 1)
        raise ArgumentError(
            f"the batch size {size} is larger than the train split of {count} records. Choose a "
            f"smaller one, such as --batch-size {fitting}."
        )
    distribution.local_part(size)


def _draw_curves(trainer: Trainer) -> None:
    run = trainer.saver.run
    if trainer.distribution.is_chief and trainer.progress.epochs:
        plot_curves([run.folder], run.curves, overwrite=True)


def _build_model(config: RunConfig, skeleton: Skeleton, first: bool) -> SimpleBaseline:
    """The model with its first weights, or without: then a state brings them."""
    weights: dict[str, Any] = {
        "backbone_weights": config.backbone_weights,
        "normalisation": config.normalisation,
        "weights": config.weights,
    }
    if not first:
        weights = {"backbone_weights": "none", "normalisation": config.model_normalisation}
    keras.utils.set_random_seed(config.seed)
    model = SimpleBaseline.from_preset(
        config.recipe.fitted(config.preset),
        skeleton=skeleton,
        input_size=config.input_size,
        **weights,
    )
    model.metadata = replace(
        model.metadata,
        training_data=config.dataset.digest,
        depth_range=config.dataset.own_depth_range(),
    )
    return model


def _finish(trainer: Trainer) -> TrainingResult:
    run, progress = trainer.saver.run, trainer.progress
    metadata, val_split = trainer.model.metadata, trainer.val_split
    best = progress.best
    assert best is not None, "a training has an epoch"
    baseline = mean_pose(trainer.train_split, val_split, metadata.crop, metadata.input_size)
    result = TrainingResult(
        best=run.best,
        best_epoch=best.epoch,
        val_pck=best.val_pck,
        mean_pose_pck=mean_pck(baseline, val_split, metadata.input_size),
        epochs=tuple(progress.epochs),
    )
    if trainer.distribution.is_chief:
        run.write_summary(
            {
                "best": str(run.best.relative_to(run.folder)),
                "best_epoch": result.best_epoch,
                "val_pck": result.val_pck,
                "mean_pose_pck": result.mean_pose_pck,
                "train_records": len(trainer.train_split),
                "val_records": len(val_split),
            }
        )
    return result
