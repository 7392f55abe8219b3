"""The loop over epochs and steps."""

import math
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import keras
import numpy as np

from simplebase.augmentation import Augmentation
from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import BatchSource
from simplebase.devices import SMALLER_BATCH, explaining_out_of_memory
from simplebase.errors import TrainingStopped
from simplebase.estimator import SimpleBaseline
from simplebase.evaluation import draw_predictions, mean_pck, predict_dataset
from simplebase.losses import LOSSES
from simplebase.runtimes.keras import KerasRuntime
from simplebase.threads import thread_pool
from simplebase.training.distribution import Distribution
from simplebase.training.feeding import on_devices
from simplebase.training.interruption import StopSignals
from simplebase.training.observer import Observer, Plan, StepMetrics
from simplebase.training.order import EpochOrder
from simplebase.training.precision import FLOAT16
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.metrics import EpochMetrics
from simplebase.training.runs.saving import Saver
from simplebase.training.runs.state import RunProgress, Variables, load_state
from simplebase.training.stages import StageTraining, stages
from simplebase.training.step import StepResult
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.unlabelled.monitor import PseudoKeypointMonitor
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.weight_average import WeightAverage

_SHEET_EVERY = 5  # epochs


class Trainer:
    """Trains a model on a dataset, and writes the files of the run's folder.

    Args:
        model: the model, built in the distribution's scope.
        config: all settings.
        dataset: the dataset with both splits.
        saver: writes the files.
        distribution: the devices.
        observers: receive the progress.
        progress: the progress so far.
        order: returns the records of each epoch.
        layers: augmentation in addition to the recipe's.
        pool: unlabelled objects to learn from.
    """

    def __init__(
        self,
        model: SimpleBaseline,
        config: RunConfig,
        dataset: KeypointDataset,
        saver: Saver,
        distribution: Distribution,
        observers: Iterable[Observer],
        progress: RunProgress,
        order: EpochOrder,
        layers: Sequence[keras.layers.Layer] = (),
        pool: UnlabelledPool | None = None,
    ) -> None:
        recipe = config.recipe
        metadata = model.metadata
        self.model = model
        self.config = config
        self.recipe = recipe
        self.saver = saver
        self.distribution = distribution
        self.observers = list(observers)
        self.progress = progress
        self.train_split, self.val_split = dataset.train, dataset.validation
        self._order, self.steps = order, order.steps
        self._part = distribution.local_part(recipe.batch_size)
        self._loss_scaling = config.policy == FLOAT16
        self._signals = StopSignals(self._tell_stopping)
        augmentation = Augmentation(
            recipe.augmentation,
            metadata.input_size,
            metadata.skeleton,
            config.seed,
            recipe.fading(self.steps),
            layers=layers,
        )
        self.source = BatchSource(
            self.train_split,
            metadata.crop,
            metadata.input_size,
            self._part.stop - self._part.start,
            augmentation.canvas_size,
            cache=config.cache,
        )
        self._training_graph = TrainingGraph(
            model, augmentation, LOSSES[recipe.loss_type], recipe.loss_scale, recipe=recipe
        )
        self._average = None
        if recipe.ema is not None:
            self._average = WeightAverage(model, recipe.ema)
        self._unlabelled = None
        if pool is not None:
            average = None if self._average is None else self._average.model
            self._unlabelled = UnlabelledBranch(
                pool,
                metadata,
                recipe,
                self.steps,
                distribution,
                average,
                layers,
                seed=config.seed,
                cache=config.cache,
            )
            if not pool.has_pseudo_keypoints:
                self.observers.append(PseudoKeypointMonitor(recipe, progress.epochs))
        self._runtime = KerasRuntime(self.result)

    @property
    def result(self) -> SimpleBaseline:
        """The model that is validated and saved: the trained model, or its moving average."""
        return self.model if self._average is None else self._average.model

    def train(self, state: Path | None) -> None:
        """Runs all remaining epochs.

        Args:
            state: the state file from which to continue; `None` starts a new run.

        Raises:
            TrainingError: the loss is NaN or infinite, or a file cannot be written.
            OutOfMemoryError: a device cannot hold a batch.
            TrainingStopped: a signal arrived.
        """
        ahead = [stage for stage in stages(self.recipe) if self.progress.epoch <= stage.last_epoch]
        with self._signals:
            for stage in ahead:
                training = StageTraining(
                    stage,
                    self.recipe,
                    self.steps,
                    self._training_graph,
                    self.distribution,
                    self._average,
                    self._loss_scaling,
                    self._unlabelled,
                )
                if stage is ahead[0]:
                    if state is not None:
                        self._restore(training, state)
                    self.distribution.require_same(self._beginning())
                    self._tell_start()
                while self.progress.epoch <= stage.last_epoch:
                    self._epoch(training)
        # A run that was killed right after saving its state may have too many checkpoints.
        self.saver.remove_others(self.progress)
        if self.saver.student is not None and self._signals.received is not None:
            # The signal came when all epochs were done, but the student has yet to be trained.
            raise self._stopped("after the teacher's last epoch")

    def _variables(self, training: StageTraining) -> Variables:
        variables = {"weights": self.model.weights, "optimizer": training.optimizer.variables}
        if self._average is not None:
            variables["average"] = self._average.model.weights
        return variables

    def _restore(self, training: StageTraining, state: Path) -> None:
        variables = self._variables(training)
        if self.progress.epoch == training.stage.first_epoch and self.progress.step == 0:
            # The state was saved at the end of the previous stage: this stage's optimizer is new.
            del variables["optimizer"]
        with self.distribution.strategy.scope():
            load_state(state, variables)

    def _beginning(self) -> Iterator[bytes]:
        """Yields the values that all workers must share before their first step."""
        place = f"{self.progress.epoch} {self.progress.step} {self.config.shared_settings()}"
        yield place.encode()
        for weight in self.model.weights:
            yield weight.numpy().tobytes()
        if self._unlabelled is not None:
            yield self._unlabelled.pool.keypoints.tobytes()

    def _tell_start(self) -> None:
        samples = 0 if self._unlabelled is None else self._unlabelled.samples_per_step
        plan = Plan(
            first_epoch=self.progress.epoch,
            first_step=self.progress.step + 1,
            last_epoch=self.recipe.total_epoch,
            steps_per_epoch=self.steps,
            batch_size=self.recipe.batch_size + samples,
            first_stage_ends=max(
                (stage.last_epoch for stage in stages(self.recipe) if stage.transfer), default=0
            ),
            first_finishing_epoch=self._order.first_finishing_epoch,
            finish_records=self._order.finish_records,
            unlabelled_records=0 if self._unlabelled is None else len(self._unlabelled.pool),
            unlabelled_samples=samples,
            trains_teacher=self.saver.student is not None,
        )
        for observer in self.observers:
            observer.started(plan)

    def _tell_stopping(self, name: str) -> None:
        for observer in self.observers:
            observer.stopping(name)

    def _epoch(self, training: StageTraining) -> None:
        """Trains and validates the current epoch of `progress`, from its step on.

        The loss of a step is read after the next step has started, so that no device waits for this
        loop. A thread fetches it from the device at once, because a later copy from a GPU would
        wait for the next step too. All losses are checked before anything is saved, so a state
        never contains weights whose loss is unknown.
        """
        progress, size = self.progress, self.recipe.batch_size
        number, every = progress.epoch, self.config.save_every_steps
        rows = self._order(number).reshape(self.steps, size)
        batches = self.source.batches(rows[progress.step :, self._part].reshape(-1))
        if self._unlabelled is not None:
            first = (number - 1) * self.steps + progress.step
            batches = self._unlabelled.add_to(batches, first, self.steps - progress.step)
            size += self._unlabelled.samples_per_step
        timed, clock = 0, time.perf_counter()
        unseen: deque[Future[StepResult]] = deque()
        with (
            explaining_out_of_memory(size, SMALLER_BATCH),
            thread_pool(1, "losses") as fetching,
            closing(on_devices(self.distribution, batches)) as shared,
        ):
            for step, batch in enumerate(shared, progress.step):
                traced = training.step.is_traced
                step_of_run = (number - 1) * self.steps + step
                stop = self._signals.received is not None
                started = training.step.start(batch, step_of_run, stop)
                unseen.append(fetching.submit(started.result))
                stop = len(unseen) > 1 and self._count_step(unseen.popleft(), training, rows)
                save = every is not None and (step + 1) % every == 0
                if stop or save or not traced or step + 1 == self.steps:
                    stop = self._count_step(unseen.popleft(), training, rows) or stop
                timed, clock = (timed + 1, clock) if traced else (0, time.perf_counter())
                if stop:
                    self._stop(training)
                if save:
                    self.saver.save_state(self._variables(training), progress)
        seconds = time.perf_counter() - clock
        self._finish_epoch(training, timed * size / seconds if timed else 0.0)

    def _count_step(
        self, result: Future[StepResult], training: StageTraining, rows: np.ndarray
    ) -> bool:
        """Waits for the first step that is not in `progress`, and adds it.

        Args:
            result: the result of that step.
            training: its stage.
            rows: `(steps, B)` indices of the records of the epoch's steps.

        Returns:
            Whether the training has to stop. All workers find that at the same step.

        Raises:
            TrainingError: the loss is NaN or infinite.
        """
        progress = self.progress
        rate = training.learning_rate(progress.epoch, progress.step)
        step = result.result()
        if not math.isfinite(step.loss):
            raise self.saver.diverged(
                f"the loss is {step.loss}", progress, self._names(rows[progress.step])
            )
        progress.add_step(step.loss, rate)
        progress.add_pseudo_keypoints(step.pseudo_keypoints, step.pseudo_scores)
        for observer in self.observers:
            observer.stepped(StepMetrics(progress.epoch, progress.step, step.loss, rate))
        return step.stop or (self._signals.received is not None and self.distribution.workers == 1)

    def _finish_epoch(self, training: StageTraining, images_per_second: float) -> None:
        progress, metadata = self.progress, self.model.metadata
        predictions = self._predict(training)
        pseudo = {} if self._unlabelled is None else self._unlabelled.metrics(progress, self.steps)
        metrics = EpochMetrics(
            epoch=progress.epoch,
            loss=progress.losses / self.steps,
            val_pck=mean_pck(predictions, self.val_split, metadata.input_size),
            learning_rate=progress.learning_rates / self.steps,
            images_per_second=images_per_second,
            **pseudo,
        )
        progress.add_epoch(metrics)
        self.saver.save_epoch(self.result, self._variables(training), metrics, progress)
        last = metrics.epoch == self.recipe.total_epoch
        # With several workers, only the first one draws.
        if self.distribution.is_chief and (last or metrics.epoch % _SHEET_EVERY == 0):
            title = f"epoch {metrics.epoch}"
            sheet = draw_predictions(
                self.val_split, predictions, metadata.crop, metadata.input_size, title
            )
            self.saver.save_samples(sheet)
            for observer in self.observers:
                observer.sheet_drawn(metrics.epoch, sheet)
        for observer in self.observers:
            observer.epoch_ended(metrics)

    def _predict(self, training: StageTraining) -> np.ndarray:
        """Predicts the val split; returns `(N, K, 3)` in image pixels."""

        def tell(done: int, total: int) -> None:
            for observer in self.observers:
                observer.validating(done, total)
            # No worker may stop alone: all stop after the next step.
            if self._signals.received and self.distribution.workers == 1:
                self._stop(training)

        predictions = predict_dataset(
            self._runtime, self.val_split, batch_size=self.recipe.batch_size, progress=tell
        )
        if not np.isfinite(predictions).all():
            raise self.saver.diverged("the model's output is NaN or infinite", self.progress)
        return predictions

    def _stop(self, training: StageTraining) -> NoReturn:
        progress = self.progress
        self.saver.save_state(self._variables(training), progress)
        raise self._stopped(f"in epoch {progress.epoch} after step {progress.step} of {self.steps}")

    def _stopped(self, place: str) -> TrainingStopped:
        name = self._signals.received
        reason = f"stopped by {name}" if name else "another worker stopped"
        return TrainingStopped(
            f"{reason} {place}; nothing is lost. {self.saver.resume_hint} continues from here.",
            exit_code=128 + signal.Signals[name] if name else 1,
        )

    def _names(self, rows: np.ndarray) -> str:
        """Returns the names of a batch's images."""
        return ", ".join(sorted({self.train_split.images.name(int(row)) for row in rows}))
