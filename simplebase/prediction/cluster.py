"""The Ray engine: Ray Data, with pools of actors that open the model once.

The chunks of the inputs are the rows of a Ray dataset. By default, each actor does everything for
its chunks, like a thread of the local engine. With `readers`, some actors read, detect and crop,
and pass the crops to others that run the model, so the number of each can be chosen. If an actor is
lost, Ray starts another one and repeats the unfinished chunks. The rows are sent to the calling
process, which writes them.
"""

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.extras import import_with_extras
from simplebase.prediction.crops import CropReader, Crops, opened
from simplebase.prediction.inputs import Chunk, Inputs, Part
from simplebase.prediction.rows import PoseModel, Rows, open_model
from simplebase.prediction.settings import PredictionSettings
from simplebase.ray_cluster import ClusterOptions, connected_ray
from simplebase.threads import usable_cores

_CHUNKS_PER_BLOCK = 4
"""A block is repeated if its actor is lost. Smaller blocks cost more of Ray's time per chunk."""
_BLOCKS_PER_CORE = 4

Batch = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class WorkerSpec:
    """What an actor needs to start. It opens the files by the same paths as the calling process.

    Args:
        model: the model file.
        sha256: the SHA-256 of this file.
        settings: the settings of the prediction.
        root: see `Inputs`.
        packed: see `Inputs`.
    """

    model: Path
    sha256: str
    settings: PredictionSettings
    root: str
    packed: str | None

    @classmethod
    def of(
        cls, inputs: Inputs, model: Path, sha256: str, settings: PredictionSettings
    ) -> "WorkerSpec":
        """Makes the paths absolute, because actors run in other folders."""
        places = {
            name: os.path.abspath(path)
            for name in ("boxes", "detector")
            if (path := getattr(settings, name)) is not None
        }
        settings = replace(settings, **places)
        return cls(model.absolute(), sha256, settings, inputs.root, inputs.packed)

    def open_model(self, num_cpus: float) -> PoseModel:
        """Opens the model on that many threads."""
        return open_model(self.model, self.settings, self.sha256, max(1, int(num_cpus)))

    def open_reader(self) -> CropReader:
        """Opens a reader that cuts out the crops that the model needs."""
        from simplebase.runtimes import load_runtime

        metadata = load_runtime(self.model, 1).metadata
        return CropReader(metadata, self.settings, self.root, self.packed)


class Predictor:
    """An actor that does everything: it turns chunks into rows."""

    def __init__(self, spec: WorkerSpec, num_cpus: float) -> None:
        self._model = spec.open_model(num_cpus)
        self._reader = CropReader(self._model.metadata, spec.settings, spec.root, spec.packed)
        self._size = spec.settings.batch_size

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Yields the rows of each chunk."""
        for chunk in _chunks(batch, self._size):
            yield _packed(self._model(self._reader(chunk)))


class Reader:
    """An actor that reads, detects and crops: it turns chunks into crops."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._reader = spec.open_reader()
        self._size = spec.settings.batch_size

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Yields the crops of each chunk."""
        for chunk in _chunks(batch, self._size):
            yield _packed(self._reader(chunk))


class Model:
    """An actor that runs the model: it turns crops into rows."""

    def __init__(self, spec: WorkerSpec, num_cpus: float) -> None:
        self._model = spec.open_model(num_cpus)

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Yields the rows for the crops of each chunk."""
        for crops in _unpacked(batch):
            yield _packed(self._model(crops))


def predict_on_ray(
    inputs: Inputs, parts: Sequence[Part], spec: WorkerSpec, options: ClusterOptions
) -> Iterator[Rows]:
    """Yields the rows of each chunk of `parts` as soon as the chunk is done.

    Args:
        inputs: the images and videos.
        parts: the parts of `inputs` to predict.
        spec: what the actors need to start.
        options: the cluster and the number of actors.

    Raises:
        MissingPackageError: Ray is not installed, or simplebase is missing on a machine.
        DataError: there is no cluster at the address.
        SimplebaseError: an actor raised it.
    """
    with connected_ray(options) as ray:
        data: Any = import_with_extras("ray.data")
        size = spec.settings.batch_size
        chunks = [
            {"item": pickle.dumps(chunk)} for part in parts for chunk in inputs.chunks(part, size)
        ]
        cores = int(ray.cluster_resources().get("CPU", usable_cores()))
        blocks = max(len(chunks) // _CHUNKS_PER_BLOCK, _BLOCKS_PER_CORE * cores)
        dataset = data.from_items(chunks, override_num_blocks=min(len(chunks), blocks))

        def pool(size: int | None) -> Any:
            if size is None:
                return data.ActorPoolStrategy(min_size=1, max_size=None)
            return data.ActorPoolStrategy(size=size)

        asked = {"batch_size": 1, "num_cpus": options.num_cpus, "batch_format": "numpy"}
        if options.num_gpus:
            asked["num_gpus"] = options.num_gpus
        if options.has_readers:
            dataset = dataset.map_batches(
                Reader,
                batch_size=1,
                num_cpus=1,
                batch_format="numpy",
                compute=pool(options.readers),
                fn_constructor_args=[spec],
            )
        dataset = dataset.map_batches(
            Model if options.has_readers else Predictor,
            compute=pool(options.concurrency),
            fn_constructor_args=[spec, options.num_cpus],
            **asked,
        )
        for batch in dataset.iter_batches(batch_size=None, batch_format="numpy"):
            yield from _unpacked(batch)


def _chunks(batch: Batch, size: int) -> Iterator[Chunk]:
    for chunk in _unpacked(batch):
        yield from opened(chunk, size)


def _packed(content: Rows | Crops) -> Batch:
    # An array of dtype bytes would drop trailing zeros.
    return {"item": np.array([pickle.dumps(content)], object)}


def _unpacked(batch: Batch) -> Iterator[Any]:
    # These pickles are safe: they hold our own classes and come from our own actors.
    for item in batch["item"]:
        yield pickle.loads(item)
