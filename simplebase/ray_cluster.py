"""Connects to a Ray cluster of one or many machines, and explains its errors."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingPackageError,
    SimplebaseError,
    first_line,
)
from simplebase.extras import import_with_extras
from simplebase.threads import usable_cores
from simplebase.version import __version__


@dataclass(frozen=True)
class ClusterOptions:
    """The Ray cluster and its actors.

    Args:
        address: address of a cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`. The default is
            `RAY_ADDRESS`, or else a new cluster on this machine that ends with the prediction. If
            this process is already connected, that connection is used.
        concurrency: number of actors that run the model; by default as many as there is room for.
        num_cpus: number of CPUs for each model actor.
        num_gpus: number of GPUs for each model actor.
        readers: number of actors that read, detect and crop, with one CPU each. By default, there
            are as many as there is room for if `num_gpus` is above 0. Otherwise, the actors that
            run the model also read.

    Raises:
        ArgumentError: a number is too small.
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
                raise ArgumentError(f"--{name} must be at least 1. Received: {value}.")
        if not self.num_cpus > 0 or not self.num_gpus >= 0:
            raise ArgumentError(
                "--num-cpus must be above 0, and --num-gpus must not be negative. Received: "
                f"{self.num_cpus:g} and {self.num_gpus:g}."
            )

    @property
    def has_readers(self) -> bool:
        """Whether separate actors read the images."""
        return self.readers is not None or self.num_gpus > 0


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
def connected_ray(options: ClusterOptions) -> Iterator[Any]:
    """Yields the module `ray`; within it there is a cluster, and Ray is quiet.

    Errors that a worker raised are raised as if they had been here.

    Raises:
        MissingPackageError: Ray is not installed, or simplebase is not on all machines.
        DataError: there is no cluster at the address, or Ray gave up.
    """
    ray: Any = import_with_extras("ray")
    data: Any = import_with_extras("ray.data")
    with _connected(ray, data, options), _explained(ray):
        require_on_all_nodes(ray)
        yield ray


@contextmanager
def _connected(ray: Any, data: Any, options: ClusterOptions) -> Iterator[None]:
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
            f"Ray stopped: {first_line(cause or error)} Finished parts are kept. Run the same "
            "command again to continue."
        ) from error
