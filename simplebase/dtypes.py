"""Stores the dtype policies of a model's layers in its config.

Keras keeps the dtype policy in the config of each layer, which the configs of our models do not
contain: they hold the arguments from which the layers are built. See `freezing.py`, which keeps
`trainable` in the same way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import keras

from simplebase.errors import DataError

DTYPES = "dtypes"
"""The key in a config. It is there only if something is not float32."""

_FLOAT32 = "float32"
_ITSELF = "."

_Model = TypeVar("_Model", bound=keras.Model)

Policies = Mapping[str, Sequence[str]]
"""Indices of layers by the name of their policy, `.` for the model; others are float32."""


def dtypes_config(model: keras.Model) -> dict[str, Any]:
    """Returns the config's entry for `model`: the layers that are not float32, by their policy.

    `mixed_bfloat16: [".", "3"]` is the model itself and its fourth layer. A model within the model
    has a config of its own.
    """
    policies: dict[str, list[str]] = {}
    for place, layer in _walk(model):
        if layer.dtype_policy.name != _FLOAT32:
            policies.setdefault(layer.dtype_policy.name, []).append(place)
    return {DTYPES: policies} if policies else {}


def build_with(policies: Policies, build: Callable[[], _Model]) -> _Model:
    """Builds a model with the policies of its config.

    Weights get their dtype when they are created, so the model is built under its own policy
    instead of Keras's current one. Then each layer gets its stored policy.

    Raises:
        DataError: the model does not have a stored layer.
        ValueError: Keras does not know a policy.
    """
    own = next((name for name, places in policies.items() if _ITSELF in places), _FLOAT32)
    with dtype_policy(own):
        model = build()
    _set_policies(model, policies)
    return model


def to_float32(model: keras.Model) -> None:
    """Makes all layers of `model` and of its inner models compute in float32."""
    for each in _models(model):
        _set_policies(each, {})


@contextmanager
def in_float32(model: keras.Model) -> Iterator[None]:
    """Makes `model` compute in float32 within the block."""
    before = [(each, dtypes_config(each).get(DTYPES, {})) for each in _models(model)]
    to_float32(model)
    try:
        yield
    finally:
        for each, policies in before:
            _set_policies(each, policies)


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Makes Keras build layers with this policy within the block; existing layers do not change."""
    earlier = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(earlier)


def _set_policies(model: keras.Model, policies: Policies) -> None:
    layers = dict(_walk(model))
    names = {place: name for name, places in policies.items() for place in places}
    if unknown := sorted(names.keys() - layers.keys()):
        raise DataError(
            f"the config of {model.name} has a dtype policy for layer {unknown[0]!r}, which the "
            "model does not have."
        )
    for place, layer in layers.items():
        if layer.dtype_policy.name != (name := names.get(place, _FLOAT32)):
            layer.dtype_policy = name


def _models(model: keras.Model) -> list[keras.Model]:
    return [model, *(layer for layer in model.layers if isinstance(layer, keras.Model))]


def _walk(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields a model and its layers except inner models, with their positions."""
    yield _ITSELF, model
    for index, layer in enumerate(model.layers):
        if not isinstance(layer, keras.Model):
            yield str(index), layer
