"""The command line: a command parses, calls one library function, prints."""

from simplebase.cli import data, demo, evaluate, models, train  # noqa: F401  (they add commands)
from simplebase.cli.app import main

__all__ = ["main"]
