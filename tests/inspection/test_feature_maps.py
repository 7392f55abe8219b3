"""Feature maps are what the layer answers to the model's own crop of the image."""

from pathlib import Path

import keras
import numpy as np
import pytest

from simplebase import SimpleBaseline
from simplebase.errors import ArgumentError, OutputExistsError
from simplebase.images import read_image, write_image
from simplebase.inference import cut_out
from simplebase.inspection import write_feature_maps
from simplebase.inspection.feature_maps import draw_feature_maps, feature_maps, strongest_channels
from simplebase.inspection.pictures import magnified

LOWEST, HIGHEST = (68, 1, 84), (253, 231, 37)  # the ends of viridis
IMAGE = slice(64, 64 + 256), slice(10, 10 + 256)  # of the sheet


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def test_maps_are_the_outputs_within_the_model(gated: SimpleBaseline, crops: np.ndarray) -> None:
    normalised = crops / np.float32(127.5) - 1
    features = gated.backbone(normalised)
    convolved = keras.Model(gated.backbone.input, gated.backbone.get_layer("block1_conv").output)(
        normalised
    )
    for path, expected in {
        "normalisation": normalised,
        "gated/block1_conv": convolved,
        "gated/gated_conv": features,
        "gated": features,
        "head": gated(crops),
        "head/heatmaps": gated(crops),
    }.items():
        np.testing.assert_allclose(feature_maps(gated, path, crops), expected, atol=1e-5)


def test_a_layer_without_maps_is_refused(gated: SimpleBaseline, crops: np.ndarray) -> None:
    with pytest.raises(
        ArgumentError, match=r"'gated/means' has no feature maps \(h, w, C\); its output is \(8,\)"
    ):
        feature_maps(gated, "gated/means", crops)


def test_channels_that_vary_come_first_and_dead_ones_last() -> None:
    maps = np.zeros((2, 2, 5), np.float32)
    maps[..., 1] = 9  # the same everywhere
    maps[0, 0, 2] = -4
    maps[0, 0, 3] = 1
    maps[..., 4] = -2
    assert strongest_channels(maps).tolist() == [2, 3, 1, 4, 0]


def test_each_tile_runs_from_its_lowest_to_its_highest(crops: np.ndarray) -> None:
    maps = np.zeros((2, 2, 1), np.float32)
    maps[1, 0] = 1e-6
    sheet = draw_feature_maps(crops[0], maps, "layer")
    tile = sheet[64 : 64 + 136, 286 : 286 + 136]
    assert tuple(tile[100, 30]) == HIGHEST
    assert tuple(tile[30, 30]) == tuple(tile[100, 100]) == LOWEST
    assert (sheet[IMAGE] == magnified(crops[0], 256)).all()


def test_no_more_than_64_tiles_are_drawn(crops: np.ndarray) -> None:
    maps = np.zeros((2, 2, 300), np.float32)
    maps[0] = np.arange(300)
    few, many = (draw_feature_maps(crops[0], maps[..., :count], "layer") for count in (64, 300))
    assert few.shape == many.shape


def test_the_image_is_cut_as_the_model_cuts_it(small_model_file: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    write_image(tmp_path / "image.png", image)
    metadata = SimpleBaseline.from_preset(
        "mobilenetv1_upsample_lite", 1, input_size=(64, 64), backbone_weights="none"
    ).metadata
    for name, box in {"whole.png": None, "part.png": (20.0, 10.0, 50.0, 40.0)}.items():
        picture = write_feature_maps(
            small_model_file, tmp_path / "image.png", tmp_path / name, box=box
        )
        # MobileNetV2's last layer.
        assert picture.path == "mobilenetv2/out_relu" and (picture.shown, picture.total) == (
            64,
            1280,
        )
        [crop], _ = cut_out(image, [box or (0.0, 0.0, 120.0, 80.0)], metadata)
        assert (read_image(tmp_path / name)[IMAGE] == magnified(crop, 256)).all()


def test_nothing_is_replaced_and_nothing_but_an_image_written(
    small_model_file: Path, figures_folder: Path, tmp_path: Path
) -> None:
    image, old = figures_folder / "images" / "000000.jpg", tmp_path / "old.png"
    old.write_text("mine")
    with pytest.raises(OutputExistsError):
        write_feature_maps(small_model_file, image, old)
    assert old.read_text() == "mine"
    with pytest.raises(ArgumentError, match=r"maps.txt: an image ends in"):
        write_feature_maps(small_model_file, image, tmp_path / "maps.txt")
