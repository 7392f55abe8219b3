"""Saves the models and the state of a run, and words its errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from simplebase.errors import TrainingError
from simplebase.estimator import SimpleBaseline
from simplebase.shell import command_line
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics
from simplebase.training.runs.state import RunProgress, Variables, save_state


class Saver:
    """Writes a run's checkpoints. With several workers, only the chief writes.

    Args:
        run: the run's folder.
        active: whether this process writes.
        student: the run for which this one trains the teacher.
    """

    def __init__(self, run: Run, active: bool, student: Run | None = None) -> None:
        self.run = run
        self._active = active
        self.student = student
        self._outer = student or run

    @property
    def resume_hint(self) -> str:
        """The command that resumes the run, or the run of which this one trains the teacher."""
        return self._outer.resume_command

    def save_state(self, variables: Variables, progress: RunProgress) -> None:
        """Replaces the state from which `--resume` continues.

        Raises:
            TrainingError: a weight is NaN or infinite, or the file cannot be written.
        """
        # All workers check, so that all of them stop.
        if not all(np.isfinite(weight.numpy()).all() for weight in variables["weights"]):
            raise self.diverged("a weight is NaN or infinite", progress)
        if self._active:
            with self._disk():
                save_state(self.run.state, variables, progress)

    def save_epoch(
        self,
        model: SimpleBaseline,
        variables: Variables,
        metrics: EpochMetrics,
        progress: RunProgress,
    ) -> None:
        """Writes the models, metrics and state after an epoch.

        The state is written last. If the run is killed before, it repeats the epoch and its files.

        Raises:
            TrainingError: see `save_state`.
        """
        if self._active:
            best = progress.best == metrics
            with self._disk():
                self.run.save_models(model, metrics, progress.kept, best)
                self.run.write_metrics(progress.epochs)
        self.save_state(variables, progress)
        self.remove_others(progress)

    def save_samples(self, sheet: np.ndarray) -> None:
        """Writes `val_samples.jpg`: `(height, width, 3)` RGB uint8.

        Raises:
            TrainingError: the file cannot be written.
        """
        if self._active:
            with self._disk():
                self.run.write_samples(sheet)

    def remove_others(self, progress: RunProgress) -> None:
        """Removes the checkpoints that are no longer among the best."""
        if self._active:
            with self._disk():
                self.run.remove_models_but(progress.kept)

    def diverged(self, what: str, progress: RunProgress, images: str = "") -> TrainingError:
        """Returns the error for a NaN or infinite number; `images` are those of the batch."""
        kept, again = "No checkpoint was saved yet", ""
        if progress.best:
            kept = f"The last good checkpoint is {self.run.last}, the best {self.run.best}"
            words = ["--config", self._outer.folder, "--weights", self.run.last]
            again = f": {command_line(['simplebase', 'train', *map(str, words)])}"
        return TrainingError(
            f"{what} in epoch {progress.epoch}, step {progress.step + bool(images)}. "
            f"{kept}. Start again with a lower --learning-rate or a "
            f"--clip-norm{again}." + (f" The images of that batch: {images}." if images else "")
        )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            saved = "Nothing was saved before."
            if self.run.state.exists():
                saved = (
                    f"What was saved before is complete. Once the disk works, {self.resume_hint} "
                    "continues from there."
                )
            raise TrainingError(
                f"{self.run.folder} cannot be written: {error.strerror or error}. {saved}"
            ) from error
