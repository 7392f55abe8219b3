"""Weights from one backbone or head to another of the same layers."""

from typing import Any

import keras

from simplebase.dtypes import DTYPES
from simplebase.errors import DataError
from simplebase.freezing import FROZEN
from simplebase.heads import PREDICTION_LAYER
from simplebase.presets.preset import BackboneSettings, HeadSettings

# What two models of the same layers may differ in.
_FREE_ARGUMENTS = {
    "input_size",
    "input_shape",
    "num_keypoints",
    "bn_momentum",
    "normalisation",
    "name",
    DTYPES,
    FROZEN,
}
TRAINED_WITH = {"padding", "stride_in", "bn_epsilon"}
"""Arguments with which the same weights give other features."""


def as_trained(mine: Any, theirs: keras.Model, settings: BackboneSettings | HeadSettings) -> Any:
    """`mine`, or one like it that computes as `theirs` where `settings` do not say how."""
    if type(mine) is not type(theirs):
        return mine
    config, other = mine.get_config(), theirs.get_config()
    taken = {
        key: other[key]
        for key in (TRAINED_WITH | {"normalisation"}) & config.keys()
        if getattr(settings, key, None) is None and config[key] != other[key]
    }
    return type(mine).from_config(config | taken) if taken else mine


def copy_layers(mine: keras.Model, theirs: keras.Model) -> None:
    """Copies all weights but the prediction layer's where the number of keypoints is another.

    Raises:
        DataError: the two have other layers, or another layer's weights have other shapes; then
            nothing is copied.
    """
    _require_same_layers(mine, theirs)
    predicting = {
        id(weight)
        for layer in mine.layers
        if layer.name == PREDICTION_LAYER
        for weight in layer.weights
    }
    same = []
    for weight, value in zip(mine.weights, theirs.weights, strict=True):
        if weight.shape == value.shape:
            same.append((weight, value))
        elif id(weight) not in predicting:
            raise DataError(
                f"the weights have {value.path} with the shape {tuple(value.shape)}, but the "
                f"preset has {tuple(weight.shape)}. Choose the preset that they were trained with."
            )
    for weight, value in same:
        weight.assign(value)


def _require_same_layers(mine: keras.Model, theirs: keras.Model) -> None:
    if type(mine) is not type(theirs):
        raise DataError(
            f"the weights are those of {theirs.name}, but the preset has {mine.name}. Choose the "
            "preset that they were trained with."
        )
    config, other = mine.get_config(), theirs.get_config()
    for key in sorted(config.keys() - _FREE_ARGUMENTS):
        if config[key] != other[key]:
            raise DataError(
                f"the weights have {theirs.name} with {key} {other[key]}, but the preset has "
                f"{config[key]}. Choose the preset that they were trained with."
            )
