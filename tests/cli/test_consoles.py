"""What is printed where the terminal cannot show every character."""

import io
import sys

import pytest

from simplebase.cli import main


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_terminal_cannot_show_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, "argv", ["simplebase", "presets", "左眼"])
    with pytest.raises(SystemExit) as end:
        main()
    streams["stderr"].flush()
    printed = streams["stderr"].buffer.getvalue().decode(encoding)
    assert end.value.code == 2
    assert printed.startswith("Error: preset '??' does not exist.")
