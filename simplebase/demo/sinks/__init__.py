"""Where results go. A sink is a context manager that yields a function to call with each result."""

from simplebase.demo.sinks.facts import Sink, SourceFacts, Write
from simplebase.demo.sinks.opening import check_output, open_sink, require_distinct

__all__ = ["Sink", "SourceFacts", "Write", "check_output", "open_sink", "require_distinct"]
