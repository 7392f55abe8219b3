"""How long jobs tell how far they are."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a bar with a label for the length of a `with` block."""
