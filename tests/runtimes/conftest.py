"""The model in every format."""

import pytest
from artifacts import Artifacts


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Not to be written to."""
    return Artifacts(tmp_path_factory.mktemp("artifacts"))
