"""What a run's `config.yaml` says: all that is needed to run it again."""

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from pydantic import ValidationError

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError, DataError, MissingFileError
from simplebase.files import read_text
from simplebase.files.yaml import MOST_BYTES, parse_yaml
from simplebase.geometry import Size
from simplebase.images import DepthRange
from simplebase.presets import Preset, Recipe
from simplebase.presets.preset import YamlSettings, first_problem
from simplebase.skeletons import Skeleton
from simplebase.training.options import TrainingOptions
from simplebase.training.runs.folder import Run
from simplebase.version import __version__


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


class PoolFacts(YamlSettings):
    """Which unlabelled images a run learns from.

    Args:
        objects: how many there are.
        digest: of the images' names, the objects' places and a teacher's keypoints.
    """

    objects: int
    digest: str


class LayerSettings(YamlSettings):
    """One of the augmentation layers that the caller of `simplebase.train` gave.

    Args:
        name: of its class, with the module.
        config: what `get_config` says, but for the layer's name; `None` if the layer has none.
    """

    name: str
    config: dict[str, Any] | None = None

    @classmethod
    def of(cls, layer: keras.layers.Layer) -> "LayerSettings":
        """What there is to say of `layer`."""
        name = f"{type(layer).__module__}.{type(layer).__qualname__}"
        try:
            config = dict(layer.get_config())
        except NotImplementedError:
            # Keras raises it for constructors whose arguments it cannot save.
            return cls(name=name)
        # Keras counts its layers, so their names differ from process to process.
        config.pop("name", None)
        return cls(name=name, config=json.loads(json.dumps(config, default=_plain)))


def _plain(value: Any) -> Any:
    """Arrays as lists; any other object as the name of its class."""
    return value.tolist() if hasattr(value, "tolist") else type(value).__qualname__


class RunConfig(TrainingOptions):
    """The options that a run was trained with, and the facts that it began with.

    Args:
        simplebase: the version that wrote it.
        preset: names how the weights it began with were trained, so that it builds the same model.
        recipe: with all its values.
        dataset: which one.
        input_size: `(H, W)`.
        model_normalisation: what the model has, which its weights may have brought along.
        policy: Keras's dtype policy: what `mixed_precision` meant on the machine where it began.
        augmentation_layers: those that were given beside the recipe's.
        pool: the unlabelled images, if there are any.
    """

    simplebase: str = __version__
    preset: Preset
    recipe: Recipe
    dataset: DatasetSettings
    input_size: Size
    model_normalisation: str | None = None
    policy: str = "float32"
    augmentation_layers: tuple[LayerSettings, ...] = ()
    pool: PoolFacts | None = None

    def options(self) -> TrainingOptions:
        """The options of `simplebase.train` for the same run."""
        return TrainingOptions(
            **{name: getattr(self, name) for name in TrainingOptions.model_fields}
        )

    def require_same_layers(self, layers: Sequence[keras.layers.Layer]) -> None:
        """Refuses augmentation layers that are not those of the run."""
        if tuple(map(LayerSettings.of, layers)) == self.augmentation_layers:
            return
        if not self.augmentation_layers:
            raise ArgumentError(
                "the run was trained without augmentation layers. Leave out augmentation."
            )
        raise ArgumentError(
            f"the run was trained with its own augmentation layers ({self.layer_names}). Pass the "
            "same layers, with the same settings, to simplebase.resume(run_dir, "
            "augmentation=[...])."
        )

    @property
    def layer_names(self) -> str:
        """Classes of the augmentation layers, for messages."""
        return ", ".join(layer.name for layer in self.augmentation_layers)

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
