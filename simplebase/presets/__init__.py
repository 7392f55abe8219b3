"""Named models (presets) and named training settings (recipes)."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

_PUBLIC = {
    "INPUT_MULTIPLE": "simplebase.presets.preset",
    "AugmentationSettings": "simplebase.presets.augmentation_settings",
    "Preset": "simplebase.presets.preset",
    "Recipe": "simplebase.presets.recipe",
    "load_preset": "simplebase.presets.loader",
    "load_recipe": "simplebase.presets.loader",
    "preset_names": "simplebase.presets.loader",
    "preset_text": "simplebase.presets.loader",
    "recipe_names": "simplebase.presets.loader",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.presets.augmentation_settings import (
        AugmentationSettings as AugmentationSettings,
    )
    from simplebase.presets.loader import load_preset as load_preset
    from simplebase.presets.loader import load_recipe as load_recipe
    from simplebase.presets.loader import preset_names as preset_names
    from simplebase.presets.loader import preset_text as preset_text
    from simplebase.presets.loader import recipe_names as recipe_names
    from simplebase.presets.preset import INPUT_MULTIPLE as INPUT_MULTIPLE
    from simplebase.presets.preset import Preset as Preset
    from simplebase.presets.recipe import Recipe as Recipe

__getattr__ = lazy_names(__name__, _PUBLIC)
