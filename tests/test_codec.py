"""Encoding and decoding of heatmaps: each other's inverse, and against maps made by hand."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.codec import HeatmapCodec
from simplebase.errors import ArgumentError

SIZES = [(256, 256), (256, 192), (128, 256)]
ALIGNMENTS = ["center", "corner"]
FRACTIONS = st.tuples(st.floats(0, 1), st.floats(0, 1))


def encode_one(codec, x, y, visibility=2):
    return codec.encode(np.array([[[x, y, visibility]]], np.float32))


def round_trip(codec, x, y, method="dark"):
    return codec.decode(encode_one(codec, x, y)[0], method)[0][0, 0]


def pixel(codec, column, row):
    """Input pixel of a position in heatmap cells, by the formula of the design."""
    if codec.alignment == "center":
        return (column + 0.5) * 4 - 0.5, (row + 0.5) * 4 - 0.5
    return column * 4.0, row * 4.0


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=60, deadline=None)
@given(FRACTIONS)
def test_dark_returns_an_inner_point_within_a_tenth_of_a_pixel(size, alignment, fractions):
    codec = HeatmapCodec(size, alignment=alignment)
    height, width = codec.heatmap_size
    border = 3 * codec.sigma
    x, y = pixel(
        codec,
        border + fractions[0] * (width - 1 - 2 * border),
        border + fractions[1] * (height - 1 - 2 * border),
    )
    np.testing.assert_allclose(round_trip(codec, x, y), [x, y], atol=0.1)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=60, deadline=None)
@given(FRACTIONS)
def test_dark_returns_any_point_in_view_within_half_a_cell(size, alignment, fractions):
    codec = HeatmapCodec(size, alignment=alignment)
    height, width = size
    # From the outer edge of the first input pixel to that of the last one.
    x, y = -0.49 + fractions[0] * (width - 0.02), -0.49 + fractions[1] * (height - 0.02)
    np.testing.assert_allclose(round_trip(codec, x, y), [x, y], atol=2)


@pytest.mark.parametrize("column, row", [(-0.4, 20), (63.4, 20), (20, -0.4), (20, 63.4), (0, 63)])
def test_dark_stays_within_half_a_cell_in_the_outermost_cells(column, row):
    codec = HeatmapCodec((256, 256))
    x, y = pixel(codec, column, row)
    np.testing.assert_allclose(round_trip(codec, x, y), [x, y], atol=2)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@settings(max_examples=60, deadline=None)
@given(st.floats(0, 63), st.floats(0, 47))
def test_argmax_is_at_most_half_a_cell_off(alignment, column, row):
    codec = HeatmapCodec((192, 256), alignment=alignment)
    x, y = pixel(codec, column, row)
    np.testing.assert_allclose(round_trip(codec, x, y, "argmax"), [x, y], atol=2 + 1e-3)


@pytest.mark.parametrize("alignment, x, y", [("center", 21.5, 13.5), ("corner", 20, 12)])
def test_a_point_at_a_cell_has_the_height_one_there(alignment, x, y):
    # Cell (5, 3): (5 + 0.5) * 4 - 0.5 = 21.5 and 5 * 4 = 20.
    heatmaps, weights = encode_one(HeatmapCodec((64, 96), alignment=alignment), x, y)
    assert heatmaps.shape == (1, 16, 24, 1) and heatmaps.dtype == np.float32
    assert heatmaps[0, 3, 5, 0] == 1.0 and heatmaps.max() == 1.0
    assert weights[0, 0] == 1.0
    # A sigma away, two cells, a Gaussian of height 1 is exp(-1/2) high, diagonally exp(-1).
    assert heatmaps[0, 3, 7, 0] == pytest.approx(np.exp(-0.5), abs=1e-6)
    assert heatmaps[0, 1, 3, 0] == pytest.approx(np.exp(-1), abs=1e-6)


@pytest.mark.parametrize("alignment, expected", [("center", (41.5, 25.5)), ("corner", (40, 24))])
@pytest.mark.parametrize("method", ["argmax", "quarter", "dark"])
def test_a_single_symmetric_peak_decodes_to_the_pixel_of_its_cell(alignment, expected, method):
    heatmaps, _ = encode_one(HeatmapCodec((64, 64)), 41.5, 25.5)
    assert heatmaps[0].argmax() == 6 * 16 + 10
    codec = HeatmapCodec((64, 64), alignment=alignment)
    keypoints, scores = codec.decode(heatmaps, method)
    np.testing.assert_allclose(keypoints[0, 0], expected, atol=1e-4)
    assert scores[0, 0] == 1.0


def test_upstreams_targets_decode_without_bias():
    """The tf.keras project puts a peak of height 1 into a whole cell, `int(u) + 1`.

    There `u` is the place in the crop of 64 cells, `(x - center) * 64 / (200 * scale * 1.25) + 32`.
    """
    random = np.random.default_rng(0)
    # Zero-based input pixels, which are the crop's.
    x, y = random.uniform(10, 230, (2, 4000))
    cells = [np.floor((values - 127.5) / 4 + 32).astype(int) + 1 for values in (x, y)]
    heatmaps = np.zeros((1, 64, 64, 4000), np.float32)
    heatmaps[0, cells[1], cells[0], np.arange(4000)] = 1
    codec = HeatmapCodec((256, 256), sigma=1, alignment="upstream")
    found, _ = codec.decode(heatmaps, "argmax")
    bias = (found[0] - np.stack([x, y], axis=-1)).mean(axis=0)
    # What is left are whole cells of 4 pixels: their mean is off by 4 / sqrt(12 * 4000).
    np.testing.assert_allclose(bias, 0, atol=0.08)


def test_quarter_steps_towards_the_higher_neighbour_of_a_map_by_hand():
    heatmaps = np.zeros((1, 8, 8, 1), np.float32)
    heatmaps[0, 4, 3, 0] = 0.8
    heatmaps[0, 4, 4, 0] = 0.5  # right of the peak, higher than the left
    heatmaps[0, 4, 2, 0] = 0.4
    heatmaps[0, 3, 3, 0] = 0.6  # above the peak, higher than below
    keypoints, scores = HeatmapCodec((32, 32), alignment="corner").decode(heatmaps, "quarter")
    np.testing.assert_array_equal(keypoints[0, 0], [(3 + 0.25) * 4, (4 - 0.25) * 4])
    assert scores[0, 0] == np.float32(0.8)


def test_quarter_is_that_of_the_official_code_in_every_cell():
    random = np.random.default_rng(0)
    codec = HeatmapCodec((32, 48), alignment="corner")
    heatmaps = random.random((96, 8, 12, 1), np.float32)
    cells = [(x, y) for y in range(8) for x in range(12)]
    for heatmap, (x, y) in zip(heatmaps, cells, strict=True):
        heatmap[y, x] = 2
    keypoints, _ = codec.decode(heatmaps, "quarter")
    for heatmap, (x, y), found in zip(heatmaps[..., 0], cells, keypoints[:, 0], strict=True):
        expected = np.array([x, y], float)
        # `get_final_preds` of Simple Baselines.
        if 1 < x < 11 and 1 < y < 7:
            steps = [heatmap[y, x + 1] - heatmap[y, x - 1], heatmap[y + 1, x] - heatmap[y - 1, x]]
            expected += 0.25 * np.sign(steps)
        np.testing.assert_array_equal(found, 4 * expected)


@pytest.mark.parametrize("covariance", [4.0, -4.0])
def test_dark_finds_the_peak_of_a_slanted_gaussian(covariance):
    codec = HeatmapCodec((128, 128), alignment="corner")
    columns, rows = np.meshgrid(np.arange(32.0), np.arange(32.0))
    offset = np.stack([columns - 15.4, rows - 16.3], axis=-1)
    precision = np.linalg.inv([[6.0, covariance], [covariance, 6.0]])
    heatmap = np.exp(-np.einsum("hwi,ij,hwj->hw", offset, precision, offset) / 2)
    keypoints, _ = codec.decode(heatmap[None, :, :, None])
    np.testing.assert_allclose(keypoints[0, 0], [15.4 * 4, 16.3 * 4], atol=0.1)


def test_dark_steps_at_most_a_cell_from_the_highest_one():
    rng = np.random.default_rng(0)
    codec = HeatmapCodec((64, 64))
    heatmaps = rng.random((8, 16, 16, 4), np.float32)
    dark, argmax = (codec.decode(heatmaps, method)[0] for method in ("dark", "argmax"))
    assert np.abs(dark - argmax).max() <= 4


@pytest.mark.parametrize(
    "x, y, visibility",
    [(30, 30, 0), (-3, 30, 2), (30, -3, 2), (67, 30, 2), (30, 67, 1), (1e6, -1e6, 2)],
    ids=["unlabelled", "left", "above", "right", "below", "far"],
)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_a_keypoint_that_is_unlabelled_or_out_of_view_has_no_weight_and_no_heatmap(
    alignment, x, y, visibility
):
    codec = HeatmapCodec((64, 64), alignment=alignment)
    heatmaps, weights = encode_one(codec, x, y, visibility)
    assert weights[0, 0] == 0
    assert not heatmaps.any()


def test_hidden_and_visible_keypoints_are_trained_alike():
    codec = HeatmapCodec((64, 64))
    hidden, weight = encode_one(codec, 20, 30, visibility=1)
    visible, _ = encode_one(codec, 20, 30, visibility=2)
    assert weight[0, 0] == 1
    np.testing.assert_array_equal(hidden, visible)


def test_each_keypoint_of_each_sample_keeps_its_own_channel():
    codec = HeatmapCodec((64, 96))
    keypoints = np.array([[[10, 20, 2], [70, 50, 2]], [[40, 8, 2], [33, 33, 2]]], np.float32)
    decoded, _ = codec.decode(codec.encode(keypoints)[0])
    np.testing.assert_allclose(decoded, keypoints[..., :2], atol=0.5)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_keras_ops_encode_as_numpy_does(alignment):
    rng = np.random.default_rng(3)
    codec = HeatmapCodec((128, 96), alignment=alignment)
    keypoints = rng.uniform(-20, 148, (6, 17, 3)).astype(np.float32)
    keypoints[..., 2] = rng.integers(0, 3, (6, 17))
    heatmaps, weights = codec.encode(keypoints)
    in_graph, graph_weights = codec.encode(keras.ops.convert_to_tensor(keypoints), keras.ops)
    assert 0 < weights.sum() < weights.size
    np.testing.assert_allclose(keras.ops.convert_to_numpy(in_graph), heatmaps, atol=1e-6)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(graph_weights), weights)


# Not "quarter": the official code asks of both axes 1 < x < w - 1, which a mirror changes.
@pytest.mark.parametrize("method", ["argmax", "dark"])
def test_center_alignment_decodes_a_mirrored_heatmap_to_the_mirrored_points(method):
    rng = np.random.default_rng(1)
    codec = HeatmapCodec((96, 128))
    keypoints = np.concatenate(
        [rng.uniform(0, [127, 95], (20, 5, 2)), np.full((20, 5, 1), 2)], axis=-1
    ).astype(np.float32)
    # Noise, so that no two cells are equally high and argmax has no tie to break.
    heatmaps = codec.encode(keypoints)[0] + rng.normal(0, 1e-3, (20, 24, 32, 5))
    decoded, scores = codec.decode(heatmaps, method)
    for axis, side in ((2, 128), (1, 96)):
        mirrored, mirrored_scores = codec.decode(np.flip(heatmaps, axis), method)
        coordinate = 2 - axis
        mirrored[..., coordinate] = side - 1 - mirrored[..., coordinate]
        np.testing.assert_allclose(mirrored, decoded, atol=1e-3)
        np.testing.assert_array_equal(mirrored_scores, scores)


@pytest.mark.parametrize("method", ["argmax", "quarter", "dark"])
@pytest.mark.parametrize("value", [0.0, 0.5, -1.0, 1e-20, 1e20])
def test_a_constant_map_decodes_to_a_finite_point_in_view(value, method):
    codec = HeatmapCodec((64, 96))
    keypoints, scores = codec.decode(np.full((2, 16, 24, 3), value, np.float32), method)
    assert np.isfinite(keypoints).all()
    assert (keypoints >= 0).all() and (keypoints <= [95, 63]).all()
    np.testing.assert_array_equal(scores, np.float32(value))


@pytest.mark.parametrize("method", ["argmax", "quarter", "dark"])
def test_ridges_saddles_and_single_cells_decode_finite(method):
    codec = HeatmapCodec((64, 64))
    maps = np.zeros((1, 16, 16, 4), np.float32)
    maps[0, 8, :, 0] = 1  # a ridge along x has no peak in x
    maps[0, 5, 5, 1] = 1
    maps[0, 0, 0, 2] = 1
    columns, rows = np.meshgrid(np.arange(16.0), np.arange(16.0))
    maps[0, :, :, 3] = (columns - 8) ** 2 - (rows - 8) ** 2
    keypoints, _ = codec.decode(maps, method)
    assert np.isfinite(keypoints).all()
    assert keypoints.min() >= -4 and keypoints.max() <= 67


def test_under_noise_dark_is_nearer_than_argmax_on_average():
    rng = np.random.default_rng(2)
    codec = HeatmapCodec((256, 256))
    keypoints = np.full((20, 16, 3), 2, np.float32)
    keypoints[..., :2] = rng.uniform(30, 225, (20, 16, 2))
    heatmaps = codec.encode(keypoints)[0] + rng.normal(0, 0.05, (20, 64, 64, 16))
    errors = {
        method: np.linalg.norm(
            codec.decode(heatmaps, method)[0] - keypoints[..., :2], axis=-1
        ).mean()
        for method in ("argmax", "dark")
    }
    assert errors["dark"] < errors["argmax"] / 2


def test_an_empty_batch_decodes_to_no_points():
    keypoints, scores = HeatmapCodec((64, 64)).decode(np.zeros((0, 16, 16, 5), np.float32))
    assert keypoints.shape == (0, 5, 2) and scores.shape == (0, 5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_size": (64, 66)}, r"multiple of 4\. Received: \(64, 66\)"),
        ({"input_size": (0, 64)}, r"Received: \(0, 64\)"),
        ({"input_size": (-64, 64)}, r"Received: \(-64, 64\)"),
        ({"alignment": "centre"}, "center, corner, upstream. Received: 'centre'"),
        ({"sigma": 0.0}, r"sigma must be above 0\. Received: 0\.0"),
        ({"sigma": 1e9}, r"sigma must be at most 100 heatmap cells\. Received: 1000000000\.0"),
        ({"sigma": float("nan")}, "sigma must be above 0. Received: nan"),
        ({"stride": 4.0}, "stride must be a whole number, and sigma a number. Received: 4.0, 2.0"),
        ({"sigma": -1.0}, r"Received: -1\.0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        HeatmapCodec(**{"input_size": (64, 64), **arguments})


def test_an_unknown_decode_method_is_refused_with_the_known_ones():
    with pytest.raises(ArgumentError, match="argmax, quarter, dark, published. Received: 'soft'"):
        HeatmapCodec((64, 64)).decode(np.zeros((1, 16, 16, 1), np.float32), "soft")


@pytest.mark.parametrize("shape", [(1, 16, 24, 3), (16, 16, 3), (1, 3, 16, 16)])
def test_heatmaps_of_another_shape_are_refused(shape):
    with pytest.raises(ArgumentError, match=r"\(B, 16, 16, K\)"):
        HeatmapCodec((64, 64)).decode(np.zeros(shape, np.float32))


def test_config_rebuilds_the_codec():
    codec = HeatmapCodec((128, 96), sigma=1.5, alignment="corner")
    assert HeatmapCodec((128, 96), **codec.to_config()) == codec


@pytest.mark.parametrize("alignment", ["center", "corner", "upstream"])
def test_the_heatmaps_of_a_mirrored_image_turn_back_to_those_of_the_image(alignment):
    codec = HeatmapCodec((64, 96), alignment=alignment)
    # Left and right eye, and a nose.
    points = np.array([[[30.3, 20.0, 2], [61.9, 22.5, 2], [45.0, 40.2, 2]]], np.float32)
    mirrored = points[:, [1, 0, 2]] * [-1, 1, 1] + [95, 0, 0]
    heatmaps = codec.unflip(codec.encode(mirrored.astype(np.float32))[0], np.array([1, 0, 2]))
    found, _ = codec.decode(heatmaps)
    np.testing.assert_allclose(found, points[..., :2], atol=0.05)
    if alignment == "center":
        np.testing.assert_allclose(heatmaps, codec.encode(points)[0], atol=1e-6)
