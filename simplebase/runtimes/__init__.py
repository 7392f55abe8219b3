"""Runtimes: one module per model format, all with the same protocol."""

from simplebase.runtimes.runtime import (
    Layered,
    Runtime,
    load_runtime,
    needs_tensorflow,
    network_cost,
)

__all__ = ["Layered", "Runtime", "load_runtime", "needs_tensorflow", "network_cost"]
