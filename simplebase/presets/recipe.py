"""The schema of a recipe: how a model is trained."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from simplebase.errors import ArgumentError
from simplebase.presets.preset import InputSize, Settings, first_problem

LossType = Literal["mse", "mae", "weighted_mse", "smooth_l1", "huber", "ohkm", "adaptive_wing"]


class AffineSettings(Settings):
    """Geometry, drawn once a sample and applied in one warp.

    `horizontal_flip` and `vertical_flip` are probabilities, `rotation` is up to so many degrees
    either way, `scale` up to this factor larger or smaller, `shift` up to this fraction of the
    input.
    """

    name: Literal["affine"]
    horizontal_flip: float = Field(0.5, ge=0, le=1)
    vertical_flip: float = Field(0.0, ge=0, le=1)
    rotation: float = Field(40.0, ge=0, le=180)
    scale: float = Field(1.3, ge=1)
    shift: float = Field(0.0, ge=0, le=0.5)


class ColourSettings(Settings):
    """Photometry that is linear in colour, drawn once a sample.

    `brightness` is added, as a fraction of white; `contrast` and `saturation` are factors 1 plus or
    minus this; `grayscale` is the probability of losing all colour.
    """

    name: Literal["colour"]
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    saturation: float = Field(0.2, ge=0, le=1)
    grayscale: float = Field(0.0, ge=0, le=1)


AugmentationSettings = Annotated[AffineSettings | ColourSettings, Field(discriminator="name")]


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
    def _one_warp(
        cls, augmentation: tuple[AugmentationSettings, ...]
    ) -> tuple[AugmentationSettings, ...]:
        if sum(isinstance(item, AffineSettings) for item in augmentation) > 1:
            raise ValueError("affine stands at most once: it is one warp for all geometry")
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
