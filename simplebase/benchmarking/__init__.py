"""How fast the parts of simplebase are on this machine."""

from simplebase.benchmarking.data import Stage, measure_data

__all__ = ["Stage", "measure_data"]
