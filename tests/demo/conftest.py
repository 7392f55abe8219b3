"""Fixtures over the world of coloured dots."""

from pathlib import Path

import pytest
from coloured_dots import DotModel, moving, write_video


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> DotModel:
    """What every model file is taken for."""
    fake = DotModel()
    monkeypatch.setattr("simplebase.demo.run.load_runtime", lambda path: fake)
    return fake


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve frames of 160x120 at 25 a second."""
    return write_video(tmp_path / "clip.mp4", moving(12))
