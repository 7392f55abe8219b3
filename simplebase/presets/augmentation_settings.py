"""The items of a recipe's `augmentation` list, each by its name."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, field_validator

from simplebase.presets.preset import YamlSettings

Probability = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1)]


class GeometryFade(NamedTuple):
    """Between the steps `first` and `last` geometry falls from full strength to `remainder`.

    The strength multiplies angles, logarithms of scales, shifts and the probability of half
    bodies. Flips do not fade.
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
    """Turns by up to `degrees` either way."""

    name: Literal["rotation"] = "rotation"
    degrees: float = Field(40.0, ge=0, le=180)
    probability: Probability = 1.0


class ScaleSettings(YamlSettings):
    """Magnifies by up to `factor` or shrinks by as much, uniformly in the logarithm."""

    name: Literal["scale"] = "scale"
    factor: float = Field(1.3, ge=1)


class ShiftSettings(YamlSettings):
    """Moves by up to `fraction` of the input's width and height."""

    name: Literal["shift"] = "shift"
    fraction: float = Field(0.1, ge=0, le=0.5)


class HalfBodySettings(YamlSettings):
    """Zooms to the upper or the lower body where `min_keypoints` are labelled."""

    name: Literal["half_body"] = "half_body"
    probability: Probability = 0.3
    min_keypoints: int = Field(8, ge=1)


class BrightnessSettings(YamlSettings):
    """Adds up to `amount` of white, or takes it away."""

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
    """Takes all colour away."""

    name: Literal["grayscale"] = "grayscale"
    probability: Probability = 0.1


class SharpnessSettings(YamlSettings):
    """Multiplies the distance from the smoothed image by 1 plus or minus up to `amount`."""

    name: Literal["sharpness"] = "sharpness"
    amount: Amount = 0.5
    probability: Probability = 0.5


class BlurSettings(YamlSettings):
    """Blurs by a Gaussian of up to `sigma` pixels."""

    name: Literal["blur"] = "blur"
    sigma: float = Field(1.5, gt=0, le=8)
    probability: Probability = 0.2


class EqualizationSettings(YamlSettings):
    """Makes all values of a channel about equally frequent."""

    name: Literal["equalization"] = "equalization"
    probability: Probability = 0.1


class RandomCutoutSettings(YamlSettings):
    """Covers `count` rectangles; their sides are a fraction within `size` of the input's.

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
            raise ValueError("the smallest and the largest fraction, above 0 and at most 1")
        return size


class KerasCVSettings(YamlSettings):
    """A layer of KerasCV that moves nothing; all other keys are its constructor's arguments.

    What KerasCV has, and which arguments a layer takes, is checked when the layer is built.
    """

    model_config = ConfigDict(extra="allow")

    name: Literal["keras_cv"] = "keras_cv"
    layer: str = Field(min_length=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the layer's constructor."""
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
    """The list itself; ValueError if an item occurs twice in it."""
    names = [
        f"keras_cv {item.layer}" if isinstance(item, KerasCVSettings) else item.name
        for item in augmentation
    ]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} occurs twice")
    return augmentation
