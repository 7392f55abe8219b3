"""The command line: a command parses, calls one library function, prints."""

from simplebase.cli import (  # noqa: F401  (they add commands)
    bench,
    convert,
    convert_weights,
    data,
    demo,
    evaluate,
    export,
    inspect,
    models,
    pack,
    plot,
    train,
)
from simplebase.cli.app import main

__all__ = ["main"]
