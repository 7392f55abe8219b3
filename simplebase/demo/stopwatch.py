"""How long the parts of the demo take."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Share of the newest measurement in the running mean: the display follows within a second or so.
_NEWEST = 0.1


class Stopwatch:
    """Mean milliseconds of named parts, measured in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: dict[str, float] = {}
        self._totals: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Measures the block as one run of `part`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(part, (time.perf_counter() - started) * 1e3)

    def add(self, part: str, taken: float) -> None:
        """Counts a run of `part` that took so many milliseconds."""
        with self._lock:
            count = self._counts.get(part, 0)
            # The first run warms up, and is forgotten when there is a second.
            before = self._recent[part] if count > 1 else taken
            self._recent[part] = before + _NEWEST * (taken - before)
            self._totals[part] = self._totals.get(part, 0.0) + taken
            self._counts[part] = count + 1

    def recent(self) -> dict[str, float]:
        """Milliseconds of each part lately, in the order in which they first ran."""
        with self._lock:
            return dict(self._recent)

    def totals(self) -> dict[str, float]:
        """Milliseconds of each part in all."""
        with self._lock:
            return dict(self._totals)
