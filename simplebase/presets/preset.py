"""The schema of a preset: what the model is."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from simplebase.geometry import Size

INPUT_MULTIPLE = 32
"""Each side of an input is a multiple of the backbone's output stride."""


def _multiple_of_the_stride(size: Size) -> Size:
    if any(side <= 0 or side % INPUT_MULTIPLE for side in size):
        raise ValueError(f"each side is a multiple of {INPUT_MULTIPLE}")
    return size


InputSize = Annotated[Size, AfterValidator(_multiple_of_the_stride)]
"""`(H, W)` that a preset or a recipe may ask for."""


class Settings(BaseModel):
    """Base of all settings read from YAML: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BackboneSettings(Settings):
    """Which backbone, and its constructor's arguments; `None` leaves the class's own default."""

    name: Literal["mobilenetv2"]
    alpha: float | None = Field(None, gt=0)
    bn_momentum: float | None = Field(None, gt=0, lt=1)


class HeadSettings(Settings):
    """Which head, and its constructor's arguments; `None` leaves the class's own default."""

    name: Literal["upsample_lite"]
    channels: tuple[int, ...] | None = None
    bn_momentum: float | None = Field(None, gt=0, lt=1)


class CropSettings(Settings):
    """How the object is cut out of the image, see `simplebase.geometry.Crop`."""

    padding: float = Field(1.25, gt=0)
    center_shift: float = 0.0


class CodecSettings(Settings):
    """How heatmaps are drawn and read, see `simplebase.codec.HeatmapCodec`."""

    sigma: float = Field(2.0, gt=0)
    alignment: Literal["center", "corner"] = "center"


class Preset(Settings):
    """A model by name.

    `params` (trainable) and `gflops` (2 x multiply-adds) are measured for 16 keypoints.
    """

    name: str
    description: str
    backbone: BackboneSettings
    head: HeadSettings
    input_size: InputSize = (256, 256)
    crop: CropSettings = CropSettings()
    codec: CodecSettings = CodecSettings()
    recipe: str = "default"
    params: int | None = None
    gflops: float | None = None

    def summary(self) -> dict[str, Any]:
        """What a table of presets shows."""
        return {
            "name": self.name,
            "backbone": self.backbone.name,
            "head": self.head.name,
            "input_size": list(self.input_size),
            "params": self.params,
            "gflops": self.gflops,
            "description": self.description,
        }
