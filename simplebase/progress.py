"""The types by which long jobs report their progress."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Progress = Callable[[int, int], None]
"""Is called with the number of finished items and the total."""

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a label for the duration of a `with` block."""
