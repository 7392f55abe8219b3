"""Cameras and streams, which deliver only their latest frame."""

import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from simplebase.errors import DataError, MissingFileError, SimplebaseWarning, one_line
from simplebase.videos.frame import Frame
from simplebase.videos.video_file import plausible_fps, quiet_opencv

# Longest time without a frame before the source counts as ended. A camera may start slowly.
_PATIENCE = 10.0
_STREAM_TIMEOUT = 10_000  # milliseconds, to open and to read


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that `LiveSource` uses."""

    def read(self) -> tuple[bool, Any]:
        """Waits for the next frame `(height, width, 3)` uint8 BGR; False at the end."""

    def release(self) -> None:
        """Releases the device."""


class LiveSource:
    """Frames of a live source.

    A separate thread reads every frame and keeps the latest. So a slow model always gets the
    current frame: it loses frames, but does not lag behind.

    Args:
        capture: an opened camera or stream.
        name: its name in messages.
        fps: frames per second, if known.
        is_endless: whether it never ends by itself, as a camera. A stream may end.
    """

    is_sequence = True
    is_live = True
    count = None

    def __init__(
        self, capture: Capture, name: str, fps: float | None = None, *, is_endless: bool = False
    ) -> None:
        self.name = name
        self.fps = fps
        self.dropped = 0
        self._capture = capture
        self._changed = threading.Condition()
        self._latest: np.ndarray | None = None
        self._seen = 0
        self._wanted = False
        self._time = self._started = 0.0
        self._ended = self._closed = False
        self._failure: Exception | None = None
        self._is_endless = is_endless
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """Waits for a new frame; returns None when the source has ended.

        Warns if the source should not have ended.

        Raises:
            DataError: there was no frame at all.
        """
        with self._changed:
            self._wanted = True
            self._changed.wait_for(lambda: self._latest is not None or self._ended, _PATIENCE)
            image, self._latest = self._latest, None
            index, when = self._seen - 1, self._time - self._started
        if image is None:
            if self._seen == 0 and not self._ended:
                raise DataError(f"{self.name} was opened, but sends no picture.")
            self._warn_if_lost()
            return None
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
        return Frame(image, index, when, f"frame_{index:06d}.jpg")

    def close(self) -> None:
        """Stops the thread and releases the device."""
        with self._changed:
            self._ended = self._closed = True
            self._changed.notify_all()
        # A capture that hangs is left to its thread, which ends with the process.
        self._thread.join(timeout=2.0)

    def _warn_if_lost(self) -> None:
        if self._closed or self._seen == 0:
            return
        if not self._ended:
            what = f"sent no picture for {_PATIENCE:g} seconds: it is stalled or unplugged"
        elif self._failure is not None:
            what = f"failed ({one_line(self._failure)})"
        elif self._is_endless:
            what = "stopped sending pictures: it is unplugged, or another program took it"
        else:
            return
        warnings.warn(
            f"{self.name} {what}. The frames up to then are processed.",
            SimplebaseWarning,
            stacklevel=2,
        )

    def _keep_reading(self) -> None:
        try:
            while not self._ended and self._keep_next():
                pass
        except Exception as error:
            self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._capture.release()

    def _keep_next(self) -> bool:
        """Reads and keeps the next frame; returns whether there was one."""
        read, image = self._capture.read()
        now = time.monotonic()
        if not read:
            return False
        with self._changed:
            # Frames before the first read do not count as lost.
            self.dropped += self._wanted and self._latest is not None
            self._started = self._started or now
            self._latest, self._time = image, now
            self._seen += 1
            self._changed.notify_all()
        return True


def open_capture(target: int | str, name: str) -> cv2.VideoCapture:
    """Opens a camera by number or path, or a stream by address.

    Args:
        target: the number, path or address.
        name: its name in messages.

    Raises:
        DataError: it does not respond.
    """
    with quiet_opencv():
        if isinstance(target, str):
            settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _STREAM_TIMEOUT]
            settings += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _STREAM_TIMEOUT]
            capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, settings)
            if not capture.isOpened():
                capture = cv2.VideoCapture(target)
        else:
            capture = cv2.VideoCapture(target)
    if not capture.isOpened():
        raise DataError(
            f"{name} cannot be opened: it does not respond, needs a password, or sends a format "
            "that OpenCV does not support."
        )
    return capture


def open_camera(device: int | str) -> LiveSource:
    """Opens a camera of this machine.

    Args:
        device: its number, or its path such as `/dev/video0`.

    Raises:
        MissingFileError: the camera does not exist or cannot be used.
    """
    try:
        capture = open_capture(device, f"camera {device}")
    except DataError as error:
        found = ", ".join(sorted(path.name.removeprefix("video") for path in _devices()))
        raise MissingFileError(
            f"camera {device} cannot be opened: it is not there, in use by another program, or "
            f"not allowed to be used. {f'Cameras found: {found}.' if found else 'No camera found.'}"
            if os.name == "posix"
            else f"camera {device} cannot be opened: it is not there, or in use by another program."
        ) from error
    return LiveSource(capture, f"camera {device}", plausible_fps(capture), is_endless=True)


def _devices() -> list[Path]:
    return list(Path("/dev").glob("video[0-9]*"))
