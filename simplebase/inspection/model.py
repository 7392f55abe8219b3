"""What a model file says of itself."""

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
    """A model file.

    Args:
        path: the file or folder.
        file_bytes: its size; of a folder, that of its files together.
        metadata: what it says of itself.
        normalisation: a name of `simplebase.normalisation`; None where the format does not tell.
        cost: of the whole network; None where that is not known.
        network: its layers; None where the format keeps none.
    """

    path: str
    file_bytes: int
    metadata: ModelMetadata
    normalisation: str | None
    cost: Cost | None
    network: "LayerDescription | None"

    def to_config(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "path": self.path,
            "file_bytes": self.file_bytes,
            "metadata": self.metadata.to_config(),
            "normalisation": self.normalisation,
            "cost": None if self.cost is None else self.cost._asdict(),
            "network": None if self.network is None else self.network.to_config(),
        }


def inspect_model(path: str | os.PathLike[str]) -> ModelDescription:
    """Opens a model of any format; only those of Keras have layers.

    Raises:
        ArgumentError, MissingFileError, DataError: as `load_runtime`.
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
    """The layers of a Keras model, and its normalisation; None, None of any other."""
    if not isinstance(runtime, Layered):
        return None, None
    # Imported here: it imports Keras, which no other model needs.
    from simplebase.inspection.layers import describe_layers

    return describe_layers(runtime.model), runtime.model.normalisation


def open_network(path: str | os.PathLike[str]) -> "SimpleBaseline":
    """The Keras model in a file.

    Raises:
        ArgumentError: the file is of another format, without layers.
        ArgumentError, MissingFileError, DataError: as `load_runtime`.
    """
    runtime = load_runtime(path)
    if not isinstance(runtime, Layered):
        raise ArgumentError(
            f"{path} is not a Keras model of simplebase, so there are no layers to draw. Give the "
            ".keras file that it was made from."
        )
    return runtime.model
