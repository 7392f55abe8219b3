"""The Ray engine: Ray Data, with pools of actors that open the model once.

The chunks of the inputs are the rows of a Ray dataset. Either each actor does all with its chunks,
as a thread of the local engine does; or, with `readers`, actors that read, detect and crop feed
others that have the model, so that both scale apart. Ray starts an actor that was lost again and
repeats what it was working on. The rows come back to the process that asked, which commits them.
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
"""What is repeated when an actor is lost; fewer cost more of Ray's own time per chunk."""
_BLOCKS_PER_CORE = 4

Batch = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class WorkerSpec:
    """What an actor needs to begin; files are opened there, by the same paths.

    Args:
        model: the model file.
        sha256: of the file.
        settings: where to look, and how.
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
        """With absolute paths: actors run in other folders."""
        places = {
            name: os.path.abspath(path)
            for name in ("boxes", "detector")
            if (path := getattr(settings, name)) is not None
        }
        settings = replace(settings, **places)
        return cls(model.absolute(), sha256, settings, inputs.root, inputs.packed)

    def open_model(self, num_cpus: float) -> PoseModel:
        """The model, on that many threads."""
        return open_model(self.model, self.settings, self.sha256, max(1, int(num_cpus)))

    def open_reader(self) -> CropReader:
        """The reader, for crops of the model."""
        from simplebase.runtimes import load_runtime

        metadata = load_runtime(self.model, 1).metadata
        return CropReader(metadata, self.settings, self.root, self.packed)


class Predictor:
    """An actor that does all: chunks in, rows out."""

    def __init__(self, spec: WorkerSpec, num_cpus: float) -> None:
        self._model = spec.open_model(num_cpus)
        self._reader = CropReader(self._model.metadata, spec.settings, spec.root, spec.packed)
        self._size = spec.settings.batch_size

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """The rows of each chunk."""
        for chunk in _chunks(batch, self._size):
            yield _packed(self._model(self._reader(chunk)))


class Reader:
    """An actor that reads, detects and crops: chunks in, crops out."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._reader = spec.open_reader()
        self._size = spec.settings.batch_size

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """The crops of each chunk."""
        for chunk in _chunks(batch, self._size):
            yield _packed(self._reader(chunk))


class Model:
    """An actor that has the model: crops in, rows out."""

    def __init__(self, spec: WorkerSpec, num_cpus: float) -> None:
        self._model = spec.open_model(num_cpus)

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """The rows of each chunk's crops."""
        for crops in _unpacked(batch):
            yield _packed(self._model(crops))


def predict_on_ray(
    inputs: Inputs, parts: Sequence[Part], spec: WorkerSpec, options: ClusterOptions
) -> Iterator[Rows]:
    """What is found in the chunks of `parts`, in the order in which they are done.

    Args:
        inputs: what is looked at.
        parts: of these the ones that are wanted.
        spec: of the actors.
        options: what Ray is asked for.

    Raises:
        MissingPackageError: Ray is not installed, or simplebase is not on all machines.
        DataError: there is no cluster at the address.
        SimplebaseError: what an actor raised.
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
    # An array of bytes would drop zeros at the end.
    return {"item": np.array([pickle.dumps(content)], object)}


def _unpacked(batch: Batch) -> Iterator[Any]:
    # Pickles of our own classes, which come from our own actors.
    for item in batch["item"]:
        yield pickle.loads(item)
