"""Describes a model file."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simplebase.errors import ArgumentError
from simplebase.files import stored_bytes
from simplebase.metadata import Cost, ModelMetadata
from simplebase.runtimes import Layered, Runtime, load_runtime

if TYPE_CHECKING:
    from simplebase.estimator import SimpleBaseline
    from simplebase.inspection.layers import LayerDescription


@dataclass(frozen=True)
class ModelDescription:
    """The description of a model file.

    Args:
        path: the file or folder.
        file_bytes: size of the file, or of all files in the folder.
        metadata: its metadata.
        normalisation: a name of `simplebase.normalisation`; None if the format does not store it.
        cost: cost of the whole network; None if unknown.
        network: its layers; None if the format does not store them.
    """

    path: str
    file_bytes: int
    metadata: ModelMetadata
    normalisation: str | None
    cost: Cost | None
    network: "LayerDescription | None"

    def to_config(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {
            "path": self.path,
            "file_bytes": self.file_bytes,
            "metadata": self.metadata.to_config(),
            "normalisation": self.normalisation,
            "cost": None if self.cost is None else self.cost._asdict(),
            "network": None if self.network is None else self.network.to_config(),
        }


def inspect_model(path: str | os.PathLike[str]) -> ModelDescription:
    """Describes a model of any format; only Keras models have layers.

    Raises:
        ArgumentError, MissingFileError, DataError: see `load_runtime`.
    """
    runtime = load_runtime(path)
    network, normalisation = _network(runtime)
    return ModelDescription(
        path=os.fspath(path),
        file_bytes=stored_bytes(path),
        metadata=runtime.metadata,
        normalisation=normalisation,
        cost=Cost(network.params, network.gflops) if network else runtime.metadata.cost,
        network=network,
    )


def _network(runtime: Runtime) -> "tuple[LayerDescription | None, str | None]":
    """Returns the layers and the normalisation of a Keras model; None, None for any other."""
    if not isinstance(runtime, Layered):
        return None, None
    # Imported here, because it imports Keras, which other models do not need.
    from simplebase.inspection.layers import describe_layers

    return describe_layers(runtime.model), runtime.model.normalisation


def open_network(path: str | os.PathLike[str]) -> "SimpleBaseline":
    """Opens the Keras model in a file.

    Raises:
        ArgumentError: the file is of another format, without layers.
        ArgumentError, MissingFileError, DataError: see `load_runtime`.
    """
    runtime = load_runtime(path)
    if not isinstance(runtime, Layered):
        raise ArgumentError(
            f"{path} is not a Keras model of simplebase, so there are no layers to draw. Give the "
            ".keras file from which it was made."
        )
    return runtime.model
