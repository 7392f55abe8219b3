"""The programs of a build of `deploy/`, and how tests run them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("SIMPLEBASE_REQUIRE_DEPLOY") == "1"


@dataclass(frozen=True)
class Programs:
    """The folder of a build."""

    folder: Path

    def demo(self, model: Path, *words: object) -> "subprocess.CompletedProcess[str]":
        """Runs the demo of a model's format on it with further words."""
        names = {".tflite": "litert", ".mnn": "mnn", ".onnx": "onnx"}
        program = self.folder / f"simplebase_{names[model.suffix]}"
        if not program.exists():
            absent(f"{program.name} was not built: its library was not found")
        command = [program, "-m", model, *words]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)

    def probe(self, *words: object) -> str:
        """What `probe` prints; it must succeed."""
        command = [self.folder / "tests" / "probe", *map(str, words)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def absent(reason: str) -> NoReturn:
    """Skips the test, or fails it where a skip would hide something."""
    if REQUIRED:
        pytest.fail(f"{reason}, and SIMPLEBASE_REQUIRE_DEPLOY is 1")
    pytest.skip(reason)
