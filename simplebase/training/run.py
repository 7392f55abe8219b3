"""The folder of one training run.

```
RUN/
├── config.yaml        all that is needed to run it again or to go on
├── metrics.csv        one row an epoch: epoch, loss, val_pck, learning_rate, images_per_second
├── curves.png         the same as a picture
├── summary.json       the result: best epoch and PCK, the mean pose's PCK, the checkpoint
├── tensorboard/       the curves, and val samples with their predictions
└── checkpoints/
    ├── best.keras     the model with the highest val PCK so far
    ├── last.keras     the model after the last epoch
    ├── epoch012_loss0.4321_pck0.5670.keras   and so on: the best five
    └── state.npz      what --resume goes on from
```
"""

import csv
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml

from simplebase.estimator import SimpleBaseline
from simplebase.files import replacing, require_output, write_json, write_text
from simplebase.training.curves import METRICS
from simplebase.training.observer import EpochMetrics

CONFIG, CHECKPOINTS = "config.yaml", "checkpoints"
KEPT = 5
"""How many of the best epochs keep their model."""


class Run:
    """Writes a run's files.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.checkpoints = self.folder / CHECKPOINTS
        self.best = self.checkpoints / "best.keras"
        self.last = self.checkpoints / "last.keras"
        self.state = self.checkpoints / "state.npz"
        self.config = self.folder / CONFIG
        self.metrics = self.folder / METRICS
        self.curves = self.folder / "curves.png"
        self.tensorboard = self.folder / "tensorboard"

    def write_config(self, config: dict[str, Any]) -> None:
        """Writes `config.yaml`."""
        write_text(self.config, yaml.safe_dump(config, sort_keys=False), overwrite=True)

    def write_metrics(self, epochs: Sequence[EpochMetrics]) -> None:
        """Writes `metrics.csv`: all rows, so that a resumed run has none twice."""
        with replacing(self.metrics, overwrite=True) as partial:
            with partial.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, [field.name for field in fields(EpochMetrics)])
                writer.writeheader()
                writer.writerows(asdict(epoch) for epoch in epochs)

    def save_models(
        self, model: SimpleBaseline, metrics: EpochMetrics, kept: dict[str, int], best: bool
    ) -> None:
        """Writes the last checkpoint and what it replaces of the best.

        Args:
            model: after the epoch.
            metrics: of the epoch.
            kept: names of the checkpoints to keep, and their epochs; others are removed.
            best: whether the epoch is the best one.
        """
        with replacing(self.last, overwrite=True) as partial:
            model.save(partial)
        names = [name for name, epoch in kept.items() if epoch == metrics.epoch]
        for target in [self.checkpoints / name for name in names] + [self.best] * best:
            with replacing(target, overwrite=True) as partial:
                shutil.copyfile(self.last, partial)

    def remove_models_but(self, kept: dict[str, int]) -> None:
        """Removes the checkpoints that are no longer among the best."""
        for path in self.checkpoints.glob("epoch*.keras"):
            if path.name not in kept:
                path.unlink()

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Writes `summary.json`."""
        write_json(self.folder / "summary.json", summary, overwrite=True)


def checkpoint_name(metrics: EpochMetrics) -> str:
    """`epoch012_loss0.4321_pck0.5670.keras`."""
    score = "" if metrics.val_pck is None else f"_pck{metrics.val_pck:.4f}"
    return f"epoch{metrics.epoch:03d}_loss{metrics.loss:.4f}{score}.keras"


class NewRun:
    """A context in which a new run's folder exists; it leaves none without a checkpoint behind.

    ```python
    with NewRun("runs/cows") as run:
        run.write_config(...)
    ```

    An earlier run in its place is set aside until there is a checkpoint: if the block fails before,
    the new folder is removed and the earlier run is put back.

    Args:
        folder: must not exist or be empty, unless `overwrite`.
        overwrite: replace an earlier run.

    Raises:
        OutputExistsError: there is something that may not be replaced.
    """

    def __init__(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.run = Run(folder)
        self._folder = self.run.folder
        if not (self._folder.is_dir() and not any(self._folder.iterdir())):
            require_output(folder, overwrite=overwrite, folder_markers=(CONFIG, CHECKPOINTS))
        self._earlier: Path | None = None

    def __enter__(self) -> Run:
        """Makes the folder, setting aside what stands there."""
        if self._folder.exists():
            holder = tempfile.mkdtemp(prefix=f".{self._folder.name}.", dir=self._folder.parent)
            self._earlier = Path(holder) / self._folder.name
            os.replace(self._folder, self._earlier)
        self.run.checkpoints.mkdir(parents=True)
        return self.run

    def __exit__(self, *error: object) -> None:
        """Keeps the run if it has a checkpoint, else what stood there before."""
        if not self.run.best.exists() and not self.run.state.exists():
            shutil.rmtree(self._folder)
            if self._earlier is not None:
                os.replace(self._earlier, self._folder)
        if self._earlier is not None:
            shutil.rmtree(self._earlier.parent)
