"""Turns SIGTERM and SIGHUP into an exception, so that a command cleans up before it ends."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from simplebase.threads import run_or_hold

_NAMES = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP.


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP raise `SystemExit(128 + number)` in the main thread.

    So `with` and `finally` blocks run: partial files are removed, child processes end, and locks
    are released. A line on standard error names the signal. A second signal ends the process at
    once. A signal that is already ignored stays ignored, such as SIGHUP under `nohup`. Native code
    is not interrupted: the exception is raised when it returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    earlier = {
        number: signal.getsignal(number)
        for number in numbers
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    received: list[signal.Signals] = []

    def end(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        for each in earlier:
            signal.signal(each, signal.SIG_DFL)
        run_or_hold(lambda: sys.exit(128 + number))

    try:
        for number in earlier:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if received:
            # The terminal may be closed.
            with suppress(OSError, ValueError):
                print(f"stopped by {received[0].name}", file=sys.stderr, flush=True)
            # This exit code takes precedence over errors during the cleanup.
            sys.exit(128 + received[0])
