"""What a training is to do: what was given, before an earlier run, before the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simplebase.presets import Recipe, load_preset, load_recipe
from simplebase.presets.choices import DEFAULT_PRESET
from simplebase.skeletons import Skeleton
from simplebase.training.runs.config import RunConfig

EMBEDDED_RECIPE = "quick"
"""What the embedded dataset is trained by."""

# Arguments of `simplebase.train` that are taken as they are given.
_AS_GIVEN = (
    "backbone_weights",
    "cache",
    "deterministic",
    "input_size",
    "mixed_precision",
    "normalisation",
    "overwrite",
    "run_dir",
    "save_every_steps",
    "seed",
    "weights",
)
_START = ("weights", "backbone_weights", "normalisation")
# What a recipe turns on, 0 turns off.
_OFF_AT_ZERO = ("clip_norm", "ema")


@dataclass(frozen=True)
class TrainingSettings:
    """All that `simplebase.train` needs, but for an open dataset.

    Args:
        dataset: its folder; `None` is the embedded one.
        skeleton: what an earlier run's dataset follows; `None` leaves it to the dataset.
        arguments: of `simplebase.train`, `preset` and `recipe` among them, loaded.
    """

    dataset: str | None
    skeleton: Skeleton | None
    arguments: dict[str, Any]


def choose_settings(given: Mapping[str, Any], earlier: RunConfig | None = None) -> TrainingSettings:
    """Settles what is trained, and how.

    Args:
        given: by name, any of `preset`, `recipe`, `dataset`, the values of a recipe, and the other
            arguments of `simplebase.train`.
        earlier: a run whose settings hold where nothing is given.

    Raises:
        ArgumentError: an unknown preset or recipe, or a value that its field does not take.
    """
    arguments = earlier.arguments() if earlier else {}
    folder, skeleton = arguments.pop("dataset", None), arguments.pop("skeleton", None)
    if "dataset" in given:
        folder, skeleton = given["dataset"], None
    if {"weights", "backbone_weights"} & given.keys():
        # Weights that are given replace all that the earlier run began with.
        for name in _START:
            arguments.pop(name, None)
    if "preset" in given or earlier is None:
        arguments["preset"] = load_preset(given.get("preset", DEFAULT_PRESET))
    if "recipe" in given or earlier is None:
        default = arguments["preset"].recipe if folder else EMBEDDED_RECIPE
        arguments["recipe"] = load_recipe(given.get("recipe", default))
    if {"preset", "recipe"} & given.keys():
        # They say which size is theirs.
        arguments.pop("input_size", None)
    arguments["recipe"] = arguments["recipe"].updated(_recipe_values(given))
    arguments |= {name: given[name] for name in _AS_GIVEN if name in given}
    if folder is None and "weights" not in given:
        # ImageNet knows nothing of drawn figures, and the embedded dataset is there to try offline.
        arguments.setdefault("backbone_weights", "none")
    return TrainingSettings(folder, skeleton, arguments)


def _recipe_values(given: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: given[name] for name in Recipe.model_fields if name in given}
    # A size that is given is an argument, which stands above the recipe's.
    values.pop("input_size", None)
    off = {name: None for name in _OFF_AT_ZERO if values.get(name) == 0}
    return values | off
