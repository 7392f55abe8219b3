"""Named models (presets) and named ways to train them (recipes)."""

from simplebase.presets.loader import (
    load_preset,
    load_recipe,
    preset_names,
    preset_text,
    recipe_names,
)
from simplebase.presets.preset import INPUT_MULTIPLE, Preset
from simplebase.presets.recipe import AffineSettings, AugmentationSettings, ColourSettings, Recipe

__all__ = [
    "INPUT_MULTIPLE",
    "AffineSettings",
    "AugmentationSettings",
    "ColourSettings",
    "Preset",
    "Recipe",
    "load_preset",
    "load_recipe",
    "preset_names",
    "preset_text",
    "recipe_names",
]
