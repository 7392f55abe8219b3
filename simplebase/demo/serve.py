"""Streams pictures to a browser on this machine: motion JPEG over HTTP."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from simplebase.demo.own_host import ADDRESS, is_own_host
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.sinks.sink import Write
from simplebase.errors import ArgumentError
from simplebase.images import encode_image

_BOUNDARY = "frame"
_PAGE = b"""<!doctype html><title>simplebase demo</title>
<style>body{margin:0;background:#111}img{display:block;margin:auto;max-width:100%;max-height:100vh}
</style><img src="/stream" alt="the demo's pictures">
"""
_CLIENT_TIMEOUT = 10.0
_JPEG_QUALITY = 85


class PictureServer(ThreadingHTTPServer):
    """Serves a page at `/`, motion JPEG at `/stream`, and the latest picture at `/picture.jpg`.

    A picture is encoded only if a client requests it. A slow client gets fewer pictures.

    Args:
        port: port of 127.0.0.1; 0 chooses a free port.

    Raises:
        ArgumentError: the port cannot be used.
    """

    daemon_threads = True
    # Closing does not wait for threads that hang on a dead connection.
    block_on_close = False

    def __init__(self, port: int) -> None:
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ArgumentError(
                f"port {port} cannot be used ({getattr(error, 'strerror', error)}). Choose another."
            ) from error
        self._changed = threading.Condition()
        self._picture: np.ndarray | None = None
        self._number = 0
        self._ended = False

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}"

    def show(self, picture: np.ndarray) -> None:
        """Makes `(height, width, 3)` RGB the latest picture. Do not modify it afterwards."""
        with self._changed:
            self._picture = picture
            self._number += 1
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnected, and reports other errors as usual."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Ends all streams."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def jpegs(self) -> Iterator[bytes]:
        """Yields the latest picture, then later ones as they arrive."""
        number = 0
        while True:
            with self._changed:
                while self._number == number and not self._ended:
                    self._changed.wait()
                if self._number == number or self._picture is None:
                    return
                number, picture = self._number, self._picture
            yield encode_image(picture, ".jpg", jpeg_quality=_JPEG_QUALITY)


class _Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    server: PictureServer
    timeout = _CLIENT_TIMEOUT

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        """Sends a page, a picture or a stream."""
        # Otherwise a site whose name resolves to 127.0.0.1 could read the pictures.
        if not is_own_host(self.headers.get_all("Host", [])):
            self.send_error(HTTPStatus.FORBIDDEN, f"open {self.server.url}")
        elif self.path == "/":
            self._answer("text/html; charset=utf-8", _PAGE)
        elif self.path == "/picture.jpg":
            jpeg = next(self.server.jpegs(), None)
            if jpeg is None:
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                self._answer("image/jpeg", jpeg)
        elif self.path == "/stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        try:
            for jpeg in self.server.jpegs():
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                self.wfile.write(f"{head}Content-Length: {len(jpeg)}\r\n\r\n".encode())
                self.wfile.write(jpeg + b"\r\n")
        except OSError:
            # The client has disconnected.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the terminal for the demo's own status."""


@contextmanager
def serving(server: PictureServer) -> Iterator[Write]:
    """A sink that shows each picture to the server's clients."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lambda found: server.show(drawn(found))
    finally:
        server.end()
        server.shutdown()
        server.server_close()
        thread.join()
