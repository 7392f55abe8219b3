"""Stores which layers of a model are frozen in its config, and thus in its file.

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
    """Returns the config's entry for `model`: the frozen layers by their positions.

    `2/5` is the sixth layer of the third layer, `.` the model itself. Names cannot be used, because
    Keras numbers them, so they differ in the next model.
    """
    frozen = [place for place, layer in _walk(model) if not layer.trainable]
    return {FROZEN: frozen} if frozen else {}


def freeze_layers(model: keras.Model, places: Iterable[str]) -> None:
    """Freezes the layers at `places` and no others.

    Raises:
        DataError: `model` does not have one of the layers.
    """
    frozen, layers = set(places), dict(_walk(model))
    if unknown := sorted(frozen - layers.keys()):
        raise DataError(
            f"the config of {model.name} has a frozen layer at {unknown[0]!r}, where the model "
            "has none with weights."
        )
    # Freezing a model also freezes its layers, so a model comes before its layers.
    for place, layer in layers.items():
        layer.trainable = place not in frozen


@contextmanager
def unfrozen(model: keras.Model) -> Iterator[None]:
    """Unfreezes all layers of `model` within the block, and restores them afterwards."""
    before = frozen_config(model).get(FROZEN, [])
    freeze_layers(model, [])
    try:
        yield
    finally:
        freeze_layers(model, before)


def _walk(model: keras.Model, above: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields a model and its layers with weights, with positions; a model before its layers."""
    yield above.rstrip("/") or _ITSELF, model
    for index, layer in enumerate(model.layers):
        if isinstance(layer, keras.Model):
            yield from _walk(layer, f"{above}{index}/")
        elif layer.weights:
            yield f"{above}{index}", layer
