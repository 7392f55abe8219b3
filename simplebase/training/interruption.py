"""Stops a training run between two steps when a signal arrives."""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType


class StopSignals:
    """A context that holds SIGINT (Ctrl-C), SIGTERM and SIGHUP back until the step is done.

    A second signal has its usual effect at once. A signal that is ignored, such as SIGHUP under
    `nohup`, stays ignored. This works only in the main thread; in other threads the context does
    nothing.

    Args:
        notice: is called with the signal's name when it arrives.

    `received` is the name of the signal that arrived, or `None`.
    """

    _NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP.

    def __init__(self, notice: Callable[[str], None] = lambda name: None) -> None:
        self._notice = notice
        self.received: str | None = None
        self._earlier: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopSignals":
        """Replaces the signal handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in self._NAMES if hasattr(signal, name)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._earlier[number] = signal.signal(number, self._keep)
        return self

    def __exit__(self, *error: object) -> None:
        """Restores the signal handlers."""
        self._restore()

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        self._restore()
        # After a hangup nobody reads messages any more; the step and the saving continue.
        with suppress(OSError):
            self._notice(self.received)

    def _restore(self) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._earlier = {}
