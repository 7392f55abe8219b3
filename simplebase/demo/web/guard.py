"""Refuses requests of other sites, addresses to fetch, and files that the page did not store.

Gradio accepts any `Host` and uploads from any site, and fetches addresses that a request names. A
page for one machine needs none of that, so an ASGI layer around it refuses such requests.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simplebase.demo.own_host import ADDRESS, is_own_host, is_same_origin

_UPLOAD = "/gradio_api/upload"
_FILE = re.compile(r"/gradio_api/file[=/](.*)", re.DOTALL)
_PROXY = re.compile(r".*/proxy=", re.DOTALL)
# A drive such as `C:/` is not a scheme.
_URL = re.compile(r"\s*(?:[a-z][a-z0-9+.-]+:/|//|https?:|file:|ftp:)", re.IGNORECASE)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LONGEST_REQUEST = 32_000_000
"""Most bytes of a request other than an upload. A webcam's 1920x1080 as PNG has about 5 MB."""
_FORM = 1_000_000
"""Bytes that the form of an upload may add to its file."""


class Refused(Exception):
    """Raised for a request that is refused.

    Args:
        status: HTTP status of the response.
        reason: text for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Guard:
    """An ASGI app that passes on only requests of the page itself.

    Args:
        app: the wrapped app.
        folder: the folder of uploads and results. Requests may only name files in it.
        upload_limit: size of the largest file in bytes.
    """

    def __init__(self, app: ASGIApp, folder: Path, upload_limit: int) -> None:
        self._app = app
        self._folder = Path(os.path.realpath(folder))
        self._upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request or passes it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check_sender(scope)
            if scope["type"] == "http":
                self._check_path(scope["path"])
                receive = await self._checked_body(scope, receive)
        except Refused as refused:
            await _refuse(refused, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_sender(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        own = f"open http://{ADDRESS}:{(scope.get('server') or ('', ''))[1]} in the browser."
        hosts = headers.getlist("host")
        if not is_own_host(hosts):
            raise Refused(403, f"The page can only be used on this machine: {own}")
        origins = headers.getlist("origin")
        if any(not is_same_origin(origin, hosts[0]) for origin in origins):
            raise Refused(403, f"Requests of other sites are refused: {own}")
        is_from_elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if is_from_elsewhere and not _is_link_to_page(scope, headers):
            raise Refused(403, f"Requests of other sites are refused: {own}")

    def _check_path(self, path: str) -> None:
        if _PROXY.match(path):
            raise Refused(403, "The page fetches no addresses.")
        if match := _FILE.match(path):
            self._check_file(match[1])

    async def _checked_body(self, scope: Scope, receive: Receive) -> Receive:
        """Returns the function from which the app receives the request's body.

        The body of an upload is passed on directly; any other is read and checked.
        """
        if scope["method"] in _SAFE_METHODS:
            return receive
        headers = Headers(scope=scope)
        if headers.get("content-type", "").lower().lstrip().startswith("multipart/"):
            self._check_upload(scope["path"], headers)
            return receive
        body = await _read_body(receive)
        try:
            content = json.loads(body) if body else None
        except (ValueError, RecursionError) as error:
            raise Refused(400, "The request is not valid JSON.") from error
        for key, text in _texts(content):
            self._check_text(key, text, headers["host"])
        return _replayed(body, receive)

    def _check_upload(self, path: str, headers: Headers) -> None:
        if path.rstrip("/") != _UPLOAD:
            raise Refused(403, f"Files can only be uploaded to {_UPLOAD}.")
        length = headers.get("content-length", "")
        if not length.isdecimal():
            raise Refused(411, "An upload must state its length.")
        if int(length) > self._upload_limit + _FORM:
            raise Refused(
                413,
                f"The file is larger than {self._upload_limit // 1_000_000} MB. "
                "Use `simplebase demo --input FILE`, which has no limit.",
            )

    def _check_text(self, key: str, text: str, host: str) -> None:
        """Raises Refused if a string in a request's JSON names an address or a foreign file."""
        if key == "path":
            self._check_file(text)
        elif key == "url":
            self._check_url(text, host)
        elif _URL.match(text):
            raise Refused(403, "The page fetches no addresses.")

    def _check_url(self, url: str, host: str) -> None:
        """Checks an address: only the page's own, or the content of a file as `data:`, may pass."""
        if url == "" or url.startswith("data:"):
            return
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise Refused(403, "The page fetches no addresses.") from error
        is_own = parts.netloc == "" or is_same_origin(f"{parts.scheme}://{parts.netloc}", host)
        match = _FILE.match(unquote(parts.path))
        if not is_own or match is None or (parts.scheme and not parts.netloc):
            raise Refused(403, "The page fetches no addresses.")
        self._check_file(match[1])

    def _check_file(self, text: str) -> None:
        if _URL.match(text):
            raise Refused(403, "The page fetches no addresses.")
        if "\0" in text or not Path(os.path.realpath(text)).is_relative_to(self._folder):
            raise Refused(403, "The page only reads files that were uploaded to it.")


def _is_link_to_page(scope: Scope, headers: Headers) -> bool:
    """Returns whether the user follows a link to the page, in a new tab."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and scope["path"] == "/"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "The request was interrupted.")
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > _LONGEST_REQUEST:
            raise Refused(413, f"The request is longer than {_LONGEST_REQUEST // 1_000_000} MB.")
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Returns a function that delivers the body first, then later messages of the client."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _texts(content: Any) -> Iterator[tuple[str, str]]:
    """Yields all strings of a JSON value, each with its key or the key of the list around it."""
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, list):
            waiting.extend((key, each) for each in value)


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # Before the connection is accepted, so that the server responds with 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    # The rest of the request is not read, so the connection cannot be reused.
    response = PlainTextResponse(refused.reason, refused.status, headers={"Connection": "close"})
    await response(scope, receive, send)
