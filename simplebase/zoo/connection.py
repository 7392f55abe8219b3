"""HTTP requests: certificates, redirects, and error messages.

It uses the package requests, which TensorFlow installs anyway, respects HTTP_PROXY, HTTPS_PROXY and
NO_PROXY, and always verifies TLS.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from urllib.parse import urljoin, urlsplit

import requests
import requests.exceptions as failures

from simplebase.errors import first_line
from simplebase.version import __version__
from simplebase.zoo.remote import UnavailableError

_TIMEOUTS = (10.0, 30.0)  # seconds to connect, and to wait for the next bytes
_MOST_REDIRECTS = 5
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Session(requests.Session):
    """A session of requests that is stricter about redirects and supports SSL_CERT_FILE."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = _MOST_REDIRECTS
        # Uncompressed, so that lengths and ranges refer to the bytes of the file itself.
        self.headers.update(
            {"User-Agent": f"simplebase/{__version__}", "Accept-Encoding": "identity"}
        )

    def get_redirect_target(self, response: requests.Response) -> str | None:
        """Refuses redirects from https to http."""
        target = super().get_redirect_target(response)
        if target is not None and response.url.startswith("https:"):
            target = urljoin(response.url, target)
            if not target.startswith("https:"):
                raise UnavailableError(
                    f"{host_of(response.url)} redirects from https to {shown_address(target)}, "
                    "which is not followed"
                )
        return target

    def open(self, url: str, headers: dict[str, str]) -> requests.Response:
        """Sends a request; returns a response of status 200, 206 or 416 with an unread body.

        Raises:
            UnavailableError: there is no response, or it is not the file.
        """
        certificates = _certificates()
        try:
            response = self.get(
                url, headers=headers, stream=True, timeout=_TIMEOUTS, verify=certificates
            )
        except failures.RequestException as error:
            raise UnavailableError(reason_of(error, url)) from error
        try:
            _require_file(response)
        except UnavailableError:
            response.close()
            raise
        return response


def shown_address(url: str) -> str:
    """Returns `url` for messages, without passwords and signatures."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_of(url)}{parts.path}"


def host_of(url: str) -> str:
    """Returns the host of `url`, with the port if there is one."""
    return urlsplit(url).netloc.rpartition("@")[2]


def reason_of(error: Exception, url: str) -> str:
    """Describes an error of a request to the host of `url`, as a clause."""
    host, causes = host_of(url), list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {host} is not trusted ({cause.verify_message}); if a proxy "
                "of your network issues its own, set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to the "
                "file that verifies it"
            )
    if isinstance(error, failures.ProxyError):
        return f"the proxy that the environment names for {host} fails ({_words(causes)})"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"the name {host} cannot be looked up (is there a network?)"
    if isinstance(error, ValueError):  # errors of requests about addresses
        return f"{shown_address(url)} leads to something that is not a valid http or https address"
    if isinstance(error, failures.TooManyRedirects):
        return f"{host} redirects more than {_MOST_REDIRECTS} times"
    if any(isinstance(cause, failures.Timeout | TimeoutError) for cause in causes):
        return f"{host} does not respond in time"
    return f"{host} cannot be reached ({_words(causes)})"


def _certificates() -> str | bool:
    """Returns the certificates that the environment names; True if it names none."""
    for variable in _CERTIFICATES:
        if path := os.environ.get(variable):
            if not os.path.exists(path):
                raise UnavailableError(f"{variable} names {path}, which does not exist")
            return path
    return True


def _require_file(response: requests.Response) -> None:
    host, status = host_of(response.url), response.status_code
    is_page = response.headers.get("Content-Type", "").lower().startswith("text/html")
    if status == 511 or (status in (200, 206) and is_page):
        raise UnavailableError(
            f"{host} sent a web page instead of the file; if this network requires a log-in, "
            "open any page in a browser first"
        )
    if status in (404, 410):
        raise UnavailableError(f"{shown_address(response.url)} does not exist (status {status})")
    if status in (401, 403, 407):
        raise UnavailableError(f"{host} does not allow the download (status {status})")
    if status not in (200, 206, 416):
        raise UnavailableError(f"{host} does not deliver it at the moment (status {status})")


def _words(causes: list[BaseException]) -> str:
    """Returns the operating system's message, else the response's fault, else the last error."""
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno and cause.strerror:
            return cause.strerror
    causes = [cause for cause in causes if isinstance(cause, HTTPException)] or causes
    # The text may come from a server, so control characters are removed.
    return re.sub(r"[^ -~]", "?", first_line(Exception(causes[-1])))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields `error` and all errors that requests and urllib3 wrapped in it."""
    waiting, seen = [error], set[int]()
    while waiting:
        error = waiting.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        wrapped = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
        waiting += [other for other in wrapped if isinstance(other, BaseException)]
