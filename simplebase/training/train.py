"""Training from a preset, a recipe and a dataset to the best checkpoint."""

import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from simplebase.augmentation import Augmentation
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource, CacheMode
from simplebase.errors import ArgumentError, TrainingError
from simplebase.estimator import BackboneWeights, SimpleBaseline
from simplebase.evaluation import mean_pose, predict_dataset, score_pck
from simplebase.geometry import Size
from simplebase.losses import LOSSES
from simplebase.presets import Preset, Recipe, load_preset, load_recipe
from simplebase.runtimes.keras import KerasRuntime
from simplebase.training.optimizer import build_optimizer
from simplebase.training.run import EpochMetrics, Run
from simplebase.training.training_model import TrainingModel
from simplebase.version import __version__

MAX_SEED = 2**32 - 1


class Observer(Protocol):
    """Is told how a training goes; all methods return at once."""

    def started(self, epochs: int, steps_per_epoch: int, batch_size: int) -> None:
        """Before the first step."""

    def stepped(self, epoch: int, step: int, loss: float) -> None:
        """After each step; both count from 1, `step` within the epoch."""

    def validating(self, done: int, total: int) -> None:
        """While the val split is predicted."""

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """After each epoch's validation."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training gave; PCK as in `simplebase.evaluation.score_pck`."""

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
    cache: CacheMode = "none",
    seed: int = 0,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> TrainingResult:
    """Trains a preset on the train split, keeping the epoch that is best on the val split.

    Args:
        preset: a name, the path of a YAML, or a loaded preset.
        dataset: both splits.
        run_dir: the folder to write, see `simplebase.training.run`.
        recipe: a name, the path of a YAML, or a loaded recipe; by default the preset's.
        input_size: `(H, W)`; by default the recipe's, else the preset's.
        backbone_weights: see `SimpleBaseline.from_preset`.
        normalisation: see `SimpleBaseline.from_preset`.
        weights: see `SimpleBaseline.from_preset`.
        cache: whether decoded canvases are kept for the next epochs, see `BatchSource`.
        seed: of weights, order and augmentation: the same seed gives the same run on one machine.
        overwrite: replace an earlier run in `run_dir`.
        observer: is told how it goes.

    Raises:
        ArgumentError: a value that does not work, such as a batch larger than the train split.
        DataError: a file of the dataset or of weights is wrong.
        OutputExistsError: `run_dir` exists and `overwrite` is off.
        TrainingError: the loss is no longer a number; the best checkpoint so far remains.
    """
    if not isinstance(preset, Preset):
        preset = load_preset(preset)
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe or preset.recipe)
    run = Run(run_dir, overwrite=overwrite)
    train_split, val_split = dataset.train, dataset.validation
    dataset.images.require()
    if recipe.batch_size > len(train_split):
        raise ArgumentError(
            f"the batch size {recipe.batch_size} is larger than the train split of "
            f"{len(train_split)} records. Choose a smaller --batch-size."
        )
    if not 0 <= seed <= MAX_SEED:
        raise ArgumentError(f"seed is 0 to {MAX_SEED}. Received: {seed}.")
    keras.utils.set_random_seed(seed)
    model = SimpleBaseline.from_preset(
        preset,
        skeleton=dataset.skeleton,
        input_size=input_size or recipe.input_size,
        sigma=recipe.sigma,
        backbone_weights=backbone_weights,
        normalisation=normalisation,
        weights=weights,
    )
    with run:
        run.write_config(
            {
                "simplebase": __version__,
                "preset": preset.model_dump(mode="json"),
                "recipe": recipe.model_dump(mode="json"),
                "dataset": dataset.name,
                "skeleton": dataset.skeleton.to_config(),
                "input_size": list(model.metadata.input_size),
                "backbone_weights": str(backbone_weights),
                "normalisation": model.normalisation,
                "weights": None if weights is None else str(weights),
                "seed": seed,
            }
        )
        trainer = _Trainer(model, recipe, train_split, val_split, run, cache, seed, observer)
        epochs = tuple(trainer.epoch(number) for number in range(1, recipe.total_epoch + 1))
        return _finish(run, epochs, trainer.best_epoch, train_split, val_split, model)


class _Trainer:
    """Holds what lasts from epoch to epoch."""

    def __init__(
        self,
        model: SimpleBaseline,
        recipe: Recipe,
        train_split: KeypointDataset,
        val_split: KeypointDataset,
        run: Run,
        cache: CacheMode,
        seed: int,
        observer: Observer | None,
    ) -> None:
        metadata = model.metadata
        augmentation = Augmentation(
            recipe.augmentation, metadata.input_size, metadata.skeleton, seed
        )
        self.source = BatchSource(
            train_split,
            metadata.crop,
            metadata.input_size,
            recipe.batch_size,
            augmentation.canvas_size,
            cache=cache,
        )
        self.steps = len(train_split) // recipe.batch_size
        self.optimizer = build_optimizer(recipe, self.steps)
        self.model = model
        self.training_model = TrainingModel(
            model, augmentation, LOSSES[recipe.loss_type], recipe.loss_scale
        )
        self.runtime = KerasRuntime(model)
        self.val_split = val_split
        self.run = run
        self.seed = seed
        self.observer = observer
        self.best_epoch = 0
        self.best_pck = -math.inf
        self.batch_size = recipe.batch_size
        if observer is not None:
            observer.started(recipe.total_epoch, self.steps, recipe.batch_size)

    def epoch(self, number: int) -> EpochMetrics:
        """Trains and validates one epoch, counted from 1."""
        order = self.source.dataset.images.shuffled(self.seed, number)
        started = time.perf_counter()
        total = 0.0
        batches = self.source.batches(order, drop_remainder=True)
        for step, batch in enumerate(batches, start=1):
            del batch["matrices"]
            loss = float(self._step(batch, self.optimizer.iterations.value))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} in epoch {number}, step {step}. Lower --learning-rate; "
                    f"{self._best_so_far}."
                )
            total += loss
            if self.observer is not None:
                self.observer.stepped(number, step, loss)
        seconds = time.perf_counter() - started
        val_pck = self._validate()
        metrics = EpochMetrics(
            epoch=number,
            loss=total / self.steps,
            val_pck=val_pck,
            learning_rate=float(self.optimizer.learning_rate),
            images_per_second=self.steps * self.batch_size / seconds,
        )
        self.run.append(metrics)
        # A val split without labels ranks nothing: the last epoch is then the best.
        if val_pck is None or val_pck > self.best_pck:
            self.best_epoch, self.best_pck = number, val_pck or 0.0
            self.run.save_best(self.model)
        if self.observer is not None:
            self.observer.epoch_ended(metrics)
        return metrics

    @property
    def _best_so_far(self) -> str:
        if not self.best_epoch:
            return "none was saved yet"
        return f"the best model so far is {self.run.best}"

    # XLA makes this step several times slower on a CPU, and lacks a kernel for the warp.
    @tf.function(jit_compile=False)
    def _step(self, batch: dict[str, Any], step: Any) -> Any:
        weights = self.training_model.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.training_model(batch, step=step, training=True)
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        self.optimizer.apply(gradients, weights)
        return loss

    def _validate(self) -> float | None:
        progress = self.observer.validating if self.observer is not None else None
        predictions = predict_dataset(
            self.runtime, self.val_split, batch_size=self.batch_size, progress=progress
        )
        if not np.isfinite(predictions).all():
            raise TrainingError(
                f"the model answers with values that are no numbers. Lower --learning-rate; "
                f"{self._best_so_far}."
            )
        return score_pck(predictions, self.val_split, self.model.metadata).mean


def _finish(
    run: Run,
    epochs: tuple[EpochMetrics, ...],
    best_epoch: int,
    train_split: KeypointDataset,
    val_split: KeypointDataset,
    model: SimpleBaseline,
) -> TrainingResult:
    metadata = model.metadata
    baseline = mean_pose(train_split, val_split, metadata.crop, metadata.input_size)
    result = TrainingResult(
        best=run.best,
        best_epoch=best_epoch,
        val_pck=epochs[best_epoch - 1].val_pck,
        mean_pose_pck=score_pck(baseline, val_split, metadata).mean,
        epochs=epochs,
    )
    run.write_summary(
        {
            "best": str(run.best.relative_to(run.folder)),
            "best_epoch": result.best_epoch,
            "val_pck": result.val_pck,
            "mean_pose_pck": result.mean_pose_pck,
            "train_records": len(train_split),
            "val_records": len(val_split),
        }
    )
    return result
