"""The status line in the terminal while the demo runs."""

import time
from types import TracebackType

from simplebase.cli.app import console
from simplebase.demo.run import DemoProgress

_INTERVAL = 0.2
"""Seconds between two updates of the line. Faster updates cannot be read."""


class DemoDisplay:
    """A status line: frames, frames per second, time per stage, dropped frames."""

    def __init__(self) -> None:
        self._status = console.status("loading the model")
        self._changed = 0.0

    def __enter__(self) -> "DemoDisplay":
        """Shows the line."""
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Removes the line."""
        self._status.stop()

    def __call__(self, progress: DemoProgress) -> None:
        """Updates the line if the last update is old enough."""
        now = time.monotonic()
        if now - self._changed >= _INTERVAL:
            self._changed = now
            of = f"/{progress.count}" if progress.count else ""
            self._status.update(f"frame {progress.frames}{of}  {speed_text(progress)}")


def speed_text(progress: DemoProgress) -> str:
    """Returns `28.1 fps; ms per frame: read 3.0, ...; 12 frames dropped`."""
    stages = progress.stopwatch.recent().items()
    parts = [f"ms per frame: {', '.join(f'{name} {taken:.1f}' for name, taken in stages)}"]
    if progress.fps is not None:
        parts.insert(0, f"{progress.fps:.1f} fps")
    if progress.dropped:
        parts.append(f"{progress.dropped} frames dropped")
    return "; ".join(parts)
