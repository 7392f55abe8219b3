"""Kernels are drawn in the colours that they answer to, the largest first."""

from pathlib import Path

import numpy as np
import pytest

from simplebase import SimpleBaseline
from simplebase.errors import ArgumentError
from simplebase.images import read_image
from simplebase.inspection import write_kernels
from simplebase.inspection.kernels import draw_kernels

TILE, GAP, TOP, LEFT = 96, 10, 64, 10


def tile(sheet: np.ndarray, place: int) -> np.ndarray:
    """`(96, 96, 3)`: one of the first row."""
    left = LEFT + place * (TILE + GAP)
    return sheet[TOP : TOP + TILE, left : left + TILE].astype(int)


def test_a_kernel_of_an_image_has_the_colour_it_answers_to() -> None:
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[:, :, 0, 1] = 0.5
    kernel[:, :, 1, 0] = -0.25
    sheet, shown, total = draw_kernels(kernel, "conv1")
    assert (shown, total) == (2, 2)
    assert (tile(sheet, 0) == (255, 128, 128)).all()
    assert (tile(sheet, 1) == (128, 64, 128)).all()


def test_other_kernels_are_grey_and_the_largest_64_of_them_shown() -> None:
    kernel = np.zeros((2, 2, 10, 10), np.float32)
    kernel[1, 0, 7, 4] = -1
    kernel[:, :, 3, 3] = 0.25
    sheet, shown, total = draw_kernels(kernel, "conv2")
    assert (shown, total) == (64, 100)
    largest, second, rest = (tile(sheet, place) for place in range(3))
    # All but half a per cent of the weights are within the scale, so the very largest is black.
    assert (largest[48:, :48] == 0).all() and (largest[:48] == 128).all()
    assert second.min() == second.max() > 128
    assert (rest == 128).all()


def test_kernels_of_one_pixel_are_one_matrix() -> None:
    kernel = np.zeros((1, 1, 4, 2), np.float32)
    kernel[0, 0, 3, 0] = 1
    sheet, shown, total = draw_kernels(kernel, "point")
    assert shown == total == 8
    matrix = sheet[TOP : TOP + 384, LEFT : LEFT + 768]
    assert (matrix[:192, 576:] == 255).all()
    assert (matrix[192:] == 128).all() and (matrix[:, :576] == 128).all()


def test_a_kernel_of_nothing_is_grey() -> None:
    sheet, _, _ = draw_kernels(np.zeros((3, 3, 3, 1), np.float32), "conv1")
    assert (tile(sheet, 0) == 128).all()


def test_a_network_that_reads_bgr_is_drawn_in_true_colours(
    reads_bgr: SimpleBaseline, tmp_path: Path
) -> None:
    convolution = reads_bgr.backbone.get_layer("conv")
    kernel = np.zeros(convolution.kernel.shape, np.float32)
    kernel[:, :, 0] = 1
    convolution.kernel.assign(kernel)
    reads_bgr.save(tmp_path / "model.keras")
    picture = write_kernels(tmp_path / "model.keras", tmp_path / "kernels.png")
    assert (picture.path, picture.shown, picture.total) == ("one_layer/conv", 8, 8)
    assert (tile(read_image(tmp_path / "kernels.png"), 0) == (128, 128, 255)).all()


@pytest.mark.parametrize(
    ("layer", "path", "kernels"),
    [
        (None, "mobilenetv2/Conv1", (16, 16)),
        ("expanded_conv_depthwise", "mobilenetv2/expanded_conv_depthwise", (16, 16)),
        ("block1_conv", "upsample_lite_head/block1_conv", (64, 1280)),
        ("heatmaps", "upsample_lite_head/heatmaps", (256, 256)),
    ],
)
def test_each_kind_of_convolution_is_drawn(
    small_model_file: Path,
    tmp_path: Path,
    layer: str | None,
    path: str,
    kernels: tuple[int, int],
) -> None:
    picture = write_kernels(small_model_file, tmp_path / "kernels.png", layer=layer)
    # A head that nobody named is numbered by how many the process built before it.
    assert picture.path.split("/")[-1] == path.split("/")[-1]
    assert (picture.shown, picture.total) == kernels
    assert read_image(tmp_path / "kernels.png").ndim == 3


def test_a_layer_without_kernels_is_told_with_convolutions_like_it(
    small_model_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError) as error:
        write_kernels(small_model_file, tmp_path / "kernels.png", layer="block_1_depthwise_BN")
    assert "'mobilenetv2/block_1_depthwise_BN' (BatchNormalization) has no kernels" in str(error)
    assert "Nearest: block_1_depthwise" in str(error.value)
    assert list(tmp_path.iterdir()) == []
