"""Named models (presets) and named ways to train them (recipes)."""

from simplebase.presets.augmentation_settings import AugmentationSettings
from simplebase.presets.loader import (
    load_preset,
    load_recipe,
    preset_names,
    preset_text,
    recipe_names,
)
from simplebase.presets.preset import INPUT_MULTIPLE, Preset
from simplebase.presets.recipe import Recipe

__all__ = [
    "INPUT_MULTIPLE",
    "AugmentationSettings",
    "Preset",
    "Recipe",
    "load_preset",
    "load_recipe",
    "preset_names",
    "preset_text",
    "recipe_names",
]
