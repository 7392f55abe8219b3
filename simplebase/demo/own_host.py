"""Recognises requests that come from our own page in a browser on this machine.

Every site that is open in the browser can send requests to 127.0.0.1, and a foreign host name may
resolve to that address (DNS rebinding). The headers `Host` and `Origin`, which a site cannot forge,
reveal such requests.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+?)\.?(?::(\d{0,5}))?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def is_own_host(hosts: Sequence[str]) -> bool:
    """Returns whether the `Host` headers of a request name this machine itself.

    The port is ignored, because browsers leave out 80, and a tunnel may use any port.

    Args:
        hosts: all values of the header. Browsers send one, and HTTP/1.0 allows none.
    """
    return len(hosts) == 1 and _name_and_port(hosts[0])[0] in _NAMES


def is_same_origin(origin: str, host: str) -> bool:
    """Returns whether `origin` is the page that was loaded from `host`, port included."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or origin != f"{parts.scheme}://{parts.netloc}":
        return False
    (name, port), (own_name, own_port) = _name_and_port(parts.netloc), _name_and_port(host)
    return name != "" and (name, port or default) == (own_name, own_port or default)


def _name_and_port(host: str) -> tuple[str, str]:
    """Returns name and port in lower case; both are empty if it is not a host."""
    match = _HOST.fullmatch(host.strip())
    return (match[1].lower(), match[2] or "") if match else ("", "")
