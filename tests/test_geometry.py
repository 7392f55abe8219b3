"""Crop matrices: values worked out by hand, and what must hold for every box and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simplebase.errors import ArgumentError
from simplebase.geometry import Crop, compose, invert, transform_points

SIZES = st.tuples(st.integers(1, 16), st.integers(1, 16)).map(lambda s: (s[0] * 32, s[1] * 32))
COORDINATES = st.floats(-2000, 6000)
CROPS = st.builds(Crop, padding=st.floats(1, 2), center_shift=st.sampled_from([0.0, 15.0]))


def point(matrix, x, y):
    return transform_points(matrix, np.array([[x, y]]))[0]


def test_crop_matrix_equals_the_formula_by_hand():
    # s = 256 / (200 * 2 * 1.25) = 0.512; x: 127.5 - 300 * 0.512; y: 127.5 - 100 * 0.512.
    matrix = Crop().matrix(np.array([300.0, 100.0]), 2.0, (256, 256))
    np.testing.assert_allclose(matrix, [[0.512, 0, -26.1], [0, 0.512, 76.3]], atol=1e-12)


def test_the_height_sets_the_magnification_of_both_axes_of_a_non_square_crop():
    # s = 256 / 250 = 1.024; the middle of 192 columns is 95.5, of 256 rows 127.5.
    matrix = Crop().matrix(np.array([0.0, 0.0]), 1.0, (256, 192))
    np.testing.assert_allclose(matrix, [[1.024, 0, 95.5], [0, 1.024, 127.5]], atol=1e-12)


def test_center_shift_looks_for_the_middle_lower_in_the_image():
    crop = Crop(padding=1.0, center_shift=15)
    matrix = crop.matrix(np.array([50.0, 60.0]), 2.0, (128, 128))
    np.testing.assert_allclose(point(matrix, 50, 60 + 15 * 2), [63.5, 63.5])


def test_a_stack_of_centres_gives_the_stack_of_their_matrices():
    centers, scales = np.array([[10.0, 20.0], [300.0, 5.0]]), np.array([0.5, 3.0])
    stacked = Crop().matrix(centers, scales, (64, 96))
    assert stacked.shape == (2, 2, 3)
    for matrix, center, scale in zip(stacked, centers, scales, strict=True):
        np.testing.assert_array_equal(matrix, Crop().matrix(center, scale, (64, 96)))


@settings(max_examples=100, deadline=None)
@given(CROPS, COORDINATES, COORDINATES, st.floats(0.05, 20), SIZES, COORDINATES, COORDINATES)
def test_the_inverse_of_a_crop_returns_every_point(crop, cx, cy, scale, size, x, y):
    matrix = crop.matrix(np.array([cx, cy]), scale, size)
    there = point(matrix, x, y)
    np.testing.assert_allclose(point(invert(matrix), *there), [x, y], atol=1e-3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=12, max_size=12), COORDINATES, COORDINATES)
def test_compose_maps_by_the_first_and_then_by_the_second(values, x, y):
    first, second = np.reshape(values, (2, 2, 3))
    both = point(compose(second, first), x, y)
    np.testing.assert_allclose(both, point(second, *point(first, x, y)), atol=1e-6)


def test_compose_by_hand_is_not_commutative():
    double = np.array([[2.0, 0, 0], [0, 2, 0]])
    right = np.array([[1.0, 0, 10], [0, 1, 0]])
    np.testing.assert_array_equal(compose(double, right), [[2, 0, 20], [0, 2, 0]])
    np.testing.assert_array_equal(compose(right, double), [[2, 0, 10], [0, 2, 0]])


def test_a_rotation_turns_x_into_y():
    quarter_turn = np.array([[0.0, -1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(point(quarter_turn, 3, 0), [0, 3])


BOXES = st.tuples(COORDINATES, COORDINATES, st.floats(2, 3000), st.floats(2, 3000))


@settings(max_examples=100, deadline=None)
@given(CROPS, BOXES, SIZES)
def test_a_crop_around_a_box_shows_it_whole_in_the_middle(crop, box, size):
    x, y, width, height = box
    matrix = crop.matrix(*crop.around_box(np.array(box), size), size)
    # Outlines run half a pixel outside the centres of the outermost pixels.
    left, top = point(matrix, x - 0.5, y - 0.5)
    right, bottom = point(matrix, x + width - 0.5, y + height - 0.5)
    assert min(left, top) >= -0.5 - 1e-6
    assert right <= size[1] - 0.5 + 1e-6 and bottom <= size[0] - 0.5 + 1e-6
    np.testing.assert_allclose(left + right, size[1] - 1, atol=1e-6)
    np.testing.assert_allclose(top + bottom, size[0] - 1, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(CROPS, BOXES, SIZES)
def test_the_tighter_side_of_a_box_has_exactly_the_padding_around_it(crop, box, size):
    _, scale = crop.around_box(np.array(box), size)
    magnification = crop.matrix(np.zeros(2), scale, size)[0, 0]
    fractions = box[3] * magnification / size[0], box[2] * magnification / size[1]
    assert max(fractions) == pytest.approx(1 / crop.padding)


def test_around_box_by_hand():
    # 40 x 100 at (10, 20) covers columns 10 to 49 and rows 20 to 119.
    center, scale = Crop().around_box(np.array([10, 20, 40, 100]), (256, 256))
    np.testing.assert_array_equal(center, [29.5, 69.5])
    assert scale == 0.5
    # In a portrait input of 4:3 a wide box counts by its width: 90 * 256 / 192 = 120.
    _, scale = Crop().around_box(np.array([0, 0, 90, 30]), (256, 192))
    assert scale == pytest.approx(0.6)


def test_around_box_takes_the_centre_shift_back():
    center, scale = Crop(center_shift=15).around_box(np.array([0, 0, 101, 201]), (256, 256))
    np.testing.assert_allclose(center, [50, 100 - 15 * 201 / 200])
    assert scale == pytest.approx(201 / 200)


def test_around_box_leaves_the_boxes_it_was_given():
    boxes = np.array([[1.0, 2, 30, 40], [5, 6, 70, 80]])
    before = boxes.copy()
    center, scale = Crop(center_shift=15).around_box(boxes, (64, 64))
    np.testing.assert_array_equal(boxes, before)
    assert center.shape == (2, 2) and scale.shape == (2,)


@settings(max_examples=50, deadline=None)
@given(CROPS, COORDINATES, COORDINATES, st.floats(0.05, 20), SIZES, SIZES)
def test_a_canvas_is_as_magnified_as_the_input_and_has_the_same_middle(
    crop, cx, cy, scale, size, canvas
):
    center = np.array([cx, cy])
    inner = crop.matrix(center, scale, size)
    outer = crop.canvas_matrix(center, scale, size, canvas)
    np.testing.assert_array_equal(inner[:, :2], outer[:, :2])
    middle = point(outer, cx, cy + crop.center_shift * scale)
    np.testing.assert_allclose(middle, [(canvas[1] - 1) / 2, (canvas[0] - 1) / 2], atol=1e-3)


def test_config_rebuilds_the_crop():
    crop = Crop(padding=1.5, center_shift=15)
    assert Crop(**crop.to_config()) == crop


def test_a_letterboxed_box_is_cut_out_as_in_training():
    boxes = np.array([[10.0, 20, 40, 100], [0, 0, 90, 30], [-5.5, 3.25, 61, 61]])
    for size in ((256, 256), (256, 192), (64, 96)):
        crop = Crop(center_shift=15)
        expected = crop.matrix(*crop.around_box(boxes, size), size)
        np.testing.assert_array_equal(crop.box_matrix(boxes, size), expected)


def test_a_stretched_box_fills_the_input_with_its_padding():
    matrix = Crop(padding=1.25).box_matrix(np.array([10.0, 20, 40, 100]), (256, 192), "stretch")
    # 40 x 1.25 pixels become 192, 100 x 1.25 become 256; the box's middle is the input's.
    np.testing.assert_allclose(matrix[:, :2], [[192 / 50, 0], [0, 256 / 125]])
    middle = np.array([[29.5, 69.5]])
    np.testing.assert_allclose(transform_points(matrix, middle), [[95.5, 127.5]])


def test_a_cropped_box_keeps_its_aspect_and_leaves_no_room():
    boxes = np.array([[10.0, 20, 40, 100], [0, 0, 90, 30]])
    matrices = Crop(padding=1.0, center_shift=9).box_matrix(boxes, (256, 192), "crop")
    # The first is slimmer than 3:4, so its width fills the input; of the second the height.
    np.testing.assert_allclose(matrices[:, 0, 0], [192 / 40, 256 / 30])
    np.testing.assert_array_equal(matrices[:, 0, 0], matrices[:, 1, 1])
    middles = np.array([[[29.5, 69.5]], [[44.5, 14.5]]])
    np.testing.assert_allclose(transform_points(matrices, middles), [[[95.5, 127.5]]] * 2)


def test_boxes_of_the_inputs_shape_fit_in_every_way_alike():
    boxes = np.array([[10.0, 20, 30, 40], [5, 6, 75, 100]])
    letterbox, stretch, crop = (
        Crop().box_matrix(boxes, (256, 192), fit) for fit in ("letterbox", "stretch", "crop")
    )
    np.testing.assert_allclose(stretch, letterbox)
    np.testing.assert_allclose(crop, letterbox)


def test_another_fit_is_refused():
    with pytest.raises(ArgumentError, match="letterbox, stretch, crop. Received: 'squeeze'"):
        Crop().box_matrix(np.array([0, 0, 1, 1]), (64, 64), "squeeze")
