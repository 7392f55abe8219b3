"""Outputs. A sink is a context manager that yields a function to call with each result."""

from simplebase.demo.sinks.opening import (
    FORMATS,
    PICTURES,
    OutputFormat,
    check_output,
    open_sink,
    output_format,
    require_distinct,
)
from simplebase.demo.sinks.sink import Sink, SourceInfo, Write

__all__ = [
    "FORMATS",
    "PICTURES",
    "OutputFormat",
    "Sink",
    "SourceInfo",
    "Write",
    "check_output",
    "open_sink",
    "output_format",
    "require_distinct",
]
