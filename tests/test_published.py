"""Flip test and decoding by `published` are those of the code that published models come from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from published_protocol import dark, flip_average, quarter

from simplebase import Crop, HeatmapCodec, ModelMetadata, PoseEstimator, Skeleton
from simplebase.errors import ArgumentError
from simplebase.metadata import metadata_text
from simplebase.presets import Preset

SIZE = (96, 64)
SKELETON = Skeleton("face", ("left_eye", "right_eye", "nose"), (("left_eye", "right_eye"),))
SWAPPED = [1, 0, 2]


def codec(**changes: Any) -> HeatmapCodec:
    return HeatmapCodec(SIZE, alignment="corner", **changes)


def like_a_networks(rng: np.random.Generator, count: int, sigma: float = 2.0) -> np.ndarray:
    """`(count, 24, 16, 3)` float32: slanted Gaussians of any height on wavy noise around zero."""
    rows, columns = np.mgrid[:24, :16]
    center = rng.uniform([2, 2], [20, 13], (count, 3, 2))
    y, x = (
        grid[None, None] - center[..., axis, None, None]
        for axis, grid in enumerate((rows, columns))
    )
    slant = rng.uniform(-0.4, 0.4, (count, 3, 1, 1))
    height = rng.uniform(0.2, 1, (count, 3, 1, 1))
    peaks = height * np.exp(-(x**2 + y**2 + slant * x * y) / (2 * sigma**2))
    maps = peaks + 0.02 * rng.normal(size=peaks.shape)
    return np.moveaxis(maps, 1, -1).astype(np.float32)


class Answering:
    """A runtime that answers with given maps, first those of the images, then of the mirrored."""

    def __init__(self, metadata: ModelMetadata, *answers: np.ndarray) -> None:
        self.metadata = metadata
        self._answers = iter(answers)

    def predict(self, images: np.ndarray) -> np.ndarray:
        return next(self._answers)


@pytest.mark.parametrize(
    "sigma, blur_kernel", [(2, None), (2, 11), (3, 17), (3, 11)], ids=["plain", "11", "17", "3-11"]
)
def test_the_flip_test_answers_as_published(sigma: float, blur_kernel: int | None) -> None:
    rng = np.random.default_rng(0)
    maps = like_a_networks(rng, 100, sigma)
    noise = 0.01 * rng.normal(size=maps.shape).astype(np.float32)
    mirrored = maps[:, :, ::-1][..., SWAPPED] + noise
    model = ModelMetadata("m", SIZE, Crop(), codec(sigma=sigma, blur_kernel=blur_kernel), SKELETON)
    estimator = PoseEstimator(Answering(model, maps, mirrored), "published", flip_test=True)
    identity = np.broadcast_to(np.eye(2, 3), (100, 2, 3))
    found = estimator.keypoints(np.zeros((100, *SIZE, 3), np.uint8), identity)
    for points, answer, other in zip(
        found, np.moveaxis(maps, -1, 1), np.moveaxis(mirrored, -1, 1), strict=True
    ):
        mean = flip_average(answer, other, SWAPPED)
        expected = [quarter(m) if blur_kernel is None else dark(m, blur_kernel) for m in mean]
        np.testing.assert_allclose(points[:, :2], expected, atol=1e-4)
        np.testing.assert_allclose(points[:, 2], mean.max(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("blur_kernel", [None, 11])
def test_a_peak_in_every_cell_decodes_as_published(blur_kernel: int | None) -> None:
    """The border has rules of its own."""
    rng = np.random.default_rng(1)
    cells = [(y, x) for y in range(24) for x in range(16)]
    maps = like_a_networks(rng, len(cells))[..., :1]
    for heatmap, (y, x) in zip(maps, cells, strict=True):
        heatmap[y, x] = 1.5
    found, _ = codec(blur_kernel=blur_kernel).decode(maps, "published")
    for point, heatmap in zip(found[:, 0], maps[..., 0], strict=True):
        expected = quarter(heatmap) if blur_kernel is None else dark(heatmap, blur_kernel)
        np.testing.assert_allclose(point, expected, atol=1e-4)


def test_what_simplebase_does_by_itself_is_nearer_to_the_point() -> None:
    """A flip test by whole cells moves points an eighth of a cell to the right: 0.5 pixels."""
    points = np.full((1, 200, 3), 2, np.float32)
    points[..., :2] = np.random.default_rng(2).uniform(16, 48, (1, 200, 2))
    plain = codec()
    mirrored = points * [-1, 1, 1] + [SIZE[1] - 1, 0, 0]
    maps, other = (plain.encode(each.astype(np.float32))[0] for each in (points, mirrored))
    same = np.arange(200)
    bias = {
        whole_cells: (
            plain.decode((maps + plain.unflip(other, same, whole_cells=whole_cells)) / 2)[0]
            - points[..., :2]
        ).mean(axis=1)
        for whole_cells in (False, True)
    }
    np.testing.assert_allclose(bias[False], 0, atol=0.02)
    np.testing.assert_allclose(bias[True], [[0.5, 0]], atol=0.02)


def test_whole_cells_change_nothing_where_the_shift_is_whole() -> None:
    maps = like_a_networks(np.random.default_rng(3), 2)
    for alignment in ("center", "upstream"):
        exact = HeatmapCodec(SIZE, alignment=alignment)
        np.testing.assert_array_equal(
            exact.unflip(maps, np.arange(3)), exact.unflip(maps, np.arange(3), whole_cells=True)
        )


@pytest.mark.parametrize("blur_kernel", [None, 11, 17])
@pytest.mark.parametrize("side", [4, 8, 64])
def test_maps_of_any_size_and_without_a_peak_decode_finite(
    side: int, blur_kernel: int | None
) -> None:
    small = HeatmapCodec((side * 4,) * 2, alignment="corner", blur_kernel=blur_kernel)
    for value in (0.0, -1.0, 1e-20, 1e20):
        found, _ = small.decode(np.full((1, side, side, 2), value, np.float32), "published")
        assert np.isfinite(found).all()


def test_a_kernel_stands_in_the_metadata_of_its_model_only() -> None:
    plain = ModelMetadata("m", SIZE, Crop(), codec(), SKELETON)
    trained_with_dark = replace(plain, codec=codec(blur_kernel=11))
    assert "blur_kernel" not in metadata_text(plain)
    assert trained_with_dark.to_config()["codec"]["blur_kernel"] == 11
    for each in (plain, trained_with_dark):
        assert ModelMetadata.from_config(each.to_config()) == each


def test_a_preset_may_name_the_kernel() -> None:
    values = {"backbone": {"name": "resnet50"}, "head": {"name": "deconv"}}
    values["codec"] = {"alignment": "corner", "blur_kernel": 17}
    preset = Preset(name="mine", description="", **values)
    assert ModelMetadata.from_preset(preset, SKELETON).codec.blur_kernel == 17
    values["codec"] = {"blur_kernel": 12}
    with pytest.raises(ValueError, match="an odd number from 3 to 199"):
        Preset(name="mine", description="", **values)


@pytest.mark.parametrize("value", [1, 12, 201, 11.0, "11", -3])
def test_a_wrong_kernel_is_refused(value: Any) -> None:
    with pytest.raises(
        ArgumentError, match="blur_kernel must be an odd number from 3 to 199. Received"
    ):
        codec(blur_kernel=value)
