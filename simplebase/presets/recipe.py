"""The schema of a recipe: how a model is trained."""

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
    """A way to train, in two stages.

    The first stage trains only what `freeze_level` leaves open, at a constant learning rate; the
    second trains everything, with warm-up and decay. `input_size`, `sigma` and `padding`, where
    given, replace the preset's. What each value does is in docs/recipes.md and in
    `simplebase train --help`.
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
        # An optimizer that is wrong itself is not among the data, and is told of on its own.
        optimizer = info.data.get("optimizer", "adamw")
        if weight_decay > 0 and optimizer != "adamw":
            raise ValueError(f"only optimizer adamw decays weights, and this one is {optimizer}")
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
                f"init_epoch ({self.init_epoch}) has to be less than total_epoch "
                f"({self.total_epoch}), or nothing is left to train"
            )
        if self.init_epoch + self.transfer_epoch > self.total_epoch:
            raise ValueError(
                f"init_epoch ({self.init_epoch}) and transfer_epoch ({self.transfer_epoch}) have "
                f"to be together no more than total_epoch ({self.total_epoch})"
            )
        return self

    @model_validator(mode="after")
    def _masks_pseudo_keypoints(self) -> "Recipe":
        if self.unlabelled is not None and self.loss_type in ("mse", "mae"):
            raise ValueError(
                f"unlabelled needs a loss that leaves keypoints out, and {self.loss_type} would "
                "teach that what the teacher does not find is nowhere; choose another loss_type, "
                "such as weighted_mse"
            )
        return self

    def fitted(self, preset: Preset) -> Preset:
        """The preset as this recipe trains it."""
        crop, codec = preset.crop, preset.codec
        if self.padding is not None:
            crop = crop.model_copy(update={"padding": self.padding})
        if self.sigma is not None:
            codec = codec.model_copy(update={"sigma": self.sigma})
        size = self.input_size or preset.input_size
        return preset.model_copy(update={"input_size": size, "crop": crop, "codec": codec})

    def fading(self, steps: int, *, unlabelled: bool = False) -> GeometryFade | None:
        """When geometry fades; `None`: it does not.

        Args:
            steps: per epoch.
            unlabelled: of the views of unlabelled images, which may keep another share of it.
        """
        if not self.geometry_fade:
            return None
        last, remainder = self.total_epoch * steps, self.geometry_fade_to
        if unlabelled and self.unlabelled is not None:
            remainder = self.unlabelled.geometry_fade_to
        return GeometryFade(last * (1 - self.geometry_fade), last, remainder)

    @property
    def first_finishing_epoch(self) -> int:
        """The first of the epochs for `finish_on`, which are at least one."""
        # Half an epoch counts as one: round() would go to the even number.
        return self.total_epoch + 1 - max(1, int(self.finish_share * self.total_epoch + 0.5))

    def updated(self, values: dict[str, Any]) -> "Recipe":
        """The recipe with other values, checked as if they stood in its file.

        Raises:
            ArgumentError: a value is not one that its field takes.
        """
        try:
            return Recipe.model_validate(self.model_dump() | values)
        except ValidationError as error:
            key, problem = first_problem(error, Recipe)
            raise ArgumentError(f"{key}: {problem}" if key else problem) from error
