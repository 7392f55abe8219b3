"""The result of a run: its best epoch, the curves, and `summary.json`."""

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
        teacher: in self-training, the model that learnt from the labels alone; otherwise `None`.
        teacher_val_pck: its PCK@0.5 on the val split; `None` without one.
    """

    best: Path
    best_epoch: int
    val_pck: float | None
    mean_pose_pck: float | None
    epochs: tuple[EpochMetrics, ...]
    teacher: Path | None = None
    teacher_val_pck: float | None = None

    @property
    def recommended(self) -> Path:
        """The model to use: `best`, unless self-training gained nothing over its teacher."""
        if self.teacher is not None and teacher_suffices(self.teacher_val_pck, self.val_pck):
            return self.teacher
        return self.best

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        teacher = None if self.teacher is None else str(self.teacher)
        return {**asdict(self), "best": str(self.best), "teacher": teacher}


def teacher_suffices(teacher_val_pck: float | None, val_pck: float | None) -> bool:
    """Whether the teacher of self-training scored at least as high as its student."""
    return teacher_val_pck is not None and teacher_val_pck >= (val_pck or 0.0)


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
    teacher = Run(run.teacher)
    has_teacher = trainer.config.trains_teacher and teacher.summary.exists()
    result = TrainingResult(
        best=run.best,
        best_epoch=best.epoch,
        val_pck=best.val_pck,
        mean_pose_pck=mean_pck(baseline, val_split, metadata.input_size),
        epochs=tuple(progress.epochs),
        teacher=teacher.best if has_teacher else None,
        teacher_val_pck=teacher.read_summary().get("val_pck") if has_teacher else None,
    )
    if trainer.distribution.is_chief:
        summary = {
            "best": str(run.best.relative_to(run.folder)),
            "best_epoch": result.best_epoch,
            "val_pck": result.val_pck,
            "mean_pose_pck": result.mean_pose_pck,
            "train_records": len(trainer.train_split),
            "val_records": len(val_split),
        }
        own_teacher = {"teacher_val_pck": result.teacher_val_pck} if has_teacher else {}
        run.write_summary(summary | own_teacher)
    return result
