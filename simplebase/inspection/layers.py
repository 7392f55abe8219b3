"""Describes the layers of a model and the cost of each."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import keras

from simplebase.cost import count_params, gflops, multiply_adds_by_layer
from simplebase.errors import ArgumentError
from simplebase.estimator import SimpleBaseline


@dataclass(frozen=True)
class LayerDescription:
    """A layer, or a part of the model with inner layers.

    Args:
        path: names from the outermost part to the layer, such as `mobilenetv1/conv1`; empty for the
            whole model.
        type: name of its class.
        output_shape: shape without the batch, such as `(h, w, C)`.
        params: number of values without BatchNorm's running statistics.
        multiply_adds: multiply-adds per image.
        layers: its inner layers in the order of computation; empty for a single layer.
    """

    path: str
    type: str
    output_shape: tuple[int | None, ...]
    params: int
    multiply_adds: int
    layers: tuple["LayerDescription", ...] = ()

    @property
    def name(self) -> str:
        """Its own name, without those of the parts around it."""
        return self.path.rpartition("/")[2]

    @property
    def gflops(self) -> float:
        """Operations per image in units of 1e9; each multiply-add counts as two."""
        return gflops(self.multiply_adds)

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        config: dict[str, Any] = {
            "path": self.path,
            "type": self.type,
            "output_shape": list(self.output_shape),
            "params": self.params,
            "gflops": self.gflops,
        }
        if self.layers:
            config["layers"] = [layer.to_config() for layer in self.layers]
        return config


def describe_layers(model: SimpleBaseline) -> LayerDescription:
    """Describes the whole model as a tree: normalisation, backbone and head with their layers."""
    costs = multiply_adds_by_layer(model, model.metadata.input_size)

    def describe(layer: keras.layers.Layer, path: str) -> LayerDescription:
        within = f"{path}/" if path else ""
        return LayerDescription(
            path=path,
            type=type(layer).__name__,
            output_shape=tuple(layer.output.shape[1:]),
            params=count_params(layer),
            multiply_adds=sum(
                cost for place, cost in costs.items() if place == path or place.startswith(within)
            ),
            layers=tuple(describe(inner, f"{within}{inner.name}") for inner in _inner(layer)),
        )

    return describe(model, "")


def find_layer(model: SimpleBaseline, name: str) -> tuple[str, keras.layers.Layer]:
    """Finds a layer by its name or, if several parts have a layer with this name, by its path.

    Raises:
        ArgumentError: no layer has this name, or several have.
    """
    paths = layer_paths(model)
    found = [path for path in paths if name in (path, path.rpartition("/")[2])]
    if len(found) > 1:
        raise ArgumentError(f"several parts have a layer {name!r}: {', '.join(found)}. Name one.")
    if not found:
        raise ArgumentError(f"the model has no layer {name!r}. {nearest(name, paths)}")
    return found[0], paths[found[0]]


def nearest(name: str, paths: Collection[str]) -> str:
    """Returns a sentence that names the layers most similar to `name`."""
    names = [path.rpartition("/")[2] for path in paths]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"Nearest: {', '.join(near)}." if near else "`simplebase inspect MODEL` lists them all."


def layer_paths(model: SimpleBaseline) -> dict[str, keras.layers.Layer]:
    """Returns all layers by path, in the order of computation; a part before its layers."""
    paths: dict[str, keras.layers.Layer] = {}

    def collect(layer: keras.layers.Layer, within: str) -> None:
        for inner in _inner(layer):
            paths[within + inner.name] = inner
            collect(inner, f"{within}{inner.name}/")

    collect(model, "")
    return paths


def _inner(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns the layers of a part, without its input layer."""
    inner = getattr(layer, "layers", [])
    return [one for one in inner if not isinstance(one, keras.layers.InputLayer)]
