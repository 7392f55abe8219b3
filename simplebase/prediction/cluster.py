"""The Ray engine: Ray Data, with pools of actors that open the model once.

The chunks of the inputs are the rows of a Ray dataset. Either each actor does all with its chunks,
as a thread of the local engine does; or, with `readers`, actors that read, detect and crop feed
others that have the model, so that both scale apart. Ray starts an actor that was lost again and
repeats what it was working on. The rows come back to the process that asked, which commits them.
"""

import logging
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingPackageError,
    SimplebaseError,
    first_line,
)
from simplebase.extras import import_with_extras
from simplebase.prediction.crops import CropReader, Crops, opened
from simplebase.prediction.inputs import Chunk, Inputs, Part
from simplebase.prediction.rows import PoseModel, Rows, open_model
from simplebase.prediction.settings import PredictionSettings
from simplebase.threads import usable_cores
from simplebase.version import __version__

_CHUNKS_PER_BLOCK = 4
"""What is repeated when an actor is lost; fewer cost more of Ray's own time per chunk."""
_BLOCKS_PER_CORE = 4

Batch = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ClusterOptions:
    """What Ray is asked for.

    Args:
        address: of a cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`; by default `RAY_ADDRESS`,
            else a cluster of this machine alone, which ends with the prediction. A connection that
            this process has already is used as it is.
        concurrency: actors that have the model; by default as many as there is room for.
        num_cpus: of each of them.
        num_gpus: of each of them.
        readers: actors of one CPU each that read, detect and crop for them. By default, with
            `num_gpus`, as many as there is room for; without, the actors that have the model do it.

    Raises:
        ArgumentError: a number below what can be.
    """

    address: str | None = None
    concurrency: int | None = None
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    readers: int | None = None

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for name in ("concurrency", "readers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"--{name} is a number of actors above 0. Received: {value}.")
        if not self.num_cpus > 0 or not self.num_gpus >= 0:
            raise ArgumentError(
                "--num-cpus is above 0 and --num-gpus is not below 0. Received: "
                f"{self.num_cpus:g} and {self.num_gpus:g}."
            )

    @property
    def has_readers(self) -> bool:
        """Whether reading and the model are apart."""
        return self.readers is not None or self.num_gpus > 0


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
    ray: Any = import_with_extras("ray")
    data: Any = import_with_extras("ray.data")
    with _connected(ray, data, options), _explained(ray):
        require_on_all_nodes(ray)
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


def require_on_all_nodes(ray: Any, package: str = "simplebase") -> None:
    """Asks each machine of a cluster whether it has this version of the package.

    Raises:
        MissingPackageError: one has not; the message says what to do.
    """

    # Inside a function, so that it travels by value and not as a name in a module of ours.
    def version(name: str) -> str | None:
        import importlib

        try:
            return str(importlib.import_module(name).__version__)
        except ImportError:
            return None

    affinity = import_with_extras("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
    nodes = [node for node in ray.nodes() if node["Alive"]]
    ask = ray.remote(num_cpus=0)(version)
    answers = ray.get(
        [
            ask.options(scheduling_strategy=affinity(node["NodeID"], soft=True)).remote(package)
            for node in nodes
        ]
    )
    for node, found in zip(nodes, answers, strict=True):
        if found != __version__:
            has = "does not have the package" if found is None else f"has version {found} of"
            raise MissingPackageError(
                f"{node['NodeManagerAddress']} of the Ray cluster {has} {package}; this is "
                f"{__version__}. Run there: pip install '{package}[ray]=={__version__}', or start "
                "the cluster with a runtime_env that installs it."
            )


@contextmanager
def _connected(ray: Any, data: Any, options: ClusterOptions) -> Iterator[None]:
    """Within it there is a cluster, and Ray is quiet."""
    ours = not ray.is_initialized()
    if ours:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Its core prints errors that it gets over, such as an actor that was lost.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        # Ray 2.60 announces a change of what num_gpus=0 means.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        here = options.address is None and "RAY_ADDRESS" not in os.environ
        try:
            ray.init(
                address=options.address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({"num_cpus": usable_cores(), "include_dashboard": False} if here else {}),
            )
        except Exception as error:  # of many kinds, bare ones among them
            reason = first_line(error).rstrip(".")
            if here:
                raise DataError(f"Ray cannot start on this machine: {reason}.") from error
            raise DataError(
                f"there is no Ray cluster at {options.address or os.environ.get('RAY_ADDRESS')}: "
                f"{reason}. `ray start --head` starts one; --address auto finds it."
            ) from error
    context = data.DataContext.get_current()
    earlier = context.enable_progress_bars
    logger = logging.getLogger("ray.data")
    level = logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = earlier
        logger.setLevel(level)
        if ours:
            ray.shutdown()


@contextmanager
def _explained(ray: Any) -> Iterator[None]:
    """Raises what an actor raised as if it had been here.

    Raises:
        SimplebaseError: of ours.
        DataError: Ray gave up for another reason.
    """
    try:
        yield
    except SimplebaseError as error:
        # Ray's own class besides, with the trace of the actor as its text.
        cause = getattr(error, "cause", None)
        if isinstance(cause, SimplebaseError):
            raise cause from None
        raise
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, SimplebaseError):
            raise cause from None
        raise DataError(
            f"Ray stopped: {first_line(cause or error)} What is finished is kept; the same command "
            "goes on."
        ) from error
