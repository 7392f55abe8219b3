"""A training's figures as TensorBoard shows them."""

import os

import numpy as np
import tensorflow as tf

from simplebase.training.observer import EpochMetrics, Observer, Plan, StepMetrics

# Of steps: a run of a hundred thousand stays a file of a few megabytes.
_EVERY = 10


class TensorBoardLog(Observer):
    """Writes event files, to be looked at by `tensorboard --logdir FOLDER`.

    ```
    loss/step, learning_rate/step          every tenth step, counted over all epochs
    loss/epoch, learning_rate/epoch,       every epoch
    val_pck, images_per_second
    validation                             an image, after the epochs that draw one
    ```

    A resumed run adds a file to those in its folder, and TensorBoard draws them as one.

    Args:
        folder: made if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._writer: tf.summary.SummaryWriter | None = None
        self._steps_per_epoch = 0

    def started(self, plan: Plan) -> None:
        """Opens a file: a training that fails earlier leaves none."""
        self._writer = tf.summary.create_file_writer(self._folder)
        self._steps_per_epoch = plan.steps_per_epoch

    def stepped(self, metrics: StepMetrics) -> None:
        """Writes every tenth step."""
        step = (metrics.epoch - 1) * self._steps_per_epoch + metrics.step
        if step % _EVERY == 0:
            self._write_scalars(
                step, {"loss/step": metrics.loss, "learning_rate/step": metrics.learning_rate}
            )

    def sheet_drawn(self, epoch: int, sheet: np.ndarray) -> None:
        """Writes the sheet."""
        with self._open_writer.as_default():
            tf.summary.image("validation", sheet[None], step=epoch)

    def epoch_ended(self, metrics: EpochMetrics) -> None:
        """Writes the epoch."""
        scalars = {
            "loss/epoch": metrics.loss,
            "learning_rate/epoch": metrics.learning_rate,
            "images_per_second": metrics.images_per_second,
        }
        if metrics.val_pck is not None:
            scalars["val_pck"] = metrics.val_pck
        self._write_scalars(metrics.epoch, scalars)

    def ended(self) -> None:
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def _open_writer(self) -> "tf.summary.SummaryWriter":
        if self._writer is None:
            raise RuntimeError("TensorBoardLog is told of a training before `started`.")
        return self._writer

    def _write_scalars(self, step: int, scalars: dict[str, float]) -> None:
        # The end of `as_default` flushes: what was written can be looked at.
        with self._open_writer.as_default():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step=step)
