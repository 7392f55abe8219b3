"""The one place that the version stands in."""

__version__ = "0.1.0"
