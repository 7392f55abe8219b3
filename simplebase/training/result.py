"""The result of a run: its best epoch, the curves, and `summary.json`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simplebase.evaluation import mean_pck, mean_pose
from simplebase.training.runs.curves import plot_curves
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics

if TYPE_CHECKING:
    from simplebase.training.trainer import Trainer


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training run. For PCK see `simplebase.evaluation.mean_pck`.

    Args:
        best: the model with the highest val PCK.
        best_epoch: its epoch.
        val_pck: its PCK@0.5 on the val split; `None` without one.
        mean_pose_pck: PCK@0.5 of the mean pose of the train split.
        epochs: the metrics of all epochs.
        teacher_val_pck: in self-training, the PCK@0.5 of the teacher, which learnt from the labels
            alone.
    """

    best: Path
    best_epoch: int
    val_pck: float | None
    mean_pose_pck: float | None
    epochs: tuple[EpochMetrics, ...]
    teacher_val_pck: float | None = None

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**asdict(self), "best": str(self.best)}


def draw_curves(trainer: "Trainer") -> None:
    """Draws `curves.png` of the finished epochs, if there are any."""
    run = trainer.saver.run
    if trainer.distribution.is_chief and trainer.progress.epochs:
        plot_curves([run.folder], run.curves, overwrite=True)


def write_result(trainer: "Trainer") -> TrainingResult:
    """Returns the result of a run whose epochs are done, and writes `summary.json`."""
    run, progress = trainer.saver.run, trainer.progress
    metadata, val_split = trainer.model.metadata, trainer.val_split
    best = progress.best
    assert best is not None, "a training run has an epoch"
    baseline = mean_pose(trainer.train_split, val_split, metadata.crop, metadata.input_size)
    teacher = Run(run.teacher).summary
    result = TrainingResult(
        best=run.best,
        best_epoch=best.epoch,
        val_pck=best.val_pck,
        mean_pose_pck=mean_pck(baseline, val_split, metadata.input_size),
        epochs=tuple(progress.epochs),
        teacher_val_pck=json.loads(teacher.read_text())["val_pck"] if teacher.exists() else None,
    )
    if trainer.distribution.is_chief:
        run.write_summary(
            {
                "best": str(run.best.relative_to(run.folder)),
                "best_epoch": result.best_epoch,
                "val_pck": result.val_pck,
                "mean_pose_pck": result.mean_pose_pck,
                "teacher_val_pck": result.teacher_val_pck,
                "train_records": len(trainer.train_split),
                "val_records": len(val_split),
            }
        )
    return result
