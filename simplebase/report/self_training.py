"""Compares a run of self-training with its teacher, for the run's report."""

from collections.abc import Sequence
from pathlib import Path

from simplebase.report import page
from simplebase.report.curves import Curve, draw_curves
from simplebase.training.result import teacher_suffices
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics, best_epoch, read_metrics


def compared_with_teacher(
    run: Run, config: RunConfig, metrics: Sequence[EpochMetrics]
) -> tuple[list[str], Path]:
    """Returns the report's section, and the model to use: the run's or the teacher's.

    Args:
        run: a run with a checkpoint.
        config: its config.
        metrics: its epochs so far.

    Returns:
        No section, and the run's model, if the run is not self-training or its teacher was deleted.
        Until all epochs are done, the model is the run's.

    Raises:
        DataError: the teacher's `metrics.csv` is damaged.
    """
    model = run.best if run.best.exists() else run.last
    teacher = Run(run.teacher)
    if not (config.trains_teacher and teacher.best.exists() and teacher.metrics.exists()):
        return [], model
    rows = read_metrics(teacher.folder)
    best, own = best_epoch(rows), best_epoch(metrics)
    teacher_pck = None if best is None else best.val_pck
    own_pck = None if own is None else own.val_pck
    text = (
        "The teacher learnt from the labels alone. This run also learnt the keypoints that the "
        "teacher found in the unlabelled images. Best val PCK of the teacher: "
        f"{page.fraction(teacher_pck)}, of this run: {page.fraction(own_pck)}."
    )
    if metrics[-1].epoch >= config.recipe.total_epoch and teacher_suffices(teacher_pck, own_pck):
        text += " The unlabelled images did not help, so use the teacher."
        model = teacher.best
    parts = [
        page.paragraph(text),
        page.paragraph(
            "PCK on the val split of this run (solid) and of the teacher (dashed), with a dot at "
            "the best epoch of each:"
        ),
        draw_curves(
            "val PCK of the run and of its teacher", _val_pck(metrics, own), _val_pck(rows, best)
        ),
    ]
    return [page.section("Self-training", *parts)], model


def _val_pck(metrics: Sequence[EpochMetrics], best: EpochMetrics | None) -> Curve:
    return Curve(
        [row.epoch for row in metrics],
        [row.val_pck for row in metrics],
        None if best is None else best.epoch,
    )
