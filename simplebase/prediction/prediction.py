"""Keypoints of many images: `predict` yields them, `write_predictions` writes them."""

import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from simplebase.demo.finding.boxes import BoxesByFrame
from simplebase.errors import ArgumentError, DataError, SimplebaseWarning
from simplebase.files import require_output
from simplebase.prediction.cluster import WorkerSpec, predict_on_ray
from simplebase.prediction.crops import CropReader, Problem
from simplebase.prediction.files import Format, format_of, write_file
from simplebase.prediction.folder import PredictionFolder, write_errors
from simplebase.prediction.inputs import IMAGES_PER_PART, Inputs, Part
from simplebase.prediction.local import PerThread, predict_locally
from simplebase.prediction.rows import Columns, PoseModel, Rows, joined, open_model
from simplebase.prediction.settings import PredictionSettings, model_sha256
from simplebase.prediction.sources import find_inputs
from simplebase.progress import Progress
from simplebase.ray_cluster import ClusterOptions
from simplebase.runtimes import needs_tensorflow
from simplebase.version import __version__

EngineName = Literal["local", "ray"]
Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class PredictionSummary:
    """What `write_predictions` did.

    Args:
        images: images and frames that were looked at, by this and earlier runs.
        rows: objects in them.
        problems: inputs that could not be read.
        parts: of the output.
        kept: parts that an earlier run had done.
        errors_file: where the problems are listed; None if there is none.
    """

    images: int
    rows: int
    problems: tuple[Problem, ...]
    parts: int
    kept: int
    errors_file: Path | None


def predict(
    source: Path_ | Sequence[Path_],
    model: Path_,
    *,
    engine: EngineName = "local",
    cluster: ClusterOptions | None = None,
    images: Path_ | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Iterator[Columns]:
    """Finds the keypoints in many images and videos, in batches and in bounded memory.

    Args:
        source: one or several images, folders, patterns (`photos/**/*.jpg`), videos, or addresses
            that fsspec opens; or one dataset folder, packed dataset, COCO file, or list of paths
            (`.txt`, `.csv`, `.parquet`, see `read_list`). Each frame of a video counts for itself.
        model: a model file of any format, or the name of a pretrained model.
        engine: `local`, the threads of this machine, or `ray`.
        cluster: what Ray is asked for.
        images: where a COCO file's images are.
        strict: raise an error at the first input that cannot be read. By default
            a warning names it.
        progress: called with images done and in all, as far as that is known.
        **settings: see `PredictionSettings`.

    Yields:
        Rows as columns, see `simplebase.prediction.rows`. `local` yields them in the order of the
        inputs, `ray` part by part as they are done.

    Raises:
        SimplebaseError: as `write_predictions`.
    """
    engine = _checked(engine)
    job = _Job(source, model, PredictionSettings(**settings), images, IMAGES_PER_PART)
    rows = job.run(job.parts, engine, cluster, _Tally(job, {}, progress))
    for each in rows:
        _refuse(each.problems, strict)
        for problem in each.problems:
            warnings.warn(f"left out: {problem.error}", SimplebaseWarning, stacklevel=2)
        if len(each.columns["path"]):
            yield each.columns


def write_predictions(
    source: Path_ | Sequence[Path_],
    model: Path_,
    output: Path_,
    *,
    settings: PredictionSettings | None = None,
    engine: EngineName = "local",
    cluster: ClusterOptions | None = None,
    images: Path_ | None = None,
    strict: bool = False,
    overwrite: bool = False,
    images_per_part: int = IMAGES_PER_PART,
    progress: Progress | None = None,
) -> PredictionSummary:
    """Finds the keypoints in many images and videos and writes them; goes on where a run stopped.

    Args:
        source: see `predict`.
        model: see `predict`.
        output: a folder of Parquet files, see `simplebase.prediction.folder`; or a `.json` (COCO
            results) or `.csv` file, whose parts are in `.NAME.predicting` until all are there.
        settings: where to look, and how.
        engine: see `predict`.
        cluster: see `predict`.
        images: see `predict`.
        strict: stop at the first input that cannot be read.
        overwrite: replace the output, and parts of a run with other inputs or options.
        images_per_part: images that are committed together.
        progress: see `predict`.

    Raises:
        ArgumentError: options that do not go together.
        MissingFileError, DataError: a source or the model is missing, empty or damaged.
        OutputExistsError: the output is of other inputs or options.
        InUseError: another process writes it.
        MissingPackageError: a package is missing, such as Ray.
    """
    settings = settings or PredictionSettings()
    engine = _checked(engine)
    kind = format_of(output)
    path = Path(os.path.abspath(output))
    if kind != "parquet":
        require_output(path, overwrite=overwrite)
    job = _Job(source, model, settings, images, images_per_part)
    place = path if kind == "parquet" else path.parent / f".{path.name}.predicting"
    folder = PredictionFolder(place, job.content(images_per_part), job.notes())
    with folder.exclusive():
        folder.open(overwrite=overwrite)
        kept = len(folder.done)
        done = {number: part.images + len(part.problems) for number, part in folder.done.items()}
        missing = [part for part in job.parts if part.number not in folder.done]
        if missing:
            rows = job.run(missing, engine, cluster, _Tally(job, done, progress))
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


class _Job:
    """An open model and the inputs that it is to look at."""

    def __init__(
        self,
        source: Path_ | Sequence[Path_],
        model: Path_,
        settings: PredictionSettings,
        images: Path_ | None,
        images_per_part: int,
    ) -> None:
        from simplebase.zoo import model_file

        self.settings = settings
        self.model = model_file(model, runnable=True)
        self.sha256 = model_sha256(self.model)
        self.find = settings.finder()
        # The threads of the local engine share the cores.
        self.opened = self._open()
        metadata = self.opened.metadata
        sources = [source] if isinstance(source, str | os.PathLike) else list(source)
        self.inputs: Inputs = find_inputs(
            sources,
            crop=metadata.crop,
            input_size=metadata.input_size,
            skeleton=metadata.skeleton,
            images=images,
        )
        if self.inputs.packed and settings.looks_itself:
            raise ArgumentError(
                f"{self.inputs.name} is packed: its images are crops already, so leave out --box, "
                "--boxes and --detector."
            )
        self.parts = self.inputs.parts(images_per_part)

    def _open(self) -> PoseModel:
        return open_model(self.model, self.settings, self.sha256, threads=1)

    def content(self, images_per_part: int) -> dict[str, Any]:
        """What has to be the same for a run to go on."""
        return {
            "inputs": {"count": len(self.inputs), "sha256": self.inputs.sha256},
            "model": {"sha256": self.sha256},
            "skeleton": self.opened.metadata.skeleton.to_config(),
            "options": self.settings.to_config(),
            "parts": len(self.parts),
            "images_per_part": images_per_part,
        }

    def notes(self) -> dict[str, Any]:
        """What people may want to know."""
        return {
            "simplebase": __version__,
            "source": self.inputs.name,
            "model_file": self.model.name,
        }

    def run(
        self,
        parts: Sequence[Part],
        engine: EngineName,
        cluster: ClusterOptions | None,
        tally: "_Tally",
    ) -> Iterator[Rows]:
        """What is found in the parts."""
        if engine == "ray":
            spec = WorkerSpec.of(self.inputs, self.model, self.sha256, self.settings)
            rows = predict_on_ray(self.inputs, parts, spec, cluster or ClusterOptions())
        else:
            reader = CropReader.of(self.inputs, self.opened.metadata, self.settings, self.find)
            more = None if needs_tensorflow(self.model) else self._open
            rows = predict_locally(
                self.inputs,
                parts,
                reader,
                PerThread(self.opened, more),
                size=self.settings.batch_size,
                counted=tally.add_frames,
            )
        for each in rows:
            tally.add(each)
            yield each

    def warn_of_unused_boxes(self) -> None:
        """Warns of entries of a file of boxes that no image had."""
        if isinstance(self.find, BoxesByFrame):
            self.find.warn_of_unused()


class _Tally:
    """Tells how far a prediction is.

    Args:
        job: what is done.
        done: images of parts that are done already, by their number.
        progress: is told.
    """

    def __init__(self, job: _Job, done: dict[int, int], progress: Progress | None) -> None:
        self._progress = progress
        self._done = sum(done.values())
        left = sum(part.stop - part.start for part in job.parts if part.number not in done)
        self._total = self._done + left

    def add_frames(self, count: int) -> None:
        """Counts a video that was opened, of so many frames."""
        self._total += count - 1

    def add(self, rows: Rows) -> None:
        """Counts a chunk that is done."""
        self._done += rows.images + len(rows.problems)
        if self._progress:
            # A video's number of frames is an estimate.
            self._progress(self._done, max(self._done, self._total))


def _whole_parts(rows: Iterable[Rows], strict: bool) -> Iterator[tuple[int, list[Rows]]]:
    """Number and chunks of each part, as soon as all its chunks are there."""
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
    folder: PredictionFolder, path: Path, kind: Format, job: _Job, overwrite: bool
) -> Path | None:
    """Makes the file of the folder's parts, where a file is wanted; where the problems are."""
    from simplebase.prediction.folder import ERRORS

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
        raise ArgumentError(f"--engine is one of {known}. Received: {engine!r}.")
    return engine
