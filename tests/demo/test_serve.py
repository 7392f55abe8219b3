"""Motion JPEG over HTTP."""

import socket
import struct
import threading
import urllib.error
import urllib.request
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import frame

from simplebase.demo.frames import FramePoses
from simplebase.demo.serve import PictureServer, serving
from simplebase.errors import ArgumentError


def found(level: int) -> FramePoses:
    image = np.full((32, 48, 3), level, np.uint8)
    return FramePoses(frame(image), [], picture=image)


def level_of(jpeg: bytes) -> float:
    return float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean())


def part(stream: Any) -> bytes:
    """The next JPEG of a multipart stream."""
    assert stream.readline() == b"--frame\r\n"
    assert stream.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(stream.readline().split(b":")[1])
    assert stream.readline() == b"\r\n"
    jpeg = stream.read(length)
    assert stream.readline() == b"\r\n"
    return jpeg


def test_a_browser_sees_the_page_the_latest_picture_and_the_stream() -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(10))
        show(found(200))
        with urllib.request.urlopen(server.url, timeout=10) as page:
            assert b'src="/stream"' in page.read()
        with urllib.request.urlopen(f"{server.url}/picture.jpg", timeout=10) as picture:
            assert level_of(picture.read()) == pytest.approx(200, abs=2)
        with urllib.request.urlopen(f"{server.url}/stream", timeout=10) as stream:
            assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            assert level_of(part(stream)) == pytest.approx(200, abs=2)
            show(found(90))
            assert level_of(part(stream)) == pytest.approx(90, abs=2)


def test_the_stream_ends_with_the_demo() -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(10))
        stream = urllib.request.urlopen(f"{server.url}/stream", timeout=10)
        part(stream)
    assert stream.read() == b""


def test_a_client_that_goes_away_does_no_harm() -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(10))
        for _ in range(3):
            urllib.request.urlopen(f"{server.url}/stream", timeout=10).close()
        for level in range(20):
            show(found(level))
        with urllib.request.urlopen(f"{server.url}/picture.jpg", timeout=10) as picture:
            assert level_of(picture.read()) == pytest.approx(19, abs=2)


def test_another_address_is_not_found() -> None:
    server = PictureServer(0)
    with serving(server):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/etc/passwd", timeout=10)


def test_only_this_machine_is_served() -> None:
    server = PictureServer(0)
    with serving(server):
        assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_site_that_leads_to_this_machine_is_refused(host: str) -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(10))
        request = urllib.request.Request(f"{server.url}/picture.jpg", headers={"Host": host})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=10)
        local = f"http://localhost:{server.server_port}/picture.jpg"
        request = urllib.request.Request(
            f"{server.url}/picture.jpg", headers={"Host": local.split("/")[2]}
        )
        assert urllib.request.urlopen(request, timeout=10).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST", "localhost.", "[::1]:80"])
def test_a_browser_that_leaves_port_80_out_sees_the_pictures(host: str) -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(200))
        request = urllib.request.Request(f"{server.url}/picture.jpg", headers={"Host": host})
        with urllib.request.urlopen(request, timeout=10) as picture:
            assert level_of(picture.read()) == pytest.approx(200, abs=2)


def test_a_request_without_a_host_is_refused() -> None:
    server = PictureServer(0)
    with serving(server):
        with socket.create_connection(server.server_address[:2], timeout=10) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 403 open http://127.0.0.1:" in client.recv(100)


def test_a_client_that_resets_its_connection_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = PictureServer(0)
    with serving(server) as show:
        show(found(10))
        for _ in range(3):
            with socket.create_connection(server.server_address[:2], timeout=10) as client:
                client.sendall(b"GET /picture.jpg HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n")
                # Closes with a reset, not in good order.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with urllib.request.urlopen(f"{server.url}/picture.jpg", timeout=10) as picture:
            picture.read()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_cannot_be_is_told(port: int) -> None:
    with pytest.raises(ArgumentError, match=f"port {port} cannot be used"):
        PictureServer(port)


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"port {port} cannot be used .*Choose another"):
            PictureServer(port)


def test_nobody_who_looks_is_left_waiting_at_the_end() -> None:
    server = PictureServer(0)
    with serving(server):
        answers: list[Any] = []
        waiting = threading.Thread(target=lambda: answers.extend(server.jpegs()))
        waiting.start()
    waiting.join(10)
    assert not waiting.is_alive() and answers == []
