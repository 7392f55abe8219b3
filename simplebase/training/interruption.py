"""Ending a training between two steps when it is asked to."""

import signal
import threading
from collections.abc import Callable
from types import FrameType


class StopSignals:
    """A context in which SIGINT (Ctrl-C) and SIGTERM are kept until the step is done.

    The second signal has its usual effect at once. Only a process's main thread can do this; in
    another the context changes nothing.

    Args:
        notice: is called with the signal's name when it comes.

    `received` is the name of the signal that came, or `None`.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, notice: Callable[[str], None] = lambda name: None) -> None:
        self._notice = notice
        self.received: str | None = None
        self._earlier: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopSignals":
        """Takes the signals over."""
        if threading.current_thread() is threading.main_thread():
            self._earlier = {number: signal.signal(number, self._keep) for number in self._SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        """Gives them back."""
        self._restore()

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        self._restore()
        self._notice(self.received)

    def _restore(self) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._earlier = {}
