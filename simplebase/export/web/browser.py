"""Runs an exported folder in headless Chromium, to compare it with the model.

No driver is needed. The browser opens `check.html`, which a server on the loopback address delivers
together with the folder during the check. The page requests crops and sends keypoints back.
"""

import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from simplebase.errors import DataError
from simplebase.metadata import ModelMetadata

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A container's /dev/shm is small.
    "--disable-dev-shm-usage",
)
_PATIENCE = 180.0
"""Seconds to wait for a batch; the first includes the start of the browser."""
_POLL = 0.5
_SIZE = "X-Image-Size"
"""Header with the width and height of an image for the detector; crops have none."""
_MOST_BYTES = 1 << 26
"""Upper bound of an answer, ten thousand times a batch of many keypoints."""


def find_chromium() -> str | None:
    """Returns the path of an installed Chromium, Chrome or Edge; None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class BrowserRuntime:
    """The model of a folder, run and decoded by its page, see `running_in_browser`.

    Args:
        metadata: the model's metadata; `outputs` are the keypoints, which the page decodes.
        exchange: passes crops and keypoints to and from the page.
    """

    def __init__(self, metadata: ModelMetadata, exchange: "_Exchange") -> None:
        self.metadata = replace(metadata, outputs=("keypoints",))
        self._exchange = exchange

    @property
    def browser(self) -> str:
        """Name and version, such as `Chrome 156.0.0.0`, after the first answer."""
        return self._exchange.browser

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        """Maps `(B, H, W, 3)` uint8 RGB to a list of one array, `(B, K, 3)` float32.

        Raises:
            DataError: the page fails or times out.
        """
        count = self.metadata.skeleton.num_keypoints
        answer = np.frombuffer(self._exchange.ask(images.tobytes()), "<f4")
        if answer.size != len(images) * count * 3:
            raise DataError(
                f"the page returned {answer.size} numbers for {len(images)} images. Expected: "
                f"{len(images) * count * 3}."
            )
        return [answer.astype(np.float32).reshape(len(images), count, 3)]

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the boxes `(n, 4)` and scores `(n,)` of the page's detector, as `Detector` does.

        Args:
            image: `(height, width, 3)` uint8 RGB.

        Raises:
            DataError: the page fails or times out.
        """
        height, width = image.shape[:2]
        found = np.frombuffer(self._exchange.ask(image.tobytes(), f"{width},{height}"), "<f4")
        found = found.reshape(-1, 5)
        return found[:, :4], found[:, 4]


@contextmanager
def running_in_browser(
    folder: Path, metadata: ModelMetadata, browser: str
) -> Iterator[BrowserRuntime]:
    """Opens an exported folder in a new browser until the block ends.

    Args:
        folder: a folder that `export_site` wrote.
        metadata: metadata of its model.
        browser: path of Chromium.
    """
    exchange = _Exchange()
    handler = partial(_Handler, exchange, directory=str(folder))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}{exchange.place}check.html"
            with _process(browser, profile, address) as process:
                exchange.process = process
                yield BrowserRuntime(metadata, exchange)
        finally:
            exchange.closed = True
            server.shutdown()
            server.server_close()
            thread.join()


@contextmanager
def _process(browser: str, profile: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [browser, *_FLAGS, f"--user-data-dir={profile}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Chromium's sandbox refuses to run as root, as in containers. The page is our own.
        command.append("--no-sandbox")
    try:
        process = subprocess.Popen(
            [*command, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # The browser starts further processes, which have to end with it.
            start_new_session=True,
        )
    except OSError as error:
        raise DataError(f"{browser} cannot be started: {error.strerror}.") from error
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.kill()
    process.wait()


class _Exchange:
    """Passes crops to the page and its answers back."""

    def __init__(self) -> None:
        # A secret path, so that no other program of this machine can answer for the page.
        self.place = f"/check-{secrets.token_hex(16)}/"
        self.questions: queue.Queue[tuple[bytes, str]] = queue.Queue()
        self.answers: queue.Queue[bytes | DataError] = queue.Queue()
        self.process: subprocess.Popen[bytes] | None = None
        self.browser = ""
        self.closed = False

    def ask(self, pixels: bytes, size: str = "") -> bytes:
        """Returns the page's answer; DataError if it fails or times out.

        Args:
            pixels: crops of the model's size, or an image for the detector.
            size: `width,height` of an image.
        """
        self.questions.put((pixels, size))
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.answers.get(timeout=_POLL)
            except queue.Empty:
                if self.process is not None and self.process.poll() is not None:
                    raise DataError(
                        f"the browser ended before it answered (exit code {self.process.poll()})."
                    ) from None
                continue
            if isinstance(answer, DataError):
                raise answer
            return answer
        raise DataError(f"the page did not answer in the browser within {_PATIENCE:g} seconds.")


class _Handler(SimpleHTTPRequestHandler):
    """Serves the folder and, below the exchange's path, the page and data of the check."""

    # The system's own table of types differs between machines.
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def __init__(self, exchange: _Exchange, *arguments: Any, **options: Any) -> None:
        self._exchange = exchange
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        """Sends the page, its crops, or a file of the folder."""
        if self.path == f"{self._exchange.place}check.html":
            self._exchange.browser = _browser_name(self.headers.get("User-Agent", ""))
            content = files("simplebase.export.web").joinpath("check.html").read_bytes()
            self._send(200, content, "text/html; charset=utf-8")
        elif self.path == f"{self._exchange.place}crops":
            self._send_crops()
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Receives an answer of the page."""
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= _MOST_BYTES:
            return self._send(413)
        content = self.rfile.read(length)
        if self.path == f"{self._exchange.place}keypoints":
            self._exchange.answers.put(content)
        elif self.path == f"{self._exchange.place}problem":
            text = content.decode("utf-8", "replace").rstrip(".")
            self._exchange.answers.put(DataError(f"the page fails in the browser: {text}."))
        else:
            return self._send(404)
        self._send(204)

    def _send_crops(self) -> None:
        while not self._exchange.closed:
            try:
                pixels, size = self._exchange.questions.get(timeout=_POLL)
                return self._send(200, pixels, size=size)
            except queue.Empty:
                continue
        # The browser has ended, so nobody would read an answer.
        self.close_connection = True

    def _send(
        self,
        status: int,
        content: bytes = b"",
        kind: str = "application/octet-stream",
        size: str = "",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if size:
            self.send_header(_SIZE, size)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs nothing, because the user requested an export, not a server."""


def _browser_name(agent: str) -> str:
    found = re.search(r"(?:Headless)?(Chrome)/([\d.]+)", agent)
    return f"{found[1]} {found[2]}" if found else "an unknown browser"
