"""A small real model, and images of coloured dots."""

from pathlib import Path

import numpy as np
import pytest
from coloured_dots import TRIANGLE, dots

from simplebase.images import write_image

STEP = 5
"""Pixels that the dots of an image are further to the right than those of the one before."""


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that ONNX Runtime runs, see `colour_model`."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    from colour_model import write_colour_model

    return write_colour_model(tmp_path_factory.mktemp("models") / "colours.onnx")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten images of 160x120; not to be written to."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(10):
        places = np.array(TRIANGLE) + [STEP * number, 0]
        write_image(folder / f"{number}.png", dots([places]))
    return folder
