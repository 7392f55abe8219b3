"""The command line as a user runs it."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from simplebase.cli import app, main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Runs `simplebase ARGUMENTS` in an empty folder: exit code, stdout, stderr."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # `main` puts its own in place.
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(app.console, "width", 200)
    # `--offline` sets it for the process.
    monkeypatch.setenv("SIMPLEBASE_OFFLINE", "0")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["simplebase", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        assert isinstance(code, int)
        return code, printed.out, printed.err

    return run
