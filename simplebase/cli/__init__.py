"""The command line: a command parses, calls one library function, prints."""

from simplebase.cli.app import main

__all__ = ["main"]
