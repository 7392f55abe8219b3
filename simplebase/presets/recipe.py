"""The schema of a recipe, which describes how a model is trained."""

from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from simplebase.codec import WIDEST_SIGMA
from simplebase.errors import ArgumentError
from simplebase.geometry import LARGEST_PADDING
from simplebase.presets.augmentation_settings import (
    AugmentationSettings,
    GeometryFade,
    each_once,
)
from simplebase.presets.choices import (
    DecayType,
    LossType,
    OptimizerName,
    OutsideKeypoints,
)
from simplebase.presets.preset import InputSize, Preset, YamlSettings, first_problem
from simplebase.presets.unlabelled_settings import UnlabelledSettings

FreezeLevel = Literal[0, 1, 2]


class Recipe(YamlSettings):
    """The settings of a training run in two stages.

    The first stage trains only the layers that `freeze_level` does not freeze, at a constant
    learning rate. The second stage trains all layers, with warm-up and decay. `input_size`, `sigma`
    and `padding` replace the preset's values if given. Each value is explained in docs/recipes.md
    and by `simplebase train --help`.
    """

    name: str
    description: str
    loss_type: LossType = "weighted_mse"
    loss_scale: float = Field(100.0, gt=0)
    optimizer: OptimizerName = "adam"
    weight_decay: float = Field(0.0, ge=0)
    learning_rate: float = Field(1e-3, gt=0)
    decay_type: DecayType = "cosine"
    warmup_epochs: float = Field(0.5, ge=0)
    clip_norm: float | None = Field(None, gt=0)
    ema: float | None = Field(None, gt=0, lt=1)
    batch_size: int = Field(16, ge=1)
    transfer_epoch: int = Field(0, ge=0)
    freeze_level: FreezeLevel = 1
    init_epoch: int = Field(0, ge=0)
    total_epoch: int = Field(100, ge=1)
    input_size: InputSize | None = None
    sigma: float | None = Field(None, gt=0, le=WIDEST_SIGMA)
    padding: float | None = Field(None, gt=0, le=LARGEST_PADDING)
    augmentation: tuple[AugmentationSettings, ...] = ()
    geometry_fade: float = Field(0.0, ge=0, le=1)
    geometry_fade_to: float = Field(0.0, ge=0, le=1)
    outside_keypoints: OutsideKeypoints = "ignored"
    finish_on: str | None = Field(None, min_length=1)
    finish_share: float = Field(0.5, gt=0, le=1)
    unlabelled: UnlabelledSettings | None = None

    @field_validator("weight_decay")
    @classmethod
    def _only_of_adamw(cls, weight_decay: float, info: ValidationInfo) -> float:
        # An invalid optimizer is missing from the data, and has an error of its own.
        optimizer = info.data.get("optimizer", "adamw")
        if weight_decay > 0 and optimizer != "adamw":
            raise ValueError(f"only optimizer adamw decays weights, but optimizer is {optimizer}")
        return weight_decay

    @field_validator("augmentation")
    @classmethod
    def _each_once(
        cls, augmentation: tuple[AugmentationSettings, ...]
    ) -> tuple[AugmentationSettings, ...]:
        return each_once(augmentation)

    @model_validator(mode="after")
    def _both_stages_fit(self) -> "Recipe":
        if self.init_epoch >= self.total_epoch:
            raise ValueError(
                f"init_epoch ({self.init_epoch}) must be less than total_epoch "
                f"({self.total_epoch}), or nothing is left to train"
            )
        if self.init_epoch + self.transfer_epoch > self.total_epoch:
            raise ValueError(
                f"init_epoch ({self.init_epoch}) plus transfer_epoch ({self.transfer_epoch}) must "
                f"not be more than total_epoch ({self.total_epoch})"
            )
        return self

    @model_validator(mode="after")
    def _masks_pseudo_keypoints(self) -> "Recipe":
        if self.unlabelled is not None and self.loss_type in ("mse", "mae"):
            raise ValueError(
                f"unlabelled needs a loss that ignores keypoints without a label, but "
                f"{self.loss_type} would teach that a keypoint which the teacher does not find is "
                "absent; choose another loss_type, such as weighted_mse"
            )
        return self

    def fitted(self, preset: Preset) -> Preset:
        """Returns the preset with this recipe's `input_size`, `sigma` and `padding`."""
        crop, codec = preset.crop, preset.codec
        if self.padding is not None:
            crop = crop.model_copy(update={"padding": self.padding})
        if self.sigma is not None:
            codec = codec.model_copy(update={"sigma": self.sigma})
        size = self.input_size or preset.input_size
        return preset.model_copy(update={"input_size": size, "crop": crop, "codec": codec})

    def fading(self, steps: int, *, unlabelled: bool = False) -> GeometryFade | None:
        """Returns when the geometry fades, or `None` if it does not.

        Args:
            steps: steps per epoch.
            unlabelled: for the views of unlabelled images, which may keep another share of it.
        """
        if not self.geometry_fade:
            return None
        last, remainder = self.total_epoch * steps, self.geometry_fade_to
        if unlabelled and self.unlabelled is not None:
            remainder = self.unlabelled.geometry_fade_to
        return GeometryFade(last * (1 - self.geometry_fade), last, remainder)

    @property
    def first_finishing_epoch(self) -> int:
        """Returns the first of the last epochs, at least one, that train on `finish_on`."""
        # Half an epoch counts as one: round() would round to the even number.
        return self.total_epoch + 1 - max(1, int(self.finish_share * self.total_epoch + 0.5))

    def updated(self, values: dict[str, Any]) -> "Recipe":
        """Returns the recipe with other values, checked as if they were in its file.

        Raises:
            ArgumentError: a value is invalid.
        """
        try:
            return Recipe.model_validate(self.model_dump() | values)
        except ValidationError as error:
            key, problem = first_problem(error, Recipe)
            raise ArgumentError(f"{key}: {problem}" if key else problem) from error
