"""What the command line trains: what it gives, else what an earlier run did, else the defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simplebase.errors import ArgumentError, shown
from simplebase.presets import Preset, Recipe, load_preset, load_recipe
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.skeletons import Skeleton
from simplebase.training.options import START, TrainingOptions
from simplebase.training.runs.config import RunConfig
from simplebase.zoo.table import ZooModel, find, is_known

EMBEDDED_RECIPE = "quick"
"""What the embedded dataset is trained by."""

# What a recipe turns on, 0 turns off.
_OFF_AT_ZERO = ("clip_norm", "ema")


@dataclass(frozen=True)
class TrainingChoice:
    """What is trained and how, but for an open dataset.

    Args:
        dataset: its folder; `None` is the embedded one.
        skeleton: what an earlier run's dataset follows; `None` leaves it to the dataset.
        preset: the model.
        recipe: that of `options`, loaded.
        options: how it is trained.
    """

    dataset: str | None
    skeleton: Skeleton | None
    preset: Preset
    recipe: Recipe
    options: TrainingOptions


def choose_training(given: Mapping[str, Any], earlier: RunConfig | None = None) -> TrainingChoice:
    """Settles what is trained, and how.

    Args:
        given: by name, any of `preset`, `dataset`, the fields of `TrainingOptions`, those of a
            recipe, and `unlabelled_settings`, which are laid over the recipe's `unlabelled`; other
            names are passed over. Where `weights` names a pretrained model, its
            preset and input size are the defaults.
        earlier: a run whose settings hold where nothing is given.

    Raises:
        ArgumentError: an unknown preset or recipe, a value that its field does not take, or a run
            with augmentation layers of its own.
    """
    if earlier is not None and earlier.augmentation_layers:
        raise ArgumentError(
            f"that run was trained with its own augmentation layers ({earlier.layer_names}), which "
            "can be given only in Python: simplebase.train(preset, dataset, options, run_dir=..., "
            "augmentation=[...])."
        )
    values = dict(earlier.options()) if earlier else {}
    folder = earlier.dataset.folder if earlier else None
    skeleton = earlier.dataset.own_skeleton() if earlier else None
    if "dataset" in given:
        folder, skeleton = given["dataset"], None
    if {"weights", "backbone_weights"} & given.keys():
        # Weights that are given replace all that the earlier run began with.
        for name in START:
            values.pop(name, None)
    if {"preset", "recipe"} & given.keys():
        # They say which size is theirs.
        values.pop("input_size", None)
    start = None if earlier or "preset" in given else _pretrained(given.get("weights"))
    preset = earlier.preset if earlier else load_preset(DEFAULT_PRESET)
    if "preset" in given:
        preset = load_preset(given["preset"])
    elif start is not None:
        preset = load_preset(start.preset or DEFAULT_PRESET)
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
        # ImageNet knows nothing of drawn figures, and the embedded dataset is there to try offline.
        values.setdefault("backbone_weights", "none")
    return TrainingChoice(folder, skeleton, preset, recipe, TrainingOptions(**values))


def _pretrained(weights: str | os.PathLike[str] | None) -> ZooModel | None:
    """The model of the table that `weights` names, unless it is a file."""
    if weights is None or os.path.exists(weights) or not is_known(os.fspath(weights)):
        return None
    return find(os.fspath(weights), "keypoints")


def _recipe_values(given: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    values = {name: given[name] for name in Recipe.model_fields if name in given}
    # A size that is given is an option, which stands above the recipe's.
    values.pop("input_size", None)
    if "unlabelled_settings" in given:
        values["unlabelled"] = _laid_over(given["unlabelled_settings"], recipe)
    off = {name: None for name in _OFF_AT_ZERO if values.get(name) == 0}
    return values | off


def _laid_over(settings: Any, recipe: Recipe) -> dict[str, Any]:
    """The recipe's `unlabelled` with other values."""
    if not isinstance(settings, dict):
        raise ArgumentError(
            "--unlabelled-settings is a mapping such as '{threshold: 0.3}'. "
            f"Received: {shown(settings)}."
        )
    own = {} if recipe.unlabelled is None else recipe.unlabelled.model_dump()
    return own | settings
