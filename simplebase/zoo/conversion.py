"""Determines the arguments of `convert_weights` for a model of the table."""

from typing import TypedDict

from simplebase.errors import ArgumentError
from simplebase.geometry import Size
from simplebase.presets import Preset, load_preset
from simplebase.skeletons import Skeleton, load_skeleton
from simplebase.zoo.table import ZooModel


class ConversionOptions(TypedDict):
    """Arguments of `simplebase.converters.weights.convert_weights`, by name."""

    preset: Preset | None
    input_size: Size
    skeleton: Skeleton | None
    normalisation: str | None


def conversion_options(model: ZooModel) -> ConversionOptions:
    """Returns the arguments that convert the file of `model` so that it works as published.

    Crop and codec are part of the preset, where they override the converter's defaults for MMPose's
    files.

    Raises:
        ArgumentError: `model` is a detector, which needs no conversion, or a model of the package.
    """
    if model.embedded is not None:
        raise ArgumentError(f"{model.name} is in the package: its file needs no converter.")
    if model.kind == "detector":
        raise ArgumentError(f"{model.name} is a detector: its file is used as it is.")
    preset = skeleton = None
    if model.preset is not None and model.skeleton is not None:
        assert model.crop is not None and model.codec is not None, "a keypoint model has both"
        codec = model.codec.to_config()
        # Heatmaps of all presets have stride 4.
        del codec["stride"]
        settings = load_preset(model.preset).model_dump(exclude_unset=True)
        preset = Preset.model_validate({**settings, "crop": model.crop.to_config(), "codec": codec})
        skeleton = load_skeleton(model.skeleton)
    return ConversionOptions(
        preset=preset,
        input_size=model.input_size,
        skeleton=skeleton,
        normalisation=model.normalisation,
    )
