"""What is printed where the terminal cannot show every character."""

import io
import sys

import pytest

from simplebase.cli import main

OUTPUTS = ("stdout", "stderr")


@pytest.mark.parametrize(
    ("encoding", "errors", "shown"),
    [
        ("ascii", "strict", "??"),
        ("latin-1", "surrogateescape", "??"),
        ("ascii", "backslashreplace", "\\u5de6\\u773c"),
    ],
)
def test_a_name_that_the_terminal_cannot_show_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, encoding: str, errors: str, shown: str
) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding, errors) for name in OUTPUTS}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, "argv", ["simplebase", "presets", "左眼"])
    with pytest.raises(SystemExit) as end:
        main()
    streams["stderr"].flush()
    printed = streams["stderr"].buffer.getvalue().decode(encoding)
    assert end.value.code == 2
    assert printed.startswith(f"Error: preset '{shown}' does not exist.")
