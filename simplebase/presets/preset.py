"""The schema of a preset, which describes a model."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from simplebase.codec import BLUR_KERNELS, WIDEST_SIGMA, Alignment
from simplebase.errors import ArgumentError, shown
from simplebase.geometry import LARGEST_PADDING, LARGEST_SHIFT, LONGEST_SIDE, Size

INPUT_MULTIPLE = 32
"""Each side of an input is a multiple of the backbone's output stride."""


def _multiple_of_the_stride(size: Size) -> Size:
    if any(side <= 0 or side % INPUT_MULTIPLE for side in size):
        raise ValueError(f"each side must be a multiple of {INPUT_MULTIPLE}")
    if max(size) > LONGEST_SIDE:
        raise ValueError(f"each side must be at most {LONGEST_SIDE}")
    return size


InputSize = Annotated[Size, AfterValidator(_multiple_of_the_stride)]
"""An input size `(H, W)` that a preset or a recipe may have."""


class YamlSettings(BaseModel):
    """Base class of settings from YAML. Unknown keys are errors, and instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def first_problem(error: ValidationError, schema: type[YamlSettings]) -> tuple[str, str]:
    """Returns the key of the first problem, and a sentence on what was expected and received.

    The key is empty if several keys are inconsistent; the sentence then names them.
    """
    first = error.errors()[0]
    key = ".".join(str(part)[:60] for part in first["loc"][:10])
    expected = f"{first['msg'].removeprefix('Value error, ')}."
    received = f" Received: {shown(first['input'])}."
    if first["type"] == "missing" or not key:
        # The input is then the whole content of the file.
        received = ""
    elif first["type"] == "extra_forbidden":
        known = _fields_at(first["loc"], schema)
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        expected = f"unknown key; did you mean {near[0]!r}?" if near else "unknown key."
    elif first["type"] in ("union_tag_not_found", "model_attributes_type"):
        expected = "an item must be a mapping with a name, such as {name: rotation, degrees: 30}."
    elif first["type"] == "union_tag_invalid":
        expected = f"name must be one of {first['ctx']['expected_tags']}."
        received = f" Received: {shown(first['ctx']['tag'])}."
    return key, expected + received


def _fields_at(place: Sequence[str | int], schema: type[BaseModel]) -> list[str]:
    """Returns the keys that are allowed where the key `place` is; none if that is no mapping."""
    found: Any = schema
    for part in place[:-1]:
        annotation = found.model_fields[part].annotation if part in found.model_fields else None
        schemas = [each for each in (annotation, *get_args(annotation)) if _is_schema(each)]
        if len(schemas) != 1:
            return []
        found = schemas[0]
    return list(found.model_fields)


def _is_schema(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class BackboneSettings(YamlSettings):
    """A backbone and its constructor's arguments; `None` stands for the class's own default."""

    name: Literal[
        "resnet50",
        "resnet101",
        "resnet152",
        "mobilenetv1",
        "mobilenetv2",
        "mobilenetv3large",
        "mobilenetv3small",
        "peleenet",
        "ghostnet",
    ]
    alpha: float | None = Field(default=None, gt=0)
    bn_momentum: float | None = Field(default=None, gt=0, lt=1)
    bn_epsilon: float | None = Field(default=None, gt=0)
    padding: Literal["same", "symmetric"] | None = None
    stride_in: Literal["1x1", "3x3"] | None = None
    stem_channels: PositiveInt | None = None

    @model_validator(mode="after")
    def _arguments_that_the_family_has(self) -> "BackboneSettings":
        resnet = self.name.startswith("resnet")
        if self.stride_in is not None and not resnet:
            raise ValueError(f"stride_in is an argument of the ResNets, not of {self.name}")
        by_stem = resnet or self.name == "peleenet"
        if self.alpha is not None and by_stem:
            raise ValueError(f"{self.name} has no width multiplier alpha, but stem_channels")
        if self.stem_channels is not None and not by_stem:
            raise ValueError(f"{self.name} has no stem_channels, but a width multiplier alpha")
        return self


class HeadSettings(YamlSettings):
    """A head and its constructor's arguments; `None` stands for the class's own default."""

    name: Literal["deconv", "upsample", "upsample_lite"]
    channels: tuple[PositiveInt, ...] | None = None
    kernel_size: PositiveInt | None = None
    bn_momentum: float | None = Field(default=None, gt=0, lt=1)
    bn_epsilon: float | None = Field(default=None, gt=0)

    @field_validator("channels")
    @classmethod
    def _three_blocks(cls, channels: tuple[int, ...] | None) -> tuple[int, ...] | None:
        # The backbone ends at stride 32 and heatmaps have stride 4.
        if channels is not None and len(channels) != 3:
            raise ValueError("expected 3 values, one for each block")
        return channels


class CropSettings(YamlSettings):
    """How the object is cut out of the image, see `simplebase.geometry.Crop`."""

    padding: float = Field(1.25, gt=0, le=LARGEST_PADDING)
    center_shift: float = Field(0.0, ge=-LARGEST_SHIFT, le=LARGEST_SHIFT)


class CodecSettings(YamlSettings):
    """How heatmaps are encoded and decoded, see `simplebase.codec.HeatmapCodec`."""

    sigma: float = Field(2.0, gt=0, le=WIDEST_SIGMA)
    alignment: Alignment = "center"
    blur_kernel: int | None = None

    @field_validator("blur_kernel")
    @classmethod
    def _odd(cls, blur_kernel: int | None) -> int | None:
        if blur_kernel is not None and blur_kernel not in BLUR_KERNELS:
            raise ValueError(f"expected an odd number from {BLUR_KERNELS[0]} to {BLUR_KERNELS[-1]}")
        return blur_kernel


class Preset(YamlSettings):
    """A named model.

    `params` (without BatchNorm's statistics) and `gflops` (2 x multiply-adds) are those of a model
    with 16 keypoints.
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

    def checked_size(self, input_size: Size | None) -> Size:
        """Returns `input_size` `(H, W)` after checking it, or the preset's size if it is None.

        Raises:
            ArgumentError: a side is too long or not a multiple of 32.
        """
        if input_size is None:
            return self.input_size
        size = int(input_size[0]), int(input_size[1])
        try:
            return _multiple_of_the_stride(size)
        except ValueError as error:
            raise ArgumentError(f"input size: {error}. Received: {size[0]}x{size[1]}.") from error

    def summary(self) -> dict[str, Any]:
        """Returns the columns of the table of presets."""
        return {
            "name": self.name,
            "backbone": self.backbone.name,
            "head": self.head.name,
            "input_size": list(self.input_size),
            "params": self.params,
            "gflops": self.gflops,
            "description": self.description,
        }
