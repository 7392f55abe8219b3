"""Writes the report of a run's folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from simplebase.data.loading import load_dataset
from simplebase.errors import MissingFileError, counted
from simplebase.evaluation import (
    Evaluation,
    MetricSettings,
    Scores,
    dataset_target,
    draw_predictions,
    evaluate_model,
)
from simplebase.evaluation.sheets import draw_worst, mean_errors
from simplebase.evaluation.target import Target, require_dataset
from simplebase.files import require_output, write_text
from simplebase.geometry import PERSON_PIXELS
from simplebase.progress import Progress
from simplebase.report import page
from simplebase.report.curves import Curve, draw_curves
from simplebase.report.self_training import compared_with_teacher
from simplebase.report.sides import APART, SideConfusion, confused_sides
from simplebase.runtimes import load_runtime
from simplebase.shell import command_line
from simplebase.training.runs.config import RunConfig
from simplebase.training.runs.folder import Run
from simplebase.training.runs.metrics import EpochMetrics, best_epoch, read_metrics

_THRESHOLDS = (0.5, 0.2, 0.1)
_MANY_CONFUSED = 0.15
_ENOUGH = 20
"""Fewest keypoints of a pair for which the share is meaningful."""


def write_report(
    run_dir: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    dataset: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Writes a training run as one HTML page with embedded pictures.

    The best checkpoint is evaluated on the val split: PCK per keypoint, confused sides, kinds of
    error, the worst samples, and some samples that are always the same.

    Args:
        run_dir: the folder of the run.
        path: the file to write. The default is RUN/report.html, which is always replaced.
        dataset: the dataset's folder, if it was moved.
        overwrite: replace `path` if it exists.
        progress: is called with the number of finished samples and the total.

    Returns:
        The written file.

    Raises:
        MissingFileError: `run_dir` is not the folder of a run, or it has no checkpoint yet.
        DataError: a file of the run is damaged, or the dataset has other records.
        OutputExistsError: `path` exists and `overwrite` is off.
    """
    run = Run(run_dir)
    output = run.report if path is None else Path(path)
    if path is not None:
        require_output(output, overwrite=overwrite)
    metrics, config = read_metrics(run.folder), RunConfig.read(run.folder)
    checkpoint = next((each for each in (run.best, run.last) if each.is_file()), None)
    if checkpoint is None:
        raise MissingFileError(f"{run.folder} has no checkpoint yet. Wait for its first epoch.")
    settings = config.dataset
    opened = load_dataset(
        dataset or settings.folder, settings.own_skeleton(), settings.own_depth_range()
    )
    settings.require_same(opened)
    target = dataset_target(opened, "val")
    evaluation = evaluate_model(
        load_runtime(checkpoint),
        target,
        MetricSettings(("pck", "error-kinds"), _THRESHOLDS),
        progress=progress,
    )
    text = page.page(
        f"Training run {run.folder.name}", _parts(run, config, metrics, target, evaluation)
    )
    write_text(output, text, overwrite=overwrite or path is None)
    return output


def _parts(
    run: Run,
    config: RunConfig,
    metrics: Sequence[EpochMetrics],
    target: Target,
    evaluation: Evaluation,
) -> list[str]:
    best = best_epoch(metrics)
    self_training, model = compared_with_teacher(run, config, metrics)
    confused = _sides(target, evaluation)
    pck, kinds = evaluation.scores
    return [
        page.cards(
            {
                "PCK@0.5 of the best checkpoint": page.fraction(pck.figures[0].value),
                "95 % CI": _interval(pck),
                "best epoch": "n/a" if best is None else f"{best.epoch} of {metrics[-1].epoch}",
                "val objects": str(evaluation.objects),
            }
        ),
        page.section("Curves", *_curves(metrics, best)),
        *self_training,
        page.section(
            "Keypoints",
            page.paragraph("PCK of each keypoint, the lowest first. 1 is perfect."),
            page.bars(("keypoint", *pck.columns), _lowest_first(pck)),
        ),
        page.section("Left and right", *_confusion(confused)),
        page.section("Kinds of error", *_kinds(kinds)),
        page.section("Samples", *_pictures(target, evaluation)),
        page.section("Settings", _settings(config)),
        page.section("Next steps", *_advice(run, config, metrics, model, confused, target)),
    ]


def _interval(scores: Scores) -> str:
    interval = scores.figures[0].interval
    return "n/a" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _curves(metrics: Sequence[EpochMetrics], best: EpochMetrics | None) -> list[str]:
    epochs = [row.epoch for row in metrics]
    marked = None if best is None else best.epoch
    return [
        page.paragraph("PCK on the val split after each epoch, with a dot at the best:"),
        draw_curves("val PCK", Curve(epochs, [row.val_pck for row in metrics], marked)),
        page.paragraph("Loss on the train split:"),
        draw_curves("loss", Curve(epochs, [row.loss for row in metrics])),
        page.paragraph("Learning rate:"),
        draw_curves("learning rate", Curve(epochs, [row.learning_rate for row in metrics])),
    ]


def _lowest_first(scores: Scores) -> list[tuple[str, Sequence[float | None]]]:
    parts = scores.parts or {}
    return sorted(parts.items(), key=lambda part: (part[1][0] is None, part[1][0] or 0.0))


def _sides(target: Target, evaluation: Evaluation) -> tuple[SideConfusion, ...]:
    dataset = require_dataset(target, "a report")
    records, skeleton = dataset.records, dataset.skeleton
    assert evaluation.predictions is not None, "a dataset has records"
    return confused_sides(
        evaluation.predictions[..., :2],
        records.keypoints,
        PERSON_PIXELS * records.scales,
        skeleton.keypoints,
        skeleton.horizontal_pairs,
    )


def _confusion(confused: Sequence[SideConfusion]) -> list[str]:
    if not confused:
        return [page.paragraph("The skeleton has no pairs of left and right keypoints.")]
    rows = [
        (
            f"{each.pair[0]}, {each.pair[1]}",
            str(each.counted),
            str(each.confused),
            page.fraction(each.share),
            str(each.objects),
        )
        for each in confused
    ]
    note = (
        "A keypoint counts if it was found near one of the pair's two labels. It is confused if "
        "that is the label of the other side. Pairs whose labels are closer than "
        f"{APART:g} of the longer side of the object's box do not count. In an exchanged object, "
        "both sides are confused."
    )
    headings = ("pair", "counted", "confused", "share", "objects exchanged")
    return [page.paragraph(note), page.table(headings, rows, numbers=4)]


def _kinds(scores: Scores) -> list[str]:
    rows = [
        (name, *(page.fraction(value) for value in values))
        for name, values in (scores.parts or {}).items()
    ]
    note = (
        "Jitter: near the label. Inversion: at another keypoint of the same object. Swap: at a "
        "keypoint of another object. Miss: near none of them."
    )
    columns = ("keypoint", *scores.columns)
    return [page.paragraph(note), page.table(columns, rows, numbers=len(scores.columns))]


def _pictures(target: Target, evaluation: Evaluation) -> list[str]:
    dataset = require_dataset(target, "a report").with_default_depth(evaluation.depth_range)
    crop, size = evaluation.crop, evaluation.input_size
    predictions = evaluation.predictions
    assert predictions is not None, "a dataset has records"
    errors = mean_errors(dataset, predictions)
    parts = []
    if (errors == errors).any():  # NaN where nothing is labelled
        worst = draw_worst(dataset, predictions, errors, crop, size)
        parts.append(page.picture(worst, "The samples with the largest errors; labels are white."))
    drawn = draw_predictions(dataset, predictions, crop, size, "predictions on the val split")
    return [*parts, page.picture(drawn, "Random samples, the same ones in every report.")]


def _settings(config: RunConfig) -> str:
    recipe, dataset = config.recipe, config.dataset
    height, width = config.input_size
    rows = {
        "preset": config.preset.name,
        "recipe": f"{recipe.name}: {recipe.description}",
        "dataset": f"{dataset.folder}: {counted(dataset.train_records, 'train record')}, "
        f"{counted(dataset.val_records, 'val record')}",
        "input size": f"{height}x{width}",
        "optimizer": f"{recipe.optimizer}, learning rate {recipe.learning_rate:g}, "
        f"batch size {recipe.batch_size}",
        "epochs": str(recipe.total_epoch),
        "loss": recipe.loss_type,
        "starting weights": str(config.weights or config.backbone_weights),
        **_unlabelled(config),
        "seed": str(config.seed),
        "simplebase": config.simplebase,
    }
    return page.table(("setting", "value"), list(rows.items()))


def _unlabelled(config: RunConfig) -> dict[str, str]:
    settings = config.recipe.unlabelled
    if settings is None or config.pool is None:
        return {}
    teacher = str(config.teacher or settings.method)
    if config.trains_teacher:
        teacher += ", see the run in the folder `teacher`"
    return {
        "unlabelled images": f"{counted(config.pool.objects, 'object')}, share {settings.share:g}, "
        f"weight {settings.weight:g}",
        "teacher": f"{teacher}; threshold {settings.threshold:g}",
    }


def _advice(
    run: Run,
    config: RunConfig,
    metrics: Sequence[EpochMetrics],
    model: Path,
    confused: Sequence[SideConfusion],
    target: Target,
) -> list[str]:
    parts = []
    best = best_epoch(metrics)
    if metrics[-1].epoch < config.recipe.total_epoch:
        parts.append(page.paragraph("The run is not complete. Continue it with the first command."))
    elif best is not None and best.epoch == metrics[-1].epoch and len(metrics) > 1:
        parts.append(page.paragraph("The last epoch was the best one: a longer run may give more."))
    often = [
        each for each in confused if each.counted >= _ENOUGH and (each.share or 0) > _MANY_CONFUSED
    ]
    if often:
        names = ", ".join(" and ".join(each.pair) for each in often)
        parts.append(
            page.paragraph(
                f"Left and right are often confused: {names}. Look for swapped labels with "
                "simplebase data check."
            )
        )
    folder, file = require_dataset(target, "a report").name, str(model)
    # A dataset that was moved since is named by --dataset.
    moved = ["--dataset", folder] if folder != config.dataset.folder else []
    lines = [["simplebase", "train", "--resume", str(run.folder), *moved]]
    if metrics[-1].epoch >= config.recipe.total_epoch:
        longer = str(2 * config.recipe.total_epoch)
        lines = [["simplebase", "train", "--config", str(run.folder), *moved]]
        lines[0] += ["--total-epoch", longer]
    lines += [
        ["simplebase", "data", "check", folder],
        ["simplebase", "eval", file, "--dataset", folder, "--flip-test", "--output", "result"],
        ["simplebase", "demo", "--model", file, "--input", "IMAGE"],
        ["simplebase", "data", "suggest", file, "VIDEO", "to_label", "-n", "50"],
        ["simplebase", "export", file, "--format", "litert", "--output", "model.tflite"],
    ]
    return [*parts, page.commands([command_line(line) for line in lines])]
