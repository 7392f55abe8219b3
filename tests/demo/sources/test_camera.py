"""Live sources, with a virtual camera behind the class that real ones have."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from simplebase.demo.sources import open_source
from simplebase.demo.sources.camera import LiveSource
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning


class Camera:
    """Gives a frame whenever it is told to; each is filled with its number."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0
        self.released = threading.Event()
        self._may = threading.Semaphore(0)
        self._taken = threading.Condition()

    def go(self, frames: int) -> None:
        """Waits until so many more were read from the camera."""
        with self._taken:
            goal = self.given + frames
            for _ in range(frames):
                self._may.release()
            assert self._taken.wait_for(lambda: self.given >= goal, 10)

    def read(self) -> tuple[bool, Any]:
        with self._taken:
            if self.given == self.count:
                return False, None
        self._may.acquire()
        with self._taken:
            self.given += 1
            self._taken.notify_all()
            return True, np.full((4, 6, 3), self.given - 1, np.uint8)

    def release(self) -> None:
        self.released.set()


def test_a_slow_reader_gets_the_latest_frame_and_the_others_are_counted() -> None:
    camera = Camera(10)
    source = LiveSource(camera, "camera")
    camera.go(1)
    first = source.read()
    assert first is not None and first.image.max() == 0 == first.index
    # While the model works, six frames come; the seventh makes sure that the sixth is kept.
    camera.go(6)
    second = source.read()
    assert second is not None and second.image.max() >= 5
    assert second.index == second.image.max()
    assert source.dropped == second.index - first.index - 1
    camera.go(3)
    source.close()


def test_a_live_source_that_ends_gives_its_last_frame_and_then_none() -> None:
    camera = Camera(1)
    source = LiveSource(camera, "camera")
    camera.go(1)
    last = source.read()
    assert last is not None and last.index == 0
    assert source.read() is None
    assert camera.released.wait(10)


def test_closing_wakes_who_waits_for_a_frame() -> None:
    camera = Camera(5)
    source = LiveSource(camera, "camera")
    found: list[Any] = ["nothing yet"]
    reader = threading.Thread(target=lambda: found.append(source.read()))
    reader.start()
    threading.Timer(0.1, lambda: camera._may.release()).start()
    source.close()
    reader.join(10)
    assert not reader.is_alive()


def test_a_file_behind_the_camera_class_is_seen_whole(video: Path) -> None:
    """The virtual camera: a file whose frames come only when the last one was taken."""

    class File:
        def __init__(self) -> None:
            self.capture = cv2.VideoCapture(str(video))
            self.may = threading.Semaphore(1)

        def read(self) -> tuple[bool, Any]:
            self.may.acquire()
            return self.capture.read()

        def release(self) -> None:
            self.capture.release()

    file = File()
    source = LiveSource(file, "virtual camera", 25.0)
    seen = []
    while (found := source.read()) is not None:
        seen.append(found.index)
        file.may.release()
    assert seen == list(range(12)) and source.dropped == 0


def test_a_camera_that_is_not_there_is_told() -> None:
    with pytest.raises(MissingFileError, match="camera 87 cannot be opened: it is not there"):
        open_source("87")


def test_a_stream_that_does_not_answer_is_told() -> None:
    with pytest.raises(DataError, match="rtsp://127.0.0.1:9/x cannot be opened: it does not"):
        open_source("rtsp://127.0.0.1:9/x")


def test_a_login_is_in_no_message() -> None:
    with pytest.raises(DataError, match="^rtsp://127.0.0.1:9/x cannot be opened"):
        open_source("rtsp://user:secret@127.0.0.1:9/x")


def test_a_camera_that_is_unplugged_is_told() -> None:
    camera = Camera(1)
    source = LiveSource(camera, "camera 0", is_endless=True)
    camera.go(1)
    assert source.read() is not None
    with pytest.warns(SimplebaseWarning, match="camera 0 stopped sending pictures"):
        assert source.read() is None


def test_a_camera_that_stalls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplebase.demo.sources.camera._PATIENCE", 0.2)
    camera = Camera(2)
    source = LiveSource(camera, "camera 0", is_endless=True)
    camera.go(1)
    assert source.read() is not None
    with pytest.warns(SimplebaseWarning, match="camera 0 sent no picture for 0.2 seconds"):
        assert source.read() is None
    camera.go(1)
    source.close()


def test_a_camera_that_fails_is_told_and_let_go_of() -> None:
    class Failing(Camera):
        def read(self) -> tuple[bool, Any]:
            if self.given == 1:
                raise cv2.error("device lost")
            return super().read()

    camera = Failing(5)
    source = LiveSource(camera, "camera 0")
    camera.go(1)
    assert source.read() is not None
    with pytest.warns(SimplebaseWarning, match=r"camera 0 failed \(.*device lost"):
        assert source.read() is None
    assert camera.released.wait(10)


def test_a_camera_that_the_user_ends_gives_no_warning() -> None:
    camera = Camera(5)
    source = LiveSource(camera, "camera 0", is_endless=True)
    camera.go(1)
    threading.Timer(0.1, camera._may.release).start()
    source.close()
    source.read()
    assert source.read() is None
