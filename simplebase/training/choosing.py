"""Chooses the settings of `simplebase train`: its options, else an earlier run's, else defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simplebase.data.dataset import needs_skeleton
from simplebase.errors import ArgumentError, shown
from simplebase.geometry import Size
from simplebase.keras_file import read_keras_config
from simplebase.metadata import metadata_in
from simplebase.presets import Preset, Recipe, load_preset, load_recipe, preset_names
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.skeletons import Skeleton
from simplebase.training.options import START, TrainingOptions
from simplebase.training.runs.config import RunConfig
from simplebase.zoo.table import find, is_known

EMBEDDED_RECIPE = "quick"
"""The recipe for the embedded dataset."""

# Settings that a recipe turns on and 0 turns off.
_OFF_AT_ZERO = ("clip_norm", "ema")


@dataclass(frozen=True)
class TrainingChoice:
    """All settings of a training run, before the dataset is opened.

    Args:
        dataset: the dataset's folder; `None` stands for the embedded dataset.
        skeleton: the skeleton of an earlier run's dataset; `None` stands for the dataset's own.
        preset: the model.
        recipe: the recipe of `options`, loaded.
        options: how it is trained.
    """

    dataset: str | None
    skeleton: Skeleton | None
    preset: Preset
    recipe: Recipe
    options: TrainingOptions


def choose_training(given: Mapping[str, Any], earlier: RunConfig | None = None) -> TrainingChoice:
    """Chooses what is trained, and how.

    Args:
        given: values by name: `preset`, `dataset`, fields of `TrainingOptions` or of a recipe, and
            `unlabelled_settings`, which override values of the recipe's `unlabelled`. Other names
            are ignored. The preset and the input size of the model in `weights` are the defaults.
        earlier: a run whose settings apply where nothing is given. Its skeleton also applies to a
            given dataset folder that does not name its keypoints.

    Raises:
        ArgumentError: a preset or recipe is unknown, a value is invalid, `weights` was made from
            a preset that is not built in and none is given, or the earlier run had augmentation
            layers of its own.
        DataError: `weights` is a damaged `.keras` file. Other files are refused later.
    """
    if earlier is not None and earlier.augmentation_layers:
        raise ArgumentError(
            f"that run was trained with its own augmentation layers ({earlier.layer_names}), which "
            "can only be passed in Python: simplebase.train(preset, dataset, options, run_dir=..., "
            "augmentation=[...])."
        )
    values = dict(earlier.options()) if earlier else {}
    folder = earlier.dataset.folder if earlier else None
    skeleton = earlier.dataset.own_skeleton() if earlier else None
    if "dataset" in given:
        folder = given["dataset"]
        skeleton = skeleton if needs_skeleton(folder) else None
    if {"weights", "backbone_weights"} & given.keys():
        # Given weights replace all options of the earlier run on its initial weights.
        for name in START:
            values.pop(name, None)
    if {"preset", "recipe"} & given.keys():
        # The weights determine the input size.
        values.pop("input_size", None)
    start = None if earlier or "preset" in given else _starting_model(given.get("weights"))
    preset = earlier.preset if earlier else load_preset(DEFAULT_PRESET)
    if "preset" in given:
        preset = load_preset(given["preset"])
    elif start is not None:
        preset = start.preset
    recipe = (
        earlier.recipe if earlier else load_recipe(preset.recipe if folder else EMBEDDED_RECIPE)
    )
    if "recipe" in given:
        recipe = load_recipe(given["recipe"])
    if start is not None and recipe.input_size is None:
        values["input_size"] = start.input_size
    values |= {name: given[name] for name in TrainingOptions.model_fields if name in given}
    values["recipe"] = recipe = recipe.updated(_recipe_values(given, recipe))
    if folder is None and "weights" not in given:
        # ImageNet weights do not help with drawn figures, and the embedded dataset works offline.
        values.setdefault("backbone_weights", "none")
    return TrainingChoice(folder, skeleton, preset, recipe, TrainingOptions(**values))


@dataclass(frozen=True)
class _StartingModel:
    """The preset and the input size `(H, W)` of the model that training starts from."""

    preset: Preset
    input_size: Size


def _starting_model(weights: str | os.PathLike[str] | None) -> _StartingModel | None:
    """Returns what `weights` contains; None if it is not a model, which is reported later."""
    if weights is None:
        return None
    path = Path(weights)
    if not path.exists() and is_known(str(weights)):
        known = find(str(weights), "keypoints")
        return _StartingModel(load_preset(known.preset or DEFAULT_PRESET), known.input_size)
    config = read_keras_config(path) if path.is_file() and path.suffix == ".keras" else {}
    if "metadata" not in config:
        return None
    metadata = metadata_in(path, config["metadata"])
    if metadata.preset not in preset_names():
        raise ArgumentError(
            f"{path} was made from {metadata.preset!r}, which is not a built-in preset. Give the "
            "preset's YAML file with --preset, or repeat its run with `simplebase train --config "
            "RUN`. A model with a backbone of your own is trained in Python, see docs/keras.md."
        )
    return _StartingModel(load_preset(metadata.preset), metadata.input_size)


def _recipe_values(given: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    values = {name: given[name] for name in Recipe.model_fields if name in given}
    # A given size is an option, which overrides the recipe's.
    values.pop("input_size", None)
    if "unlabelled_settings" in given:
        values["unlabelled"] = _laid_over(given["unlabelled_settings"], recipe)
    off = {name: None for name in _OFF_AT_ZERO if values.get(name) == 0}
    return values | off


def _laid_over(settings: Any, recipe: Recipe) -> dict[str, Any]:
    """Returns the recipe's `unlabelled` with other values."""
    if not isinstance(settings, dict):
        raise ArgumentError(
            "--unlabelled-settings must be a mapping such as '{threshold: 0.3}'. "
            f"Received: {shown(settings)}."
        )
    own = {} if recipe.unlabelled is None else recipe.unlabelled.model_dump()
    return own | settings
