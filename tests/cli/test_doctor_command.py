"""What `simplebase doctor` prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simplebase.cli import app
from simplebase.doctor import devices
from simplebase.version import __version__


def test_it_prints_versions_and_fits_80_columns(
    command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(devices, "_tensorflow_gpus", lambda: (("Some GPU",), None))
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(app.console, "width", 80)
    code, output, _ = command("doctor", "--json", "doctor.json")
    assert code == 0
    assert __version__ in output and "Some GPU" in output and "onnx" in output
    assert max(map(len, output.splitlines())) <= 80
    assert json.loads(Path("doctor.json").read_text())["devices"]["gpus"] == ["Some GPU"]


def test_it_imports_no_tensorflow_itself() -> None:
    program = """
import sys
from simplebase.doctor import devices
devices._tensorflow_gpus = lambda: ((), None)
from simplebase import cli
sys.argv = ["simplebase", "doctor"]
try:
    cli.main()
except SystemExit as end:
    assert not end.code
assert not {"tensorflow", "keras", "cv2"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
