"""Fixtures of the converters' tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simplebase import KeypointDataset, load_dataset
from simplebase.converters import Conversion, write_dataset


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., KeypointDataset]:
    """Writes a conversion with links and loads it again."""

    def write(conversion: Conversion, name: str = "written", **options: Any) -> KeypointDataset:
        write_dataset(conversion, tmp_path / name, **({"images": "link"} | options))
        return load_dataset(tmp_path / name)

    return write
