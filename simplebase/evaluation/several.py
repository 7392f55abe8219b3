"""Evaluates several models and results files on one target."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.errors import ArgumentError
from simplebase.evaluation.comparison import (
    comparison_config,
    warn_of_missing_sigmas,
    warn_of_other_normalisers,
)
from simplebase.evaluation.evaluation import (
    Evaluation,
    MetricSettings,
    PredictionSettings,
    evaluate_model,
    evaluate_results,
)
from simplebase.evaluation.output import require_evaluation_output, write_evaluation
from simplebase.evaluation.prediction import require_answers
from simplebase.evaluation.target import Target, require_dataset
from simplebase.files import short_names
from simplebase.progress import Progress, ProgressBar
from simplebase.runtimes import load_runtime


@dataclass(frozen=True, eq=False)
class Comparison:
    """Evaluations of one target.

    Args:
        target: the labels.
        evaluations: evaluations by the names of their models and results files. The others are
            compared with the first.
        folders: the written folders, in the same order; empty if nothing was written.
    """

    target: Target
    evaluations: dict[str, Evaluation]
    folders: tuple[Path, ...] = ()

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON, see `comparison_config`."""
        return comparison_config(self.evaluations)


def compare(
    models: Sequence[str | os.PathLike[str]],
    target: Target,
    *,
    results: Sequence[str | os.PathLike[str]] = (),
    metrics: MetricSettings | None = None,
    settings: PredictionSettings | None = None,
    threads: int | None = None,
    output: str | os.PathLike[str] | None = None,
    images: bool = False,
    overwrite: bool = False,
    progress: ProgressBar | None = None,
) -> Comparison:
    """Evaluates models, then results files, on the same labels.

    Before any model predicts, the output folders are checked, every model is opened and checked
    against the target, and every results file is evaluated. Each evaluation is written as soon as
    it is complete.

    Args:
        models: files of any format, or SavedModel folders.
        target: the labels; models need a target with a dataset.
        results: files in COCO's results format.
        metrics: the metrics to compute.
        settings: how the models predict.
        threads: threads of each model's runtime, see `load_runtime`.
        output: the folder to write, see `write_evaluation`. With several sources, it contains one
            folder for each.
        images: also draw the detections into each image.
        overwrite: replace earlier folders of this kind.
        progress: opens a progress bar with the given label.

    Raises:
        ArgumentError: there is nothing to evaluate, a path is given twice, or a metric or setting
            needs data that are missing.
        MissingFileError: a model or a results file does not exist.
        DataError: one of them is damaged, or does not match the target.
        OutputExistsError: a folder exists, and `overwrite` is off or it has other content.
    """
    names = short_names([*models, *results])
    if not names:
        raise ArgumentError("give a model or a results file to evaluate.")
    metrics, settings = metrics or MetricSettings(), settings or PredictionSettings()
    folders = _folders(output, names)
    for folder in folders:
        require_evaluation_output(folder, target, images=images, overwrite=overwrite)
    runtimes = [load_runtime(model, threads=threads) for model in models]
    for runtime in runtimes:
        dataset = require_dataset(target, "a model")
        require_answers(runtime, dataset, decode=settings.decode, flip_test=settings.flip_test)
    of_results = [evaluate_results(path, target, metrics) for path in results]
    evaluations: dict[str, Evaluation] = {}
    for index, name in enumerate(names):
        if index < len(runtimes):
            with _bar(progress, f"evaluating {name}") as step:
                evaluation = evaluate_model(runtimes[index], target, metrics, settings, step)
        else:
            evaluation = of_results[index - len(runtimes)]
        evaluations[name] = evaluation
        if folders:
            folder = folders[index]
            with _bar(progress, f"writing {folder}") as step:
                write_evaluation(
                    folder, evaluation, target, images=images, overwrite=overwrite, progress=step
                )
    warn_of_missing_sigmas(evaluations, target.skeleton)
    warn_of_other_normalisers(evaluations)
    return Comparison(target, evaluations, folders)


def _folders(output: str | os.PathLike[str] | None, names: Sequence[str]) -> tuple[Path, ...]:
    """Returns the folder of each evaluation; a single one gets the whole output folder."""
    if output is None:
        return ()
    if len(names) == 1:
        return (Path(output),)
    return tuple(Path(output) / name for name in names)


def _bar(progress: ProgressBar | None, label: str) -> AbstractContextManager[Progress | None]:
    return nullcontext() if progress is None else progress(label)
