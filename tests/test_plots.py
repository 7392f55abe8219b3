import cv2
import numpy as np
import pytest

from simplebase import load_preset, preset_names
from simplebase.errors import ArgumentError, OutputExistsError
from simplebase.plots import plot_costs


@pytest.fixture
def presets():
    return [load_preset(name).summary() for name in preset_names()]


def test_the_chart_has_a_point_in_the_colour_of_each_backbone(presets, tmp_path):
    plot_costs(presets, tmp_path / "costs.png")
    pixels = cv2.imread(str(tmp_path / "costs.png")).reshape(-1, 3)
    blue, red = ((0xA8, 0x6C, 0x1B), (0x5B, 0x49, 0xD1))  # BGR of the first two backbones
    for colour in (blue, red):
        assert (np.abs(pixels.astype(int) - colour).max(axis=1) < 3).sum() > 100


def test_a_chart_is_an_image_and_replaces_nothing(presets, tmp_path):
    with pytest.raises(ArgumentError, match=r"costs\.txt"):
        plot_costs(presets, tmp_path / "costs.txt")
    (tmp_path / "costs.png").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        plot_costs(presets, tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes() == b"mine"
