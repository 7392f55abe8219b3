"""The folder of one training run.

```
RUN/
├── config.yaml        what was run: preset, recipe, dataset, skeleton, weights, seed
├── metrics.csv        one row an epoch: epoch, loss, val_pck, learning_rate, images_per_second
├── summary.json       the result: best epoch and PCK, the mean pose's PCK, the checkpoint
└── checkpoints/
    └── best.keras     the model with the highest val PCK so far
```
"""

import csv
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from simplebase.estimator import SimpleBaseline
from simplebase.files import replacing, require_output, write_json, write_text

CONFIG, CHECKPOINTS = "config.yaml", "checkpoints"


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch gave; `epoch` counts from 1."""

    epoch: int
    loss: float
    val_pck: float | None
    learning_rate: float
    images_per_second: float


class Run:
    """Writes a run's files; a context that leaves no run without a checkpoint behind.

    ```python
    with Run("runs/cows") as run:
        run.save_best(model)
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
        self.folder = Path(folder)
        if not (self.folder.is_dir() and not any(self.folder.iterdir())):
            require_output(folder, overwrite=overwrite, folder_markers=(CONFIG, CHECKPOINTS))
        self._earlier: Path | None = None

    def __enter__(self) -> "Run":
        """Makes the folder, setting aside what stands there."""
        if self.folder.exists():
            holder = tempfile.mkdtemp(prefix=f".{self.folder.name}.", dir=self.folder.parent)
            self._earlier = Path(holder) / self.folder.name
            os.replace(self.folder, self._earlier)
        (self.folder / CHECKPOINTS).mkdir(parents=True)
        return self

    def __exit__(self, *error: object) -> None:
        """Keeps the run if it has a checkpoint, else what stood there before."""
        if not self.best.exists():
            shutil.rmtree(self.folder)
            if self._earlier is not None:
                os.replace(self._earlier, self.folder)
        if self._earlier is not None:
            shutil.rmtree(self._earlier.parent)

    @property
    def best(self) -> Path:
        """The checkpoint with the highest val PCK."""
        return self.folder / CHECKPOINTS / "best.keras"

    def write_config(self, config: dict[str, Any]) -> None:
        """Writes `config.yaml`."""
        write_text(self.folder / CONFIG, yaml.safe_dump(config, sort_keys=False))

    def save_best(self, model: SimpleBaseline) -> None:
        """Replaces the best checkpoint."""
        with replacing(self.best, overwrite=True) as partial:
            model.save(partial)

    def append(self, metrics: EpochMetrics) -> None:
        """Adds a row to `metrics.csv`."""
        path = self.folder / "metrics.csv"
        header = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(EpochMetrics)])
            if header:
                writer.writeheader()
            writer.writerow(asdict(metrics))

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Writes `summary.json`."""
        write_json(self.folder / "summary.json", summary)
