"""Which `Host` and `Origin` are a page's own."""

import pytest

from simplebase.demo.own_host import is_own_host, is_same_origin


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000",
        # Browsers leave out port 80.
        "127.0.0.1",
        "localhost",
        "localhost:9999",
        "LocalHost:8000",
        "localhost.",
        "localhost.:8000",
        "[::1]",
        "[::1]:8000",
    ],
)
def test_names_of_this_machine_are_its_own_at_any_port(host: str) -> None:
    assert is_own_host([host])


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["127.0.0.1", "evil.example"],
        ["evil.example"],
        ["evil.example:8000"],
        ["localhost.evil.example"],
        ["evil-localhost"],
        ["127.0.0.1.evil.example"],
        ["127.0.0.1@evil.example"],
        ["evil.example#@127.0.0.1"],
        ["localhost:80:80"],
        ["localhost:port"],
        ["localhost.."],
        ["0.0.0.0:8000"],
        ["192.168.0.2"],
        ["[::]"],
        ["::1"],
    ],
)
def test_other_names_are_not(hosts: list[str]) -> None:
    assert not is_own_host(hosts)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860", True),
        ("http://localhost:9999", "LOCALHOST:9999", True),
        ("http://localhost", "localhost", True),
        ("http://localhost", "localhost:80", True),
        ("https://localhost", "localhost:443", True),
        ("http://[::1]:7860", "[::1]:7860", True),
        ("http://localhost:3000", "localhost:7860", False),
        ("http://localhost", "127.0.0.1", False),
        ("http://localhost", "localhost:7860", False),
        ("https://evil.example", "127.0.0.1:7860", False),
        ("http://evil.example@127.0.0.1:7860", "127.0.0.1:7860", False),
        ("http://127.0.0.1:7860/path", "127.0.0.1:7860", False),
        ("file://", "127.0.0.1:7860", False),
        ("null", "127.0.0.1:7860", False),
        ("", "", False),
        ("http://", "", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_a_page_may_only_ask_where_it_was_loaded(origin: str, host: str, expected: bool) -> None:
    assert is_same_origin(origin, host) == expected
