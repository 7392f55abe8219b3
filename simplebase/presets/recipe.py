"""The schema of a recipe: how a model is trained."""

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from simplebase.errors import ArgumentError
from simplebase.presets.augmentation_settings import AugmentationSettings
from simplebase.presets.preset import InputSize, Settings, first_problem

LossType = Literal["mse", "mae", "weighted_mse", "smooth_l1", "huber", "ohkm", "adaptive_wing"]


class Recipe(Settings):
    """A way to train; `input_size` and `sigma`, where given, replace the preset's."""

    name: str
    description: str
    loss_type: LossType = "weighted_mse"
    loss_scale: float = Field(100.0, gt=0)
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    decay_type: Literal["none", "cosine"] = "cosine"
    warmup_epochs: float = Field(0.5, ge=0)
    batch_size: int = Field(16, ge=1)
    total_epoch: int = Field(100, ge=1)
    input_size: InputSize | None = None
    sigma: float | None = Field(None, gt=0)
    augmentation: tuple[AugmentationSettings, ...] = ()

    @field_validator("augmentation")
    @classmethod
    def _each_once(
        cls, augmentation: tuple[AugmentationSettings, ...]
    ) -> tuple[AugmentationSettings, ...]:
        names = [item.name for item in augmentation]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} stands twice")
        return augmentation

    def updated(self, values: dict[str, Any]) -> "Recipe":
        """The recipe with other values, checked as if they stood in its file.

        Raises:
            ArgumentError: a value is not one that its field takes.
        """
        try:
            return Recipe.model_validate(self.model_dump() | values)
        except ValidationError as error:
            key, problem = first_problem(error, Recipe)
            raise ArgumentError(f"{key}: {problem}") from error
