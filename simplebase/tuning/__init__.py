"""Searches for the best values of a recipe: `simplebase tune`."""

from simplebase.tuning.space import Space, read_space
from simplebase.tuning.tuning import TrialResult, TuningResult, tune

__all__ = ["Space", "TrialResult", "TuningResult", "read_space", "tune"]
