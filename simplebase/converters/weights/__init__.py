"""Weights of other projects become ours; needs neither torch nor Keras 2, and runs no code."""

from simplebase.converters.weights.conversion import WeightsReport, convert_weights

__all__ = ["WeightsReport", "convert_weights"]
