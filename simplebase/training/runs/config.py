"""A run's `config.yaml`, which contains everything that is needed to repeat the run."""

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
    """Identifies the dataset of a run.

    Args:
        folder: the dataset's folder.
        skeleton: the skeleton of its records.
        train_records: number of train records.
        val_records: number of val records.
        digest: digest of the records' centres, scales, keypoints and split.
        depth_range: how images of more than 8 bits are read, if that was chosen.
    """

    folder: str
    skeleton: dict[str, Any]
    train_records: int
    val_records: int
    digest: str
    depth_range: str | None = None

    @classmethod
    def of(cls, dataset: KeypointDataset) -> "DatasetSettings":
        """Returns the settings of `dataset`."""
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
        """Raises an error if the records of `dataset` differ; its folder may have changed."""
        other = DatasetSettings.of(dataset)
        if other.digest != self.digest:
            raise DataError(
                f"the run was trained on {self.train_records} train and {self.val_records} val "
                f"records of {self.folder}, but {dataset.name} has other records "
                f"({other.train_records} and {other.val_records}). Give the same ones with "
                "--dataset (and --skip-bad-images, if they were screened), or start a new run."
            )

    def own_skeleton(self) -> Skeleton:
        """Returns the skeleton as an object."""
        return Skeleton.from_config(self.skeleton)

    def own_depth_range(self) -> DepthRange | None:
        """Returns the depth range as an object."""
        return None if self.depth_range is None else DepthRange.parse(self.depth_range)


class PoolDigest(YamlSettings):
    """Identifies the unlabelled images of a run.

    Args:
        objects: number of objects.
        digest: digest of the images' names and the objects' positions.
    """

    objects: int
    digest: str


class LayerSettings(YamlSettings):
    """An augmentation layer that was passed to `simplebase.train`.

    Args:
        name: name of its class, with the module.
        config: result of `get_config` without the layer's name; `None` if the layer has none.
    """

    name: str
    config: dict[str, Any] | None = None

    @classmethod
    def of(cls, layer: keras.layers.Layer) -> "LayerSettings":
        """Returns the settings of `layer`."""
        name = f"{type(layer).__module__}.{type(layer).__qualname__}"
        try:
            config = dict(layer.get_config())
        except NotImplementedError:
            # Keras raises it for constructors whose arguments it cannot save.
            return cls(name=name)
        # Keras numbers its layers, so their names differ between processes.
        config.pop("name", None)
        return cls(name=name, config=json.loads(json.dumps(config, default=_plain)))


def _plain(value: Any) -> Any:
    """Returns arrays as lists, and any other object as the name of its class."""
    return value.tolist() if hasattr(value, "tolist") else type(value).__qualname__


class RunConfig(TrainingOptions):
    """The options of a training run, and what it started with.

    Args:
        simplebase: the version that wrote it.
        preset: the preset, with the settings of the initial weights, so that it builds the same
            model.
        recipe: the recipe with all its values.
        dataset: identifies the dataset.
        input_size: `(H, W)`.
        model_normalisation: the model's normalisation, which may come from its initial weights.
        policy: Keras's dtype policy, which `mixed_precision` chose on the machine where it started.
        augmentation_layers: layers in addition to the recipe's augmentation.
        pool: identifies the unlabelled images, if there are any.
    """

    simplebase: str = __version__
    preset: Preset
    recipe: Recipe
    dataset: DatasetSettings
    input_size: Size
    model_normalisation: str | None = None
    policy: str = "float32"
    augmentation_layers: tuple[LayerSettings, ...] = ()
    pool: PoolDigest | None = None

    def options(self) -> TrainingOptions:
        """Returns the options of `simplebase.train` for the same run."""
        return TrainingOptions(
            **{name: getattr(self, name) for name in TrainingOptions.model_fields}
        )

    @property
    def trains_teacher(self) -> bool:
        """Whether the run is self-training: it trains its own teacher first."""
        settings = self.recipe.unlabelled
        return settings is not None and settings.is_self_training and self.teacher is None

    def teacher_options(self) -> TrainingOptions:
        """Returns the options with which self-training trains its teacher."""
        recipe = self.recipe.updated({"unlabelled": None})
        update = {"recipe": recipe, "unlabelled_images": None, "teacher": None}
        return self.options().model_copy(update=update)

    def require_same_layers(self, layers: Sequence[keras.layers.Layer]) -> None:
        """Raises an error if the augmentation layers are not those of the run."""
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
        """The classes of the augmentation layers, for messages."""
        return ", ".join(layer.name for layer in self.augmentation_layers)

    def shared_settings(self) -> str:
        """Returns the settings that all workers of a run share; paths of files may differ."""
        own = {
            "weights",
            "backbone_weights",
            "teacher",
            "unlabelled_images",
            "cache",
            "save_every_steps",
        }
        config = self.model_copy(update={"dataset": self.dataset.model_copy(update={"folder": ""})})
        return config.model_dump_json(exclude=own)

    def write(self, run: Run) -> None:
        """Writes `config.yaml` into the run's folder."""
        run.write_config(self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> "RunConfig":
        """Reads `config.yaml` from a run's folder.

        Raises:
            MissingFileError: `folder` is not a run.
            DataError: its `config.yaml` cannot be read.
        """
        path = Run(folder).config
        if not path.parent.exists():
            raise MissingFileError(
                f"{os.fspath(folder)}: the run does not exist. Check the path. A run that failed "
                "before its first step leaves no files."
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
