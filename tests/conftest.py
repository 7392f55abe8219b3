"""Fixtures that several test modules share."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from simplebase.data.dataset import KeypointDataset, load_dataset
from simplebase.data.synthetic import synthesize

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def figures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of 40 drawn figures, 32 for training; not to be written to."""
    return synthesize(tmp_path_factory.mktemp("data") / "figures", count=40)


@pytest.fixture(scope="session")
def figures(figures_folder: Path) -> KeypointDataset:
    return load_dataset(figures_folder)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and weights beside the checkout; a test that needs them skips without."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent; it holds real images and weights, which we do not ship")
    return SHARED
