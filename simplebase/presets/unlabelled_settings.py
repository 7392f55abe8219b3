"""The key `unlabelled` of a recipe: how a training learns from images that nobody labelled."""

from pydantic import Field, field_validator

from simplebase.presets.augmentation_settings import AugmentationSettings, each_once
from simplebase.presets.preset import YamlSettings


class UnlabelledSettings(YamlSettings):
    """How a training learns from images that nobody labelled, see docs/unlabelled.md.

    Args:
        share: of a step's samples that is unlabelled. They come in addition to the recipe's
            `batch_size`, which stays the number of labelled ones.
        weight: of their loss, beside 1 of the labelled ones'.
        ramp: share of the run over which the weight rises from 0.
        threshold: a pseudo keypoint of a lower score teaches nothing.
        mirror: one that the teacher finds elsewhere in the mirrored view teaches nothing either:
            the largest distance, in parts of the input's longer side. `None` looks at no mirrored
            view, for half of the teacher's time.
        augmentation: of the views that the student learns from; by default the recipe's.
        geometry_fade_to: share of its strength that their geometry keeps where the recipe's fades.
    """

    share: float = Field(0.5, gt=0, le=0.9)
    weight: float = Field(1.0, gt=0)
    ramp: float = Field(0.2, ge=0, le=1)
    threshold: float = Field(0.3, gt=0, lt=1)
    mirror: float | None = Field(0.05, gt=0, le=1)
    augmentation: tuple[AugmentationSettings, ...] | None = Field(None, min_length=1)
    geometry_fade_to: float = Field(0.5, ge=0, le=1)

    @field_validator("augmentation")
    @classmethod
    def _each_once(
        cls, augmentation: tuple[AugmentationSettings, ...] | None
    ) -> tuple[AugmentationSettings, ...] | None:
        return None if augmentation is None else each_once(augmentation)

    def samples(self, labelled: int) -> int:
        """How many unlabelled samples a step has beside `labelled` ones."""
        return max(1, round(labelled * self.share / (1 - self.share)))
