"""Ending a training between two steps when it is asked to."""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType


class StopSignals:
    """A context in which SIGINT (Ctrl-C), SIGTERM and SIGHUP are kept until the step is done.

    The second signal has its usual effect at once. A signal that is ignored stays ignored, as
    SIGHUP is under `nohup`. Only a process's main thread can do this; in another the context
    changes nothing.

    Args:
        notice: is called with the signal's name when it comes.

    `received` is the name of the signal that came, or `None`.
    """

    _NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP.

    def __init__(self, notice: Callable[[str], None] = lambda name: None) -> None:
        self._notice = notice
        self.received: str | None = None
        self._earlier: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopSignals":
        """Takes the signals over."""
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in self._NAMES if hasattr(signal, name)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._earlier[number] = signal.signal(number, self._keep)
        return self

    def __exit__(self, *error: object) -> None:
        """Gives them back."""
        self._restore()

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        self._restore()
        # After a hangup nobody can be told any more; the step and its saving go on.
        with suppress(OSError):
            self._notice(self.received)

    def _restore(self) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._earlier = {}
