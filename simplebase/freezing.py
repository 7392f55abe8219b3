"""Which layers of a model are frozen, as a part of its config, so that its file keeps it.

Keras keeps `trainable` in the config of each layer, which the configs of our models do not contain:
they hold the arguments from which the layers are built.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from simplebase.errors import DataError

FROZEN = "frozen"
"""The key in a config. It is there only if something is frozen."""

_ITSELF = "."


def frozen_config(model: keras.Model) -> dict[str, Any]:
    """What the config of `model` says: the frozen layers, each by its place.

    `2/5` is the sixth layer of the third one, `.` the model itself. Places, because Keras counts up
    the names that it gives, so that they are others in the next model.
    """
    frozen = [place for place, layer in _walk(model) if not layer.trainable]
    return {FROZEN: frozen} if frozen else {}


def freeze_layers(model: keras.Model, places: Iterable[str]) -> None:
    """Freezes the layers at `places` and no others.

    Raises:
        DataError: `model` has no such layer.
    """
    frozen, layers = set(places), dict(_walk(model))
    if unknown := sorted(frozen - layers.keys()):
        raise DataError(
            f"the config of {model.name} has a frozen layer at {unknown[0]!r}, where the model "
            "has none with weights."
        )
    # Keras sets the layers of a model with it: a model comes before its layers.
    for place, layer in layers.items():
        layer.trainable = place not in frozen


@contextmanager
def unfrozen(model: keras.Model) -> Iterator[None]:
    """Within it no layer of `model` is frozen; after it, the same ones as before."""
    before = frozen_config(model).get(FROZEN, [])
    freeze_layers(model, [])
    try:
        yield
    finally:
        freeze_layers(model, before)


def _walk(model: keras.Model, above: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """A model and its layers that have weights, with their places; a model before its layers."""
    yield above.rstrip("/") or _ITSELF, model
    for index, layer in enumerate(model.layers):
        if isinstance(layer, keras.Model):
            yield from _walk(layer, f"{above}{index}/")
        elif layer.weights:
            yield f"{above}{index}", layer
