"""Two small models of the skeleton of the drawn figures."""

import pytest
from artifacts import Artifacts


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Not to be written to."""
    return Artifacts(tmp_path_factory.mktemp("small"), skeleton="mpii")


@pytest.fixture(scope="session")
def small_deconv(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """With transposed convolutions; not to be written to."""
    return Artifacts(tmp_path_factory.mktemp("deconv"), "deconv", "mpii")
