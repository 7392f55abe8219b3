"""The items of a recipe's `augmentation` list."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, field_validator

from simplebase.presets.preset import YamlSettings

Probability = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1)]


class GeometryFade(NamedTuple):
    """Reduces the geometry from full strength at step `first` to `remainder` at step `last`.

    The strength multiplies angles, logarithms of scales, shifts and the probability of half
    bodies. Flips are not affected.
    """

    first: float
    last: float
    remainder: float = 0.0


class HorizontalFlipSettings(YamlSettings):
    """Mirrors left to right."""

    name: Literal["horizontal_flip"] = "horizontal_flip"
    probability: Probability = 0.5


class VerticalFlipSettings(YamlSettings):
    """Mirrors top to bottom."""

    name: Literal["vertical_flip"] = "vertical_flip"
    probability: Probability = 0.5


class RotationSettings(YamlSettings):
    """Rotates by up to `degrees` in either direction."""

    name: Literal["rotation"] = "rotation"
    degrees: float = Field(40.0, ge=0, le=180)
    probability: Probability = 1.0


class ScaleSettings(YamlSettings):
    """Magnifies or shrinks by up to `factor`, distributed uniformly in the logarithm."""

    name: Literal["scale"] = "scale"
    factor: float = Field(1.3, ge=1)


class ShiftSettings(YamlSettings):
    """Shifts by up to `fraction` of the input's width and height."""

    name: Literal["shift"] = "shift"
    fraction: float = Field(0.1, ge=0, le=0.5)


class HalfBodySettings(YamlSettings):
    """Zooms in on the upper or lower body if at least `min_keypoints` are labelled."""

    name: Literal["half_body"] = "half_body"
    probability: Probability = 0.3
    min_keypoints: int = Field(8, ge=1)


class BrightnessSettings(YamlSettings):
    """Adds or subtracts up to `amount` of white."""

    name: Literal["brightness"] = "brightness"
    amount: Amount = 0.2
    probability: Probability = 1.0


class ContrastSettings(YamlSettings):
    """Multiplies the distance from mid-grey by 1 plus or minus up to `amount`."""

    name: Literal["contrast"] = "contrast"
    amount: Amount = 0.2
    probability: Probability = 1.0


class ChromaSettings(YamlSettings):
    """Multiplies the distance from the pixel's own grey by 1 plus or minus up to `amount`."""

    name: Literal["chroma"] = "chroma"
    amount: Amount = 0.2
    probability: Probability = 1.0


class GrayscaleSettings(YamlSettings):
    """Removes all colour."""

    name: Literal["grayscale"] = "grayscale"
    probability: Probability = 0.1


class SharpnessSettings(YamlSettings):
    """Multiplies the distance from the smoothed image by 1 plus or minus up to `amount`."""

    name: Literal["sharpness"] = "sharpness"
    amount: Amount = 0.5
    probability: Probability = 0.5


class BlurSettings(YamlSettings):
    """Blurs with a Gaussian of up to `sigma` pixels."""

    name: Literal["blur"] = "blur"
    sigma: float = Field(1.5, gt=0, le=8)
    probability: Probability = 0.2


class EqualizationSettings(YamlSettings):
    """Equalises each channel's histogram, so that all values are about equally frequent."""

    name: Literal["equalization"] = "equalization"
    probability: Probability = 0.1


class RandomCutoutSettings(YamlSettings):
    """Covers `count` rectangles, whose sides are between `size[0]` and `size[1]` of the input's.

    The defaults are those of RTMPose's CoarseDropout (https://arxiv.org/abs/2303.07399).
    """

    name: Literal["random_cutout"] = "random_cutout"
    size: tuple[float, float] = (0.2, 0.4)
    count: int = Field(1, ge=1)
    fill: Literal["grey", "noise"] = "grey"
    probability: Probability = 0.5

    @field_validator("size")
    @classmethod
    def _from_small_to_large(cls, size: tuple[float, float]) -> tuple[float, float]:
        if not 0 < size[0] <= size[1] <= 1:
            raise ValueError(
                "expected the smallest, then the largest fraction, above 0 and at most 1"
            )
        return size


class KerasCVSettings(YamlSettings):
    """A KerasCV layer that moves no pixels. All other keys are its constructor's arguments.

    The layer's name and arguments are checked when it is built.
    """

    model_config = ConfigDict(extra="allow")

    name: Literal["keras_cv"] = "keras_cv"
    layer: str = Field(min_length=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the layer's constructor."""
        return dict(self.model_extra or {})


GeometrySettings = (
    HorizontalFlipSettings
    | VerticalFlipSettings
    | RotationSettings
    | ScaleSettings
    | ShiftSettings
    | HalfBodySettings
)
ColourSettings = BrightnessSettings | ContrastSettings | ChromaSettings | GrayscaleSettings
AugmentationSettings = Annotated[
    GeometrySettings
    | ColourSettings
    | SharpnessSettings
    | BlurSettings
    | EqualizationSettings
    | RandomCutoutSettings
    | KerasCVSettings,
    Field(discriminator="name"),
]


def each_once(augmentation: tuple[AugmentationSettings, ...]) -> tuple[AugmentationSettings, ...]:
    """Returns the list; raises ValueError if an item occurs twice in it."""
    names = [
        f"keras_cv {item.layer}" if isinstance(item, KerasCVSettings) else item.name
        for item in augmentation
    ]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} occurs twice")
    return augmentation
