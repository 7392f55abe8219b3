"""Runtimes: one file a model format, all behind one protocol."""

from simplebase.runtimes.runtime import (
    Layered,
    Runtime,
    load_runtime,
    needs_tensorflow,
    network_cost,
)

__all__ = ["Layered", "Runtime", "load_runtime", "needs_tensorflow", "network_cost"]
