"""A server on the loopback address that plays the hub of models, and fails as one may fail."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from simplebase.zoo.fetching import RemoteFile

WEIGHTS = bytes(range(256)) * 2000
"""512,000 bytes: eight chunks of a download."""

Answer = Callable[["Handler", bytes], None]
"""Answers a request in place of the right answer, given the file's bytes."""


@dataclass
class Hub:
    """What a server has, how it fails, and what it was asked.

    Args:
        address: of the server, without a last slash.
        files: bytes of each file by its path, such as `/person.pth`.
        answers: to the next requests, one each; after them it answers rightly.
        etag: of all files; none if empty.
        asked: the path and the range of each request.
        released: what `halting` waits for.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/person.pth": WEIGHTS})
    answers: list[Answer] = field(default_factory=list)
    etag: str = '"first"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def row(self, **others: Any) -> RemoteFile:
        """The row of a table for `/person.pth`."""
        facts: dict[str, Any] = {
            "name": "person.pth",
            "urls": (f"{self.address}/person.pth",),
            "sha256": sha256(WEIGHTS).hexdigest()[:8],
            "model": "person",
            "licence": "Apache-2.0",
        }
        return RemoteFile(**facts | others)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    hub: Hub

    def do_GET(self) -> None:
        self.hub.asked.append((self.path, self.headers["Range"]))
        content = self.hub.files.get(self.path, b"")
        if self.hub.answers:
            self.hub.answers.pop(0)(self, content)
        elif self.path not in self.hub.files:
            status(404)(self, content)
        else:
            self._send(content)

    def _send(self, content: bytes) -> None:
        wanted = self.headers["Range"]
        if wanted and self.headers["If-Range"] == self.hub.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            part = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if start >= len(content):
                return status(416)(self, content)
            self.begin(206, len(content) - start, **{"Content-Range": part})
            content = content[start:]
        else:
            self.begin(200, len(content))
        self.wfile.write(content)

    def begin(self, code: int, length: int | None, **headers: str) -> None:
        """Sends the head of an answer."""
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.hub.etag:
            self.send_header("ETag", self.hub.etag)
        for name, value in ({"Content-Type": "application/octet-stream"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def status(code: int) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(code, 0)

    return answer


def log_in_page(handler: Handler, content: bytes) -> None:
    page = b"<!doctype html><title>Wi-Fi of the hotel</title>"
    handler.begin(200, len(page), **{"Content-Type": "text/html; charset=utf-8"})
    handler.wfile.write(page)


def sending(other: bytes) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(other))
        handler.wfile.write(other)

    return answer


def redirecting(target: str) -> Answer:
    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(302, 0, Location=target)

    return answer


def nothing(handler: Handler, content: bytes) -> None:
    handler.close_connection = True


def no_http(handler: Handler, content: bytes) -> None:
    handler.wfile.write(b"\x1b[31mred\r\n")


def cut(part: int) -> Answer:
    """The first `part` bytes of the file, and the end of the connection."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(content))
        handler.wfile.write(content[:part])

    return answer


def halting(part: int) -> Answer:
    """The first `part` bytes, and the others when the hub is released."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(content))
        handler.wfile.write(content[:part])
        handler.wfile.flush()
        handler.hub.released.wait(30)
        try:
            handler.wfile.write(content[part:])
        except OSError:  # the process that asked was killed
            handler.close_connection = True

    return answer


def without_length(handler: Handler, content: bytes) -> None:
    handler.begin(200, None)
    handler.wfile.write(content)


@contextmanager
def serving(certificate: Path | None = None, key: Path | None = None) -> Iterator[Hub]:
    """A hub, over TLS if there is a certificate."""
    hub = Hub()
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    hub.address = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
