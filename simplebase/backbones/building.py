"""Builds the backbone of a preset and loads its initial weights."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from simplebase.backbones import BACKBONES
from simplebase.backbones.backbone import Backbone, BackboneWeights, NamedWeights, load_backbone
from simplebase.errors import ArgumentError, SimplebaseWarning
from simplebase.geometry import Size
from simplebase.presets.preset import BackboneSettings
from simplebase.transfer import as_trained, copy_layers


def family(settings: BackboneSettings) -> type[Backbone]:
    """Returns the class of a preset's `backbone`."""
    constructor: Any = BACKBONES[settings.name]
    return cast(
        type[Backbone], constructor.func if isinstance(constructor, partial) else constructor
    )


def build_backbone(
    settings: BackboneSettings, input_size: Size, weights: BackboneWeights
) -> Backbone:
    """Builds a backbone.

    Args:
        settings: the `backbone` of a preset.
        input_size: `(H, W)`, each a multiple of 32.
        weights: see `backbone_weights` of `Backbone.from_preset`.

    Raises:
        ArgumentError: ImageNet weights were required and cannot be downloaded.
        MissingFileError: `weights` is a path, but no file.
        DataError: the file does not match the backbone.
    """
    arguments = settings.model_dump(exclude={"name"}, exclude_none=True)
    backbone = BACKBONES[settings.name](input_size=input_size, **arguments)
    trained = _saved(weights)
    if trained is None:
        _load(backbone, weights)
        return backbone
    backbone = as_trained(backbone, trained, settings)
    copy_layers(backbone, trained)
    return backbone


def _saved(weights: BackboneWeights) -> Backbone | None:
    """Returns the backbone of a `.keras` file that `simplebase convert weights` wrote."""
    if weights in get_args(NamedWeights) or Path(weights).suffix != ".keras":
        return None
    return load_backbone(Path(weights))


def _load(backbone: Backbone, weights: BackboneWeights) -> None:
    if weights == "none":
        return
    if weights not in ("auto", "imagenet"):
        backbone.load_file(Path(weights))
        return
    try:
        backbone.load_imagenet()
    except ArgumentError as error:
        if weights == "imagenet":
            raise
        warnings.warn(
            f"{error} The model starts from random weights.", SimplebaseWarning, stacklevel=4
        )
