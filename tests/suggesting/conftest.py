"""Fixtures over the world of coloured dots."""

import pytest
from coloured_dots import DotModel


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> DotModel:
    """What every model file is taken for."""
    fake = DotModel()
    monkeypatch.setattr("simplebase.suggesting.suggestions.load_runtime", lambda path: fake)
    return fake
