"""Decoding inside the graph equals the codec's own."""

from typing import Any

import numpy as np
import pytest

from simplebase import HeatmapCodec
from simplebase.decoding import DarkDecoding


def noisy_heatmaps(codec: HeatmapCodec) -> np.ndarray:
    """Gaussians about points in view and beyond, under noise."""
    random = np.random.default_rng(0)
    height, width = codec.input_size
    points = random.uniform((-3, -3), (width + 3, height + 3), (40, 14, 2))
    keypoints = np.concatenate([points, np.full((40, 14, 1), 2)], axis=-1).astype(np.float32)
    heatmaps, _ = codec.encode(keypoints)
    return heatmaps + random.normal(0, 0.02, heatmaps.shape).astype(np.float32)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sigma": 1.0},
        {"sigma": 3.0},
        {"sigma": 1.5, "alignment": "corner"},
        {"alignment": "upstream"},
    ],
    ids=str,
)
def test_points_and_scores_are_those_of_the_codec(settings: Any) -> None:
    codec = HeatmapCodec((128, 96), **settings)
    heatmaps = noisy_heatmaps(codec)
    points, scores = codec.decode(heatmaps)
    found = np.asarray(DarkDecoding(codec)(heatmaps))
    assert found.shape == (40, 14, 3)
    # The codec computes in float64, a graph in float32.
    np.testing.assert_allclose(found[..., :2], points, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(found[..., 2], scores)


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_a_flat_map_has_its_peak_in_the_first_cell(value: float) -> None:
    codec = HeatmapCodec((32, 64))
    heatmaps = np.full((1, 8, 16, 2), value, np.float32)
    points, _ = codec.decode(heatmaps)
    np.testing.assert_array_equal(np.asarray(DarkDecoding(codec)(heatmaps))[..., :2], points)


def test_every_cell_can_be_the_peak() -> None:
    codec = HeatmapCodec((32, 64))
    heatmaps = np.eye(8 * 16, dtype=np.float32).reshape(-1, 8, 16, 1)
    points, _ = codec.decode(heatmaps)
    found = np.asarray(DarkDecoding(codec)(heatmaps))
    np.testing.assert_allclose(found[..., :2], points, rtol=0, atol=1e-3)
