"""An empty cache, and a hub that nothing in the environment leads away from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from model_hub import Hub, serving

from simplebase.zoo import downloading


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, not there yet."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SIMPLEBASE_MIRROR", "SIMPLEBASE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIMPLEBASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloading, "_PAUSE", 0)
    return tmp_path / "cache" / "models"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub
