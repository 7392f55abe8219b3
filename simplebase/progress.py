"""How long jobs report their progress."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[int, int], None]
"""Is called with the number of finished items and the total."""

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a label for the duration of a `with` block."""


@contextmanager
def no_progress_bar(label: str) -> Iterator[Progress]:
    """A progress bar that shows nothing."""
    yield lambda done, total: None
