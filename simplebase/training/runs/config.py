"""What a run's `config.yaml` says: all that is needed to run it again."""

import hashlib
import os
from typing import Any

import numpy as np
from pydantic import Field, ValidationError

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline.cache import CacheMode
from simplebase.errors import DataError, MissingFileError
from simplebase.files import read_text
from simplebase.files.yaml import MOST_BYTES, parse_yaml
from simplebase.geometry import Size
from simplebase.images import DepthRange
from simplebase.presets import Preset, Recipe
from simplebase.presets.preset import YamlSettings, first_problem
from simplebase.skeletons import Skeleton
from simplebase.training.runs.folder import Run
from simplebase.version import __version__

MAX_SEED = 2**32 - 1


class DatasetSettings(YamlSettings):
    """Which dataset it was.

    Args:
        folder: where it was.
        skeleton: what its records follow.
        train_records: how many there are.
        val_records: how many there are.
        digest: of their centres, scales, keypoints and split.
        depth_range: how its images of more than 8 bits are read, if that was chosen.
    """

    folder: str
    skeleton: dict[str, Any]
    train_records: int
    val_records: int
    digest: str
    depth_range: str | None = None

    @classmethod
    def of(cls, dataset: KeypointDataset) -> "DatasetSettings":
        """What there is to say of `dataset`."""
        records = dataset.records
        digest = hashlib.sha256()
        for column in (records.centers, records.scales, records.keypoints, records.validation):
            digest.update(np.ascontiguousarray(column).tobytes())
        validation = int(records.validation.sum())
        depth_range = dataset.images.depth_range
        return cls(
            folder=dataset.name,
            skeleton=dataset.skeleton.to_config(),
            train_records=len(records) - validation,
            val_records=validation,
            digest=digest.hexdigest()[:16],
            depth_range=None if depth_range is None else str(depth_range),
        )

    def require_same(self, dataset: KeypointDataset) -> None:
        """Refuses a dataset whose records are others; where it lies does not matter."""
        other = DatasetSettings.of(dataset)
        if other.digest != self.digest:
            raise DataError(
                f"the run was trained on {self.train_records} train and {self.val_records} val "
                f"records of {self.folder}, but {dataset.name} has other records "
                f"({other.train_records} and {other.val_records}). Give the same ones with "
                "--dataset (and --skip-bad-images, if they were screened), or start a new run."
            )

    def own_skeleton(self) -> Skeleton:
        """The skeleton as an object."""
        return Skeleton.from_config(self.skeleton)

    def own_depth_range(self) -> DepthRange | None:
        """The depth range as an object."""
        return None if self.depth_range is None else DepthRange.parse(self.depth_range)


class RunConfig(YamlSettings):
    """All settings of a run: the arguments of `simplebase.train`, and what followed from them.

    `model_normalisation` is what the model has, which its weights may have brought along, and
    `policy` what `mixed_precision` meant on the machine where the run began.
    """

    simplebase: str = __version__
    preset: Preset
    recipe: Recipe
    dataset: DatasetSettings
    input_size: Size
    backbone_weights: str = "auto"
    normalisation: str | None = None
    model_normalisation: str | None = None
    weights: str | None = None
    mixed_precision: bool = False
    policy: str | None = None
    deterministic: bool = False
    cache: CacheMode = "none"
    save_every_steps: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0, le=MAX_SEED)

    def arguments(self) -> dict[str, Any]:
        """The arguments of `simplebase.train` for the same run; dataset as folder and skeleton."""
        values = {name: getattr(self, name) for name in RunConfig.model_fields}
        for name in ("simplebase", "model_normalisation", "policy"):
            del values[name]
        return values | {
            "dataset": self.dataset.folder,
            "skeleton": self.dataset.own_skeleton(),
        }

    def shared_settings(self) -> str:
        """What is the same for all workers of a run; where they find their files may differ."""
        own = {"weights", "backbone_weights", "cache", "save_every_steps"}
        config = self.model_copy(update={"dataset": self.dataset.model_copy(update={"folder": ""})})
        return config.model_dump_json(exclude=own)

    def write(self, run: Run) -> None:
        """Writes it into the run's folder."""
        run.write_config(self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> "RunConfig":
        """Reads it from a run's folder.

        Raises:
            MissingFileError: `folder` is not a run.
            DataError: its `config.yaml` cannot be read.
        """
        path = Run(folder).config
        if not path.parent.exists():
            raise MissingFileError(
                f"{os.fspath(folder)}: the run does not exist. Check the path; a run that was "
                "refused before its first step leaves nothing."
            )
        if not path.is_file():
            raise MissingFileError(
                f"{os.fspath(folder)} is not a run: it has no {path.name}. Give the folder that "
                "`simplebase train` wrote (its --run-dir)."
            )
        content = parse_yaml(read_text(path, most_bytes=MOST_BYTES), str(path))
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            key, problem = first_problem(error, cls)
            where = f"{path}, key {key!r}" if key else f"{path}"
            raise DataError(f"{where}: {problem}") from error
