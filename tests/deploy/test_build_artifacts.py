"""What deploy/build_artifacts.sh refuses before the long work of building begins."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "deploy" / "build_artifacts.sh"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable}
    return subprocess.run(
        ["bash", SCRIPT, *words], capture_output=True, text=True, env=environment, check=False
    )


def test_an_unknown_preset_is_refused_at_once(tmp_path: Path) -> None:
    refused = run("mobilenetv9_deconv", tmp_path / "out")
    assert refused.returncode != 0 and not refused.stdout
    assert "preset 'mobilenetv9_deconv' does not exist" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_kept(tmp_path: Path) -> None:
    refused = run("person-mini", tmp_path)
    assert refused.returncode == 1 and f"{tmp_path} exists" in refused.stderr
