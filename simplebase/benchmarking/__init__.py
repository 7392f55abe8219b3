"""Measures the speed of simplebase's parts on this machine."""

from typing import TYPE_CHECKING

from simplebase.lazy import lazy_names

# Lazy, because the process that measures a model's memory must not load anything else.
_PUBLIC = {
    "ModelSpeed": "simplebase.benchmarking.model",
    "Stage": "simplebase.benchmarking.data",
    "measure_data": "simplebase.benchmarking.data",
    "measure_models": "simplebase.benchmarking.model",
}

__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:
    from simplebase.benchmarking.data import Stage as Stage
    from simplebase.benchmarking.data import measure_data as measure_data
    from simplebase.benchmarking.model import ModelSpeed as ModelSpeed
    from simplebase.benchmarking.model import measure_models as measure_models


__getattr__ = lazy_names(__name__, _PUBLIC)
