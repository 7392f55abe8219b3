"""Shows pictures in a window."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.sinks.sink import Write
from simplebase.errors import ArgumentError

_TITLE = "simplebase demo (q to quit)"
_QUIT = (ord("q"), 27)


class WindowClosed(Exception):
    """Raised when the user closes the window."""


def require_display(is_live: bool) -> None:
    """Raises ArgumentError if no window can be opened, and says what to do instead."""
    if not has_display():
        raise ArgumentError(f"this machine has no display for a window. {_instead(is_live)}")


def _instead(is_live: bool) -> str:
    if is_live:
        return (
            "Use --serve 8000 to see the result in a browser at http://127.0.0.1:8000, or "
            "--output FILE to write it."
        )
    return "Use --output FILE to write the result."


def has_display() -> bool:
    """Returns whether a window can be opened. On Linux this needs a display server."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def window(waits: bool, is_live: bool = False) -> Iterator[Write]:
    """A sink that shows each picture.

    Args:
        waits: wait for a key after each picture, for images without a time.
        is_live: whether the pictures are those of a camera, for the advice in errors.

    Raises:
        ArgumentError: no window can be opened.

    Raises, when it is called:
        WindowClosed: the window was closed, or q or Escape was pressed.
    """
    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error as error:
        raise ArgumentError(
            "no window can be opened: the display does not respond, or this OpenCV has no windows "
            f"(opencv-python-headless). {_instead(is_live)}"
        ) from error

    def write(found: FramePoses) -> None:
        cv2.imshow(_TITLE, cv2.cvtColor(drawn(found), cv2.COLOR_RGB2BGR))
        while True:
            key = cv2.waitKey(50 if waits else 1) & 0xFF
            if key in _QUIT or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
                raise WindowClosed
            if not waits or key != 0xFF:
                return

    try:
        yield write
    finally:
        cv2.destroyAllWindows()
