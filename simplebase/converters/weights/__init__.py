"""Converts weights of other projects, without torch or Keras 2, and without running code."""

from simplebase.converters.weights.conversion import WeightsReport, convert_weights

__all__ = ["WeightsReport", "convert_weights"]
