"""Metrics: plain functions over NumPy arrays."""

from simplebase.metrics.pck import PCK, pck, upstream_normaliser

__all__ = ["PCK", "pck", "upstream_normaliser"]
