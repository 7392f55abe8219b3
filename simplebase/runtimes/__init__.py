"""Runtimes: one file a model format, all behind one protocol."""

from simplebase.runtimes.runtime import Runtime, load_runtime, network_cost

__all__ = ["Runtime", "load_runtime", "network_cost"]
