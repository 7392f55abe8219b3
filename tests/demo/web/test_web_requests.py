"""What the page answers to requests that no browser tab of its own sent."""

import gc
import http.client
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import pytest
from coloured_dots import DotModel, moving

from simplebase.errors import DataError

if find_spec("gradio") is None:
    pytest.skip("gradio is not installed: pip install 'simplebase[web]'", allow_module_level=True)

pytestmark = [
    # Of Gradio's own dependencies.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # With the other tests of the page: only one worker imports Gradio.
    pytest.mark.xdist_group("page"),
]

BOUNDARY = "xxxx"
SECONDS = 30.0


class Client:
    """Sends requests to the page, with the headers that a test chooses."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        sent = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def upload(
        self, name: str, content: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        form = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"'
        body = f"{form}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.ask("POST", "/gradio_api/upload", body, {**kind, **(headers or {})})

    def look(self, image: Any, path: str = "/gradio_api/run/look") -> tuple[int, str]:
        """Asks for the poses of an image, as the first tab does."""
        data = [image, "dots.keras", 0.1, 0.5]
        return self.ask("POST", path, {"data": data, "session_hash": "test"})

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


def file_data(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png", **more}


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """Gradio leaves event loops open; here the marks above hold for what Python says of them."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, collected: None) -> Iterator[Client]:
    """The page over a model that sees coloured dots."""
    from simplebase.demo.settings import DemoSettings
    from simplebase.demo.web.page import _page_folder, build_page, launched
    from simplebase.demo.web.session import PageSession

    models = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch, _page_folder() as folder:
        for module in ("run", "web.session"):
            patch.setattr(f"simplebase.demo.{module}.load_runtime", lambda path: DotModel())
        session = PageSession([models / "dots.keras"], DemoSettings())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with launched(build_page(session, DemoSettings(), folder), port):
            yield Client(port, folder)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return cv2.imencode(".png", moving(1)[0][..., ::-1])[1].tobytes()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:9999", "LOCALHOST", "localhost.:80", "[::1]:8080"]
)
def test_the_page_answers_at_its_own_names_and_any_port(client: Client, host: str) -> None:
    status, text = client.ask("GET", "/", headers={"Host": host.format(port=client.port)})
    assert status == 200 and "simplebase demo" in text


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/startup-events"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:{port}"])
def test_another_host_name_is_refused(client: Client, path: str, method: str, host: str) -> None:
    status, text = client.ask(method, path, headers={"Host": host.format(port=client.port)})
    assert status == 403 and f"open http://127.0.0.1:{client.port}" in text


def test_a_request_without_a_host_is_refused(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\nOrigin: http://evil.example\r\n\r\n")
        assert b" 403 " in connection.recv(64)


def test_a_websocket_of_another_host_is_refused(client: Client) -> None:
    request = (
        "GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", client.port), SECONDS) as connection:
        connection.sendall(request.encode())
        assert b" 403 " in connection.recv(64)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        # Another program of this machine has another port.
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_another_site_can_neither_upload_nor_ask(
    client: Client, photo: bytes, headers: dict[str, str]
) -> None:
    before = client.files()
    assert client.upload("a.png", photo, headers)[0] == 403
    for path in ("queue/join", "run/look", "call/look", "cancel", "reset"):
        body = {"data": [], "session_hash": "x", "fn_index": 0}
        assert client.ask("POST", f"/gradio_api/{path}", body, headers)[0] == 403
    assert client.ask("GET", "/gradio_api/queue/data?session_hash=x", headers=headers)[0] == 403
    assert client.files() == before


def test_a_link_of_another_site_opens_the_page_but_no_frame_does(client: Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.ask("GET", "/", headers={**headers, "Sec-Fetch-Dest": "document"})[0] == 200
    assert client.ask("GET", "/", headers={**headers, "Sec-Fetch-Dest": "iframe"})[0] == 403
    assert client.ask("GET", "/config", headers={**headers, "Sec-Fetch-Dest": "document"})[0] == 403


def test_an_upload_through_a_tunnel_is_looked_at(client: Client, photo: bytes) -> None:
    headers = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
    status, text = client.upload("a.png", photo, {**headers, "Sec-Fetch-Site": "same-origin"})
    assert status == 200
    (path,) = json.loads(text)
    assert Path(path).is_relative_to(client.folder) and Path(path).read_bytes() == photo
    url = f"http://localhost:9999/gradio_api/file={path}"
    data = {"data": [file_data(path, url=url), "dots.keras", 0.1, 0.5], "session_hash": "x"}
    status, text = client.ask("POST", "/gradio_api/run/look", data, headers)
    # What was found is copied to where the page may read it, too.
    assert status == 200 and "green" in text
    assert client.ask("GET", f"/gradio_api/file={quote(path)}")[0] == 200


ADDRESSES = ["http://169.254.169.254/latest", "HTTPS://evil.example/a.png", "//evil.example/a.png"]


@pytest.mark.parametrize("path", ["run/look", "call/look", "queue/join", "api/look"])
@pytest.mark.parametrize("address", [*ADDRESSES, "file:///etc/passwd", " http:/x"])
@pytest.mark.parametrize("where", ["path", "url", "text", "deep"])
def test_an_address_in_a_request_is_refused(
    client: Client, path: str, address: str, where: str
) -> None:
    inside = str(client.folder / "a.png")
    image = {
        "path": file_data(address),
        "url": file_data(inside, url=address),
        "text": address,
        "deep": {"x": [{"path": [address]}]},
    }[where]
    before = client.files()
    status, text = client.look(image, f"/gradio_api/{path}")
    assert status == 403 and ("no addresses" in text or "no files" in text)
    assert client.files() == before


@pytest.mark.parametrize(
    "outside", ["/etc/passwd", "{folder}/../secret.png", "setup.py", "", "/etc/pass\0wd", "~/x"]
)
def test_a_file_that_was_not_uploaded_is_refused(client: Client, outside: str) -> None:
    path = outside.format(folder=client.folder)
    status, text = client.look(file_data(path))
    assert status == 403 and "that were uploaded" in text
    # Without the mark by which Gradio knows files.
    assert client.look({"path": path})[0] == 403
    assert client.ask("GET", f"/gradio_api/file={quote(path)}")[0] == 403


def test_a_link_out_of_the_folder_is_refused(client: Client, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (client.folder / "link.png").symlink_to(tmp_path / "secret.png")
    path = str(client.folder / "link.png")
    assert client.look(file_data(path))[0] == 403
    assert client.ask("GET", f"/gradio_api/file={path}")[0] == 403


@pytest.mark.parametrize("address", [*ADDRESSES, "http:/127.0.0.1/x"])
@pytest.mark.parametrize("route", ["file=", "proxy="])
def test_nothing_is_fetched_for_others(client: Client, route: str, address: str) -> None:
    for path in (address, quote(address, safe="")):
        assert client.ask("GET", f"/gradio_api/{route}{path}")[0] == 403


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    headers = {"Content-Length": str(2 * 10**9)}
    status, text = client.upload("a.mp4", b"", headers)
    assert status == 413 and "larger than 500 MB" in text and "--input FILE" in text


def test_files_are_taken_by_the_upload_alone(client: Client) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert client.ask("POST", "/gradio_api/component_server", b"x", headers)[0] == 403
    chunked = {**headers, "Transfer-Encoding": "chunked"}
    assert client.ask("POST", "/gradio_api/upload", iter([b"x"]), chunked)[0] == 411


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes) -> None:
    assert client.ask("POST", "/gradio_api/run/look", body)[0] == 400


def test_a_request_that_is_too_long_is_refused(client: Client) -> None:
    status, text = client.ask("POST", "/gradio_api/run/look", b'"' + b"x" * 33_000_000)
    assert status == 413 and "32 MB" in text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGUSR1")
@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), SystemExit(128 + signal.SIGTERM), RuntimeError("x")]
)
def test_all_files_are_gone_however_the_page_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    photo: bytes,
    collected: None,
    end: BaseException,
) -> None:
    from simplebase.demo.settings import DemoSettings
    from simplebase.demo.web import open_page

    monkeypatch.setattr("simplebase.demo.web.session.load_runtime", lambda path: DotModel())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said: list[str] = []

    def use(text: str) -> None:
        said.append(text)
        if text == "closed":
            return
        client = Client(port, tmp_path)
        (uploaded,) = json.loads(client.upload("a.png", photo)[1])
        assert client.look(file_data(uploaded))[0] == 200
        assert len(client.files()) >= 3
        # While the main thread waits, a signal's handler raises what ends the page.
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()

    def handle(number: int, frame: Any) -> None:
        raise end

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with nullcontext() if isinstance(end, KeyboardInterrupt) else pytest.raises(type(end)):
            open_page([Path("dots.keras")], DemoSettings(), port=port, announce=use)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert list(tmp_path.iterdir()) == []
    assert said[1:] == (["closed"] if isinstance(end, KeyboardInterrupt) else [])


def test_a_video_that_is_looked_at_is_stopped_when_the_page_ends(
    model: DotModel, video: Path, tmp_path: Path
) -> None:
    from simplebase.demo.settings import DemoSettings
    from simplebase.demo.web.session import Choice, PageSession

    session = PageSession([Path("dots.keras")], DemoSettings())
    folder = tmp_path / "results"
    folder.mkdir()
    at_work, ended = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def observe(progress: Any) -> None:
        at_work.set()
        assert ended.wait(SECONDS)

    def look() -> None:
        try:
            session.video(str(video), Choice("dots.keras", 0.1, 0.5), folder, observe)
        except DataError as error:
            errors.append(error)

    with session.working():
        worker = threading.Thread(target=look)
        worker.start()
        assert at_work.wait(SECONDS)
        threading.Timer(0.2, ended.set).start()
    # The end of the block waited for it.
    assert list(folder.iterdir()) == [] and str(errors) == "[DataError('The page was closed.')]"
    worker.join(SECONDS)


def test_an_image_file_that_is_too_large_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simplebase.demo.settings import DemoSettings
    from simplebase.demo.web.session import Choice, PageSession

    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(150_000_000)
    session = PageSession([Path("dots.keras")], DemoSettings())
    with pytest.raises(DataError, match="a.png has 150 MB, but an image may have at most 100 MB"):
        session.image(str(tmp_path / "a.png"), Choice("dots.keras", 0.1, 0.5), tmp_path)
