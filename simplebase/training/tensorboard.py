"""Writes the metrics of a training run for TensorBoard."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import tensorflow as tf

from simplebase.errors import SimplebaseWarning, first_line
from simplebase.training.observer import Observer, Plan, StepMetrics
from simplebase.training.runs.metrics import EpochMetrics

# In steps. The file of a run with a hundred thousand steps has a few megabytes.
_EVERY = 10


class TensorBoardLog(Observer):
    """Writes event files for `tensorboard --logdir FOLDER`.

    ```
    loss/step, learning_rate/step          every tenth step, counted over all epochs
    loss/epoch, learning_rate/epoch,       every epoch
    val_pck, images_per_second,
    pseudo_keypoints, pseudo_score
    validation                             an image, after epochs that draw one
    ```

    A resumed run adds a file to its folder, and TensorBoard draws all files as one run. Steps that
    are repeated after a kill appear twice, with the same values. If a file cannot be written, a
    warning is given and the training continues without the log.

    Args:
        folder: the folder, which is created if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._writer: tf.summary.SummaryWriter | None = None
        self._steps_per_epoch = 0

    def started(self, plan: Plan) -> None:
        """Opens a file. A run that fails earlier leaves none."""
        self._steps_per_epoch = plan.steps_per_epoch
        with self._giving_up():
            self._writer = tf.summary.create_file_writer(self._folder)

    def stepped(self, metrics: StepMetrics) -> None:
        """Writes every tenth step."""
        step = (metrics.epoch - 1) * self._steps_per_epoch + metrics.step
        if step % _EVERY == 0:
            self._write_scalars(
                step, {"loss/step": metrics.loss, "learning_rate/step": metrics.learning_rate}
            )

    def sheet_drawn(self, epoch: int, sheet: np.ndarray) -> None:
        """Writes the sheet."""
        with self._giving_up():
            tf.summary.image("validation", sheet[None], step=epoch)

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """Writes the epoch."""
        scalars = {
            "loss/epoch": metrics.loss,
            "learning_rate/epoch": metrics.learning_rate,
            "images_per_second": metrics.images_per_second,
        }
        for name in ("val_pck", "pseudo_keypoints", "pseudo_score"):
            if (value := getattr(metrics, name)) is not None:
                scalars[name] = value
        self._write_scalars(metrics.epoch, scalars)

    def ended(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            with self._giving_up():
                self._writer.close()
            self._writer = None

    def _write_scalars(self, step: int, scalars: dict[str, float]) -> None:
        with self._giving_up():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step=step)

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Flushes the file after the block; if writing fails, warns and ends the log."""
        try:
            with self._writer.as_default() if self._writer else nullcontext():
                yield
        except (OSError, tf.errors.OpError) as error:
            self._writer = None
            warnings.warn(
                f"{self._folder} cannot be written ({first_line(error)}): TensorBoard's log ends.",
                SimplebaseWarning,
                stacklevel=2,
            )
