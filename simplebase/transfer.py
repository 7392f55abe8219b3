"""Copies weights from one backbone or head to another with the same layers."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from simplebase.dtypes import DTYPES
from simplebase.errors import DataError, listed
from simplebase.freezing import FROZEN
from simplebase.heads import PREDICTION_LAYER
from simplebase.presets.preset import BackboneSettings, HeadSettings
from simplebase.skeletons.matching import KeypointMatch

# Arguments in which two models with the same layers may differ.
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
"""Arguments that change the features for the same weights."""


def as_trained(mine: Any, theirs: keras.Model, settings: BackboneSettings | HeadSettings) -> Any:
    """Returns `mine`, rebuilt with the arguments of `theirs` that `settings` leave open."""
    if type(mine) is not type(theirs):
        return mine
    config, other = mine.get_config(), theirs.get_config()
    taken = {
        key: other[key]
        for key in (TRAINED_WITH | {"normalisation"}) & config.keys()
        if getattr(settings, key, None) is None and config[key] != other[key]
    }
    return type(mine).from_config(config | taken) if taken else mine


def prediction_layer(head: keras.Model) -> keras.layers.Layer | None:
    """Returns the layer of a head that has weights for each keypoint.

    In a head that is not ours, it is the last layer with weights, if there is one.
    """
    named = [layer for layer in head.layers if layer.name == PREDICTION_LAYER]
    weighted = named or [layer for layer in head.layers if layer.weights]
    return weighted[-1] if weighted else None


def copy_layers(mine: keras.Model, theirs: keras.Model) -> None:
    """Copies all weights.

    Raises:
        DataError: the layers or the shapes of their weights differ. Then nothing is copied.
    """
    _require_same_layers(mine, theirs)
    _assign(_pairs_of_same_shape(mine.weights, theirs.weights))


def copy_head(mine: keras.Model, theirs: keras.Model, match: KeypointMatch) -> None:
    """Copies all weights of a head, and those of its prediction layer by keypoint.

    Args:
        mine: the head with `K` keypoints; those without a match keep their initial weights.
        theirs: the trained head.
        match: maps the keypoints of `mine` to those of `theirs`.

    Raises:
        DataError: see `copy_layers`; or the keypoints differ and the prediction layer is not a
            convolution, so its weights cannot be assigned to keypoints.
    """
    if match.identical:
        copy_layers(mine, theirs)
        return
    _require_same_layers(mine, theirs)
    layer = prediction_layer(mine)
    if not isinstance(layer, keras.layers.Conv2D):
        raise DataError(
            f"the weights are of other keypoints or another order. {mine.name} does not end in a "
            "Conv2D, so which of its weights belong to a keypoint is not known. Give the model "
            f"these keypoints in this order: {listed(match.other_names)}."
        )
    by_keypoint = {id(weight) for weight in layer.weights}
    pairs = list(zip(mine.weights, theirs.weights, strict=True))
    copied = _pairs_of_same_shape(
        [weight for weight, _ in pairs if id(weight) not in by_keypoint],
        [value for weight, value in pairs if id(weight) not in by_keypoint],
    )
    kept = [keypoint for keypoint, place in enumerate(match.places) if place is not None]
    places = [match.places[keypoint] for keypoint in kept]
    for weight, value in pairs:
        if id(weight) in by_keypoint:
            # (1, 1, C, K) or (K,): the keypoints are the last axis of both.
            start = np.array(keras.ops.convert_to_numpy(weight))
            start[..., kept] = keras.ops.convert_to_numpy(value)[..., places]
            copied.append((weight, start))
    _assign(copied)


def _pairs_of_same_shape(mine: Sequence[Any], theirs: Sequence[Any]) -> list[tuple[Any, Any]]:
    pairs = list(zip(mine, theirs, strict=True))
    for weight, value in pairs:
        if weight.shape != value.shape:
            raise DataError(
                f"the weights have {value.path} with the shape {tuple(value.shape)}, but the "
                f"preset has {tuple(weight.shape)}. Choose the preset that they were trained with."
            )
    return pairs


def _assign(pairs: Iterable[tuple[Any, Any]]) -> None:
    for weight, value in pairs:
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
