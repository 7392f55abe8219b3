"""Keypoints of many images: `predict` yields them, `write_predictions` writes them."""

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.files import require_output
from simplebase.prediction.crops import Problem
from simplebase.prediction.files import Format, format_of, write_file
from simplebase.prediction.folder import ERRORS, PredictionFolder, write_errors
from simplebase.prediction.inputs import IMAGES_PER_PART
from simplebase.prediction.job import EngineName, FilePath, Job, Tally
from simplebase.prediction.rows import Columns, Rows, joined
from simplebase.prediction.settings import PredictionSettings
from simplebase.progress import Progress
from simplebase.ray_cluster import ClusterOptions


@dataclass(frozen=True)
class PredictionSummary:
    """What `write_predictions` did.

    Args:
        images: number of images and frames that this and earlier runs have predicted.
        rows: number of objects in them.
        problems: inputs that could not be read.
        parts: number of parts of the output.
        kept: number of parts that an earlier run had finished.
        errors_file: the file that lists the problems; None if there are no problems.
    """

    images: int
    rows: int
    problems: tuple[Problem, ...]
    parts: int
    kept: int
    errors_file: Path | None


def predict(
    source: FilePath | Sequence[FilePath],
    model: FilePath,
    *,
    engine: EngineName = "local",
    cluster: ClusterOptions | None = None,
    images: FilePath | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Iterator[Columns]:
    """Finds the keypoints in many images and videos, in batches and with bounded memory.

    Args:
        source: one or several images, folders, patterns (`photos/**/*.jpg`), videos, or addresses
            that fsspec opens; or one dataset folder, packed dataset, COCO file, or list of paths
            (`.txt`, `.csv`, `.parquet`, see `read_list`). Each frame of a video is an image.
        model: a model file of any format, or the name of a pretrained model.
        engine: `local` (threads of this machine) or `ray`.
        cluster: the cluster and its actors, for `ray`.
        images: folder of the images of a COCO file.
        strict: raise an error at the first input that cannot be read. By default, a warning names
            it.
        progress: called with the number of finished images and the total, as far as it is known.
        **settings: see `PredictionSettings`.

    Yields:
        Rows as columns, see `simplebase.prediction.rows`. `local` yields them in the order of the
        inputs, `ray` in the order in which chunks are finished.

    Raises:
        SimplebaseError: see `write_predictions`.
    """
    engine = _checked(engine)
    job = Job(source, model, PredictionSettings(**settings), images, IMAGES_PER_PART)
    rows = job.run(job.parts, engine, cluster, Tally(job, {}, progress))
    for each in rows:
        _refuse(each.problems, strict)
        for problem in each.problems:
            warnings.warn(f"left out: {problem.error}", SimplebaseWarning, stacklevel=2)
        if len(each.columns["path"]):
            yield each.columns


def write_predictions(
    source: FilePath | Sequence[FilePath],
    model: FilePath,
    output: FilePath,
    *,
    settings: PredictionSettings | None = None,
    engine: EngineName = "local",
    cluster: ClusterOptions | None = None,
    images: FilePath | None = None,
    strict: bool = False,
    overwrite: bool = False,
    images_per_part: int = IMAGES_PER_PART,
    progress: Progress | None = None,
) -> PredictionSummary:
    """Writes the keypoints of many images and videos, or continues an interrupted run.

    Args:
        source: see `predict`.
        model: see `predict`.
        output: a folder of Parquet files, see `simplebase.prediction.folder`; or a `.json` (COCO
            results) or `.csv` file, whose parts are in `.NAME.predicting` until all are done.
        settings: the settings of the prediction.
        engine: see `predict`.
        cluster: see `predict`.
        images: see `predict`.
        strict: stop at the first input that cannot be read.
        overwrite: replace the output, and the parts of a run with other inputs or options.
        images_per_part: number of images whose results are written together.
        progress: see `predict`.

    Raises:
        ArgumentError: options contradict each other.
        MissingFileError, DataError: a source or the model is missing, empty or damaged.
        OutputExistsError: the output was made from other inputs or options.
        InUseError: another process is writing it.
        MissingPackageError: a package is missing, such as Ray.
    """
    settings = settings or PredictionSettings()
    engine = _checked(engine)
    kind = format_of(output)
    path = Path(os.path.abspath(output))
    if kind != "parquet":
        require_output(path, overwrite=overwrite)
    job = Job(source, model, settings, images, images_per_part)
    place = path if kind == "parquet" else path.parent / f".{path.name}.predicting"
    folder = PredictionFolder(place, job.content(images_per_part), job.notes())
    with folder.exclusive():
        folder.open(overwrite=overwrite)
        kept = len(folder.done)
        done = {number: part.images + len(part.problems) for number, part in folder.done.items()}
        missing = [part for part in job.parts if part.number not in folder.done]
        if missing:
            rows = job.run(missing, engine, cluster, Tally(job, done, progress))
            for number, chunks in _whole_parts(rows, strict):
                folder.add(
                    number,
                    joined([each.columns for each in chunks]),
                    sum(each.images for each in chunks),
                    [problem for each in chunks for problem in each.problems],
                )
        folder.finish()
        if not kept:
            job.warn_of_unused_boxes()
        errors_file = _deliver(folder, path, kind, job, overwrite)
    return PredictionSummary(
        folder.images, folder.rows, tuple(folder.problems), len(job.parts), kept, errors_file
    )


def _whole_parts(rows: Iterable[Rows], strict: bool) -> Iterator[tuple[int, list[Rows]]]:
    """Yields the number and chunks of each part as soon as it is complete."""
    waiting: dict[int, dict[int, Rows]] = {}
    last: dict[int, int] = {}
    for each in rows:
        _refuse(each.problems, strict)
        chunks = waiting.setdefault(each.part, {})
        chunks[each.number] = each
        if each.is_last:
            last[each.part] = each.number
        if len(chunks) == last.get(each.part, -2) + 1:
            del waiting[each.part]
            yield each.part, [chunks[number] for number in sorted(chunks)]


def _refuse(problems: Sequence[Problem], strict: bool) -> None:
    if strict and problems:
        first = problems[0]
        frame = "" if first.frame is None else f", frame {first.frame}"
        raise DataError(f"{first.path}{frame} cannot be predicted: {first.error}")


def _deliver(
    folder: PredictionFolder, path: Path, kind: Format, job: Job, overwrite: bool
) -> Path | None:
    """Writes the requested file from the parts. Returns the file that lists the problems."""
    problems = folder.problems
    if kind == "parquet":
        return folder.path / ERRORS if problems else None
    names = job.opened.metadata.skeleton.keypoints
    write_file(path, kind, folder.tables(), names, overwrite=overwrite)
    errors = path.with_suffix(".errors.parquet")
    if problems:
        write_errors(errors, problems)
    shutil.rmtree(folder.path)
    return errors if problems else None


def _checked(engine: str) -> Any:
    if engine not in get_args(EngineName):
        known = ", ".join(get_args(EngineName))
        raise ArgumentError(f"--engine must be one of {known}. Received: {engine!r}.")
    return engine
