"""The key `unlabelled` of a recipe: how a training run learns from unlabelled images."""

from typing import Literal

from pydantic import Field, field_validator

from simplebase.presets.augmentation_settings import AugmentationSettings, each_once
from simplebase.presets.preset import YamlSettings


class UnlabelledSettings(YamlSettings):
    """How a training run learns from unlabelled images, see docs/unlabelled.md.

    Args:
        method: where the pseudo keypoints come from if no teacher is given. `self-training`: from a
            model of the same preset, which is trained on the labelled images first.
            `mean-teacher`: from the moving average of the trained weights
            (https://arxiv.org/abs/1703.01780).
        share: fraction of a step's samples that are unlabelled. They come in addition to the
            recipe's `batch_size`, which remains the number of labelled samples.
        weight: weight of their loss; that of the labelled samples is 1.
        ramp: fraction of the run over which the weight rises from 0.
        threshold: pseudo keypoints with a lower score are ignored.
        mirror: largest distance between a pseudo keypoint and the one that the teacher finds in the
            mirrored view, as a fraction of the input's longer side. Others are ignored. `None`
            skips the mirrored view, which halves the teacher's time.
        augmentation: augmentation of the views that the student learns from; by default the
            recipe's.
        geometry_fade_to: fraction of its strength that their geometry keeps when the recipe's
            geometry fades.
    """

    method: Literal["self-training", "mean-teacher"] = "self-training"
    share: float = Field(0.5, gt=0, le=0.9)
    weight: float = Field(1.0, gt=0)
    ramp: float = Field(0.0, ge=0, le=1)
    threshold: float = Field(0.5, gt=0, lt=1)
    mirror: float | None = Field(0.03, gt=0, le=1)
    augmentation: tuple[AugmentationSettings, ...] | None = Field(None, min_length=1)
    geometry_fade_to: float = Field(0.0, ge=0, le=1)

    @field_validator("augmentation")
    @classmethod
    def _each_once(
        cls, augmentation: tuple[AugmentationSettings, ...] | None
    ) -> tuple[AugmentationSettings, ...] | None:
        return None if augmentation is None else each_once(augmentation)

    @property
    def is_self_training(self) -> bool:
        """Whether a run without a given teacher trains one first."""
        return self.method == "self-training"

    def samples(self, labelled: int) -> int:
        """Returns how many unlabelled samples a step has in addition to `labelled` samples."""
        return max(1, round(labelled * self.share / (1 - self.share)))
