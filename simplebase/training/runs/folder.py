"""The folder of one training run.

```
RUN/
├── config.yaml        everything that is needed to repeat or resume the run
├── metrics.csv        one row per epoch, see `EpochMetrics`
├── curves.png         the same as a picture
├── summary.json       the result: best epoch, its PCK and that of the mean pose, the checkpoint
├── val_samples.jpg    some val samples with their predictions, after every fifth epoch and the last
├── report.html        the page of `simplebase report`, if it was run
├── unlabelled.npz     with unlabelled images only: paths, objects, and a teacher's keypoints
├── teacher/           in self-training: the run of the model that taught this one
├── tensorboard/       the curves, and val samples with their predictions
└── checkpoints/
    ├── best.keras     the model with the highest val PCK so far
    ├── last.keras     the model after the last epoch
    ├── epoch012_loss0.4321_pck0.5670.keras   and so on: the best five
    └── state.npz      the state from which --resume continues
```

While a process trains in the folder, `.simplebase.lock` names it and keeps other processes out.
`.earlier` contains the run that a new run replaces, until the new run has saved something.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from simplebase.dtypes import in_float32
from simplebase.errors import DataError, first_line
from simplebase.estimator import SimpleBaseline
from simplebase.files import read_text, replacing, require_output, write_json, write_text
from simplebase.files.locks import locked
from simplebase.freezing import unfrozen
from simplebase.images import write_image
from simplebase.shell import command_line
from simplebase.training.runs.metrics import METRICS, EpochMetrics, write_metrics

CONFIG, CHECKPOINTS = "config.yaml", "checkpoints"
LOCK = ".simplebase.lock"
EARLIER = ".earlier"
"""Folder of an earlier run until the new run has saved something."""
KEPT = 5
"""Number of best epochs whose models are kept."""


class Run:
    """Writes a run's files.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.checkpoints = self.folder / CHECKPOINTS
        self.best = self.checkpoints / "best.keras"
        self.last = self.checkpoints / "last.keras"
        self.state = self.checkpoints / "state.npz"
        self.lock = self.folder / LOCK
        self.config = self.folder / CONFIG
        self.metrics = self.folder / METRICS
        self.curves = self.folder / "curves.png"
        self.samples = self.folder / "val_samples.jpg"
        self.summary = self.folder / "summary.json"
        self.unlabelled = self.folder / "unlabelled.npz"
        self.teacher = self.folder / "teacher"
        self.report = self.folder / "report.html"
        self.tensorboard = self.folder / "tensorboard"

    @property
    def content(self) -> tuple[str, ...]:
        """The names of all files and folders that a run leaves in its folder."""
        files = (self.config, self.metrics, self.curves, self.samples, self.summary)
        others = (self.unlabelled, self.report, self.tensorboard, self.checkpoints)
        # A folder of this name may also be the user's own.
        is_run = any((self.teacher / name).exists() for name in (CONFIG, CHECKPOINTS, LOCK))
        teacher = (self.teacher,) if is_run else ()
        return tuple(path.name for path in (*files, *others, *teacher))

    @property
    def resume_command(self) -> str:
        """The command that resumes the run."""
        return command_line(["simplebase", "train", "--resume", self.folder])

    @property
    def is_resumable(self) -> bool:
        """Whether the run, or that of its teacher, has saved something from which it can resume."""
        if self.best.exists() or self.state.exists():
            return True
        return self.teacher.exists() and Run(self.teacher).is_resumable

    def write_config(self, config: dict[str, Any]) -> None:
        """Writes `config.yaml`."""
        write_text(self.config, yaml.safe_dump(config, sort_keys=False), overwrite=True)

    def write_metrics(self, epochs: Sequence[EpochMetrics]) -> None:
        """Writes all rows of `metrics.csv`, so that a resumed run does not repeat any."""
        write_metrics(self.metrics, epochs)

    def write_samples(self, sheet: np.ndarray) -> None:
        """Writes `val_samples.jpg`: `(height, width, 3)` RGB uint8."""
        write_image(self.samples, sheet, overwrite=True)

    def save_models(
        self, model: SimpleBaseline, metrics: EpochMetrics, kept: dict[str, int], best: bool
    ) -> None:
        """Writes `last.keras`, and copies it to the checkpoints for which the epoch qualifies.

        Args:
            model: the model after the epoch.
            metrics: the epoch's metrics.
            kept: names of the best checkpoints, and their epochs.
            best: whether the epoch is the best one.
        """
        # Frozen layers and precision belong to the training, not to the model.
        with replacing(self.last, overwrite=True) as partial, unfrozen(model), in_float32(model):
            model.save(partial)
        name = checkpoint_name(metrics)
        for target in [self.checkpoints / name] * (name in kept) + [self.best] * best:
            with replacing(target, overwrite=True) as partial:
                shutil.copyfile(self.last, partial)

    def remove_models_but(self, kept: dict[str, int]) -> None:
        """Removes the checkpoints that are no longer among the best."""
        for path in self.checkpoints.glob("epoch*.keras"):
            if path.name not in kept:
                path.unlink()

    def tidy(self, best: EpochMetrics | None) -> None:
        """Removes what a killed process left: partial files, an earlier run, an unknown best model.

        Args:
            best: the best epoch of the state from which the run continues.
        """
        for partial in (*self.folder.glob(".*.partial"), *self.checkpoints.glob(".*.partial")):
            shutil.rmtree(partial, ignore_errors=True)
        if self.is_resumable:
            shutil.rmtree(self.folder / EARLIER, ignore_errors=True)
        source = self.checkpoints / checkpoint_name(best) if best else None
        if source is not None and source.exists():
            with replacing(self.best, overwrite=True) as partial:
                shutil.copyfile(source, partial)

    def read_summary(self) -> dict[str, Any]:
        """Returns the content of `summary.json`.

        Raises:
            DataError: it is damaged.
        """
        try:
            content: dict[str, Any] = json.loads(read_text(self.summary))
        except json.JSONDecodeError as error:
            raise DataError(f"{self.summary} is damaged: {first_line(error)}.") from error
        return content

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Writes `summary.json`."""
        write_json(self.summary, summary, overwrite=True)


def checkpoint_name(metrics: EpochMetrics) -> str:
    """`epoch012_loss0.4321_pck0.5670.keras`."""
    score = "" if metrics.val_pck is None else f"_pck{metrics.val_pck:.4f}"
    return f"epoch{metrics.epoch:03d}_loss{metrics.loss:.4f}{score}.keras"


def require_place(folder: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Checks that a new run may use a folder.

    Args:
        folder: the folder, which may be missing or empty.
        overwrite: it may also contain an earlier run, but nothing else.

    Raises:
        OutputExistsError: the folder contains something that must not be replaced.
    """
    run = Run(folder)
    if run.folder.is_dir() and all(path.name == LOCK for path in run.folder.iterdir()):
        return
    require_output(
        folder,
        overwrite=overwrite,
        folder_markers=(CONFIG, CHECKPOINTS),
        folder_content=(*run.content, EARLIER, LOCK),
    )


@contextmanager
def locked_run(run: Run) -> Iterator[None]:
    """Locks the run's folder, which must exist, against other processes.

    Raises:
        InUseError: another process trains there.
    """
    with (
        _folder_for(run),
        locked(run.lock, str(run.folder), "stop it, or choose another --run-dir for a new run"),
    ):
        yield


@contextmanager
def locked_place(run: Run, *, overwrite: bool) -> Iterator[None]:
    """Checks the folder of a new run with `require_place`, and locks it like `locked_run`."""
    if not run.lock.exists():
        # Checked before locking, so that a foreign folder does not even get a lock file.
        require_place(run.folder, overwrite=overwrite)
    with locked_run(run):
        require_place(run.folder, overwrite=overwrite)
        yield


@contextmanager
def new_run(run: Run) -> Iterator[None]:
    """Creates the run's folder, and sets the files of an earlier run aside.

    They are moved to `.earlier` in the folder. If the block ends before anything is saved, they are
    moved back; otherwise they are removed.
    """
    with _folder_for(run):
        earlier = run.folder / EARLIER
        shutil.rmtree(earlier, ignore_errors=True)
        if any(run.folder.iterdir()):
            _move(run, run.folder, earlier)
        run.checkpoints.mkdir()
        try:
            yield
        finally:
            if not run.is_resumable:
                for name in run.content:
                    _remove(run.folder / name)
                if earlier.exists():
                    _move(run, earlier, run.folder)
            shutil.rmtree(earlier, ignore_errors=True)


@contextmanager
def _folder_for(run: Run) -> Iterator[None]:
    """Creates the folder and its parents; at the end, removes those that it created if empty.

    An existing folder is kept as it is, so it may be a link or a mounted disk.
    """
    made = [path for path in (run.folder, *run.folder.parents) if not path.exists()]
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        # Stops at the first folder that is not empty, which contains a run or foreign files.
        with suppress(OSError):
            for path in made:
                path.rmdir()


def _move(run: Run, source: os.PathLike[str], target: os.PathLike[str]) -> None:
    """Moves a run's files from one folder to another."""
    os.makedirs(target, exist_ok=True)
    for name in run.content:
        path = os.path.join(source, name)
        if os.path.lexists(path):
            os.replace(path, os.path.join(target, name))


def _remove(path: os.PathLike[str]) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
