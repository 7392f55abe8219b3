"""Augmentation: pixels and keypoints have to move together, or training teaches nonsense."""

import math

import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import (
    SKELETON,
    Extremes,
    augmentation,
    centroid,
    items,
    noise,
    run,
    unlabelled,
    white_dot,
)

from simplebase.augmentation import Augmentation
from simplebase.augmentation.affine import RandomKeypointAffine
from simplebase.augmentation.random import StepRandom
from simplebase.errors import SimplebaseWarning
from simplebase.geometry import Size
from simplebase.presets import AugmentationSettings
from simplebase.presets.augmentation_settings import GeometryFade
from simplebase.skeletons import Skeleton

VALUE = {
    "horizontal_flip": "probability",
    "vertical_flip": "probability",
    "rotation": "degrees",
    "scale": "factor",
    "shift": "fraction",
}
WILD = {"horizontal_flip": 0.5, "vertical_flip": 0.5, "rotation": 180, "scale": 1.4, "shift": 0.1}


def affine(**values: float) -> tuple[AugmentationSettings, ...]:
    return items(**{name: {VALUE[name]: value} for name, value in values.items()})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(64, 64), (96, 64)], ids=["square", "upright"])
def test_a_dot_drawn_at_a_keypoint_is_found_at_the_moved_keypoint(size: Size, seed: int) -> None:
    layer = augmentation(*affine(**WILD), size=size, seed=seed)
    canvas_height, canvas_width = layer.canvas_size
    rng = np.random.default_rng(seed)
    count = 16
    # Near enough to the middle that no draw moves the dot out of view.
    offsets = rng.uniform(-0.12, 0.12, (count, 2)) * min(size)
    points = offsets + [(canvas_width - 1) / 2, (canvas_height - 1) / 2]
    drawn = rng.integers(0, SKELETON.num_keypoints, count)
    images = np.stack([white_dot(layer.canvas_size, x, y) for x, y in points])
    keypoints = unlabelled(count)
    keypoints[np.arange(count), drawn, :2] = points
    keypoints[np.arange(count), drawn, 2] = 2

    for step in range(3):
        moved_images, moved = run(layer, images, keypoints, step)
        # Whatever the flips renamed it to, exactly one row is the labelled one.
        assert (np.sort(moved[..., 2], axis=1) == [0, 0, 0, 0, 2]).all()
        for image, rows in zip(moved_images, moved, strict=True):
            target = rows[rows[:, 2] == 2, :2][0]
            assert np.abs(centroid(image) - target).max() < 0.1


def test_a_horizontal_flip_mirrors_x_and_swaps_left_and_right() -> None:
    layer = augmentation(*affine(horizontal_flip=1), size=(64, 48))
    images = noise((64, 48))
    keypoints = np.array(
        [[[10, 20, 2], [40.5, 21, 1], [23.5, 2, 2], [23, 60, 2], [23.5, 31.5, 0]]], np.float32
    )
    flipped_images, flipped = run(layer, images, keypoints)
    # x becomes 47 - x: pixel centre 0 goes to the last, 47.
    expected = [[6.5, 21, 1], [37, 20, 2], [23.5, 2, 2], [24, 60, 2], [23.5, 31.5, 0]]
    np.testing.assert_allclose(flipped[0], expected, atol=1e-5)
    np.testing.assert_allclose(flipped_images, images[:, :, ::-1], atol=1e-2)


def test_a_vertical_flip_mirrors_y_and_swaps_top_and_bottom_only() -> None:
    layer = augmentation(*affine(vertical_flip=1), size=(64, 48))
    images = noise((64, 48))
    keypoints = np.array(
        [[[10, 20, 2], [40.5, 21, 1], [23.5, 2, 2], [23, 60, 1], [23.5, 31.5, 2]]], np.float32
    )
    flipped_images, flipped = run(layer, images, keypoints)
    expected = [[10, 43, 2], [40.5, 42, 1], [23, 3, 1], [23.5, 61, 2], [23.5, 31.5, 2]]
    np.testing.assert_allclose(flipped[0], expected, atol=1e-5)
    np.testing.assert_allclose(flipped_images, images[:, ::-1], atol=1e-2)


def test_both_flips_together_are_half_a_turn_that_swaps_both_pairs() -> None:
    layer = augmentation(*affine(horizontal_flip=1, vertical_flip=1), size=(64, 48))
    images = noise((64, 48))
    keypoints = np.array([[[1, 2, 2], [3, 4, 2], [5, 6, 2], [7, 8, 2], [9, 10, 2]]], np.float32)
    turned_images, turned = run(layer, images, keypoints)
    expected = [[44, 59, 2], [46, 61, 2], [40, 55, 2], [42, 57, 2], [38, 53, 2]]
    np.testing.assert_allclose(turned[0], expected, atol=1e-5)
    np.testing.assert_allclose(turned_images, images[:, ::-1, ::-1], atol=1e-2)


def test_a_flip_probability_of_half_flips_about_half() -> None:
    layer = augmentation(*affine(horizontal_flip=0.5), size=(32, 32))
    keypoints = unlabelled(400)
    keypoints[:, 0] = [3, 3, 2]
    _, moved = run(layer, np.zeros((400, 32, 32, 3), np.uint8), keypoints)
    flipped = (moved[:, 1, 2] == 2).sum()
    # Six standard deviations of a fair coin's 400 throws.
    assert abs(flipped - 200) < 60


def test_unlabelled_rows_stay_unlabelled() -> None:
    layer = augmentation(*affine(**WILD))
    _, moved = run(layer, np.zeros((8, *layer.canvas_size, 3), np.uint8), unlabelled(8))
    assert (moved[..., 2] == 0).all()


def test_without_randomness_the_middle_of_the_canvas_comes_out() -> None:
    layer = RandomKeypointAffine((64, 48), (), SKELETON)
    canvas = noise((80, 72), 2)
    keypoints = np.tile(np.array([40.0, 30.0, 2.0], np.float32), (2, 5, 1))
    result = layer({"images": tf.constant(canvas), "keypoints": tf.constant(keypoints)})
    np.testing.assert_allclose(result["images"], canvas[:, 8:72, 12:60], atol=1e-3)
    np.testing.assert_allclose(result["keypoints"][..., 0], 28.0)
    np.testing.assert_allclose(result["keypoints"][..., 1], 22.0)


def test_scale_and_rotation_stay_in_their_ranges_and_use_both_sides() -> None:
    layer = augmentation(*affine(rotation=30, scale=1.25), size=(64, 64))
    side = layer.canvas_size[0]
    middle = (side - 1) / 2
    keypoints = unlabelled(200)
    keypoints[:, 4] = [middle + 10, middle, 2]
    _, moved = run(layer, np.zeros((200, side, side, 3), np.uint8), keypoints)
    arm = moved[:, 4, :2] - 31.5
    lengths, angles = np.hypot(*arm.T) / 10, np.degrees(np.arctan2(arm[:, 1], arm[:, 0]))
    assert lengths.min() > 1 / 1.25 - 1e-4 and lengths.max() < 1.25 + 1e-4
    assert np.abs(angles).max() < 30.001
    # Uniform in the logarithm: as often smaller as larger, and near both ends.
    assert lengths.min() < 0.84 and lengths.max() > 1.2
    assert 60 < (lengths < 1).sum() < 140
    assert angles.min() < -25 and angles.max() > 25


def test_shift_is_a_fraction_of_width_and_of_height() -> None:
    layer = augmentation(*affine(shift=0.25), size=(64, 32))
    height, width = layer.canvas_size
    keypoints = unlabelled(200)
    keypoints[:, 4] = [(width - 1) / 2, (height - 1) / 2, 2]
    _, moved = run(layer, np.zeros((200, height, width, 3), np.uint8), keypoints)
    shift = moved[:, 4, :2] - [15.5, 31.5]
    assert 7 < np.abs(shift[:, 0]).max() <= 8
    assert 14 < np.abs(shift[:, 1]).max() <= 16


@pytest.mark.parametrize("random", [StepRandom, Extremes])
@pytest.mark.parametrize(
    "settings",
    [
        {"rotation": 40, "scale": 1.3},
        {"rotation": 10, "shift": 0.2},
        {"rotation": 180, "scale": 1.1, "shift": 0.05, "vertical_flip": 0.5},
        {"rotation": 90},
        {"scale": 1.5, "horizontal_flip": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(64, 64), (96, 32)], ids=["square", "upright"])
def test_no_draw_looks_beyond_the_canvas(
    size: Size, settings: dict[str, float], random: type[StepRandom]
) -> None:
    layer = RandomKeypointAffine(size, affine(**settings), SKELETON)
    layer.random = random(0)
    white = tf.fill((48, *layer.canvas_size, 3), 255.0)
    for step in range(4):
        layer.random.start(step)
        result = layer({"images": white, "keypoints": tf.constant(unlabelled(48))})
        assert result["images"].numpy().min() > 254.9


def test_the_canvas_is_no_larger_than_the_extremes_need() -> None:
    layer = RandomKeypointAffine((64, 64), affine(rotation=40, scale=1.3), SKELETON)
    layer.random = Extremes(0)
    layer.random.start(0)
    # 32 (cos 40 + sin 40) 1.3 = 58.6 from the middle; its next pixel is the 59th.
    assert layer.canvas_size == (118, 118)
    white = tf.fill((32, 114, 114, 3), 255.0)
    result = layer({"images": white, "keypoints": tf.constant(unlabelled(32))})
    assert result["images"].numpy().min() < 128


def test_the_canvas_is_the_input_where_nothing_can_move() -> None:
    assert augmentation(*affine(horizontal_flip=0.5), size=(64, 96)).canvas_size == (64, 96)
    assert augmentation(size=(64, 96)).canvas_size == (64, 96)


def test_the_canvas_of_a_quarter_turn_holds_both_orientations() -> None:
    # The diagonal of 60x80 is 100.
    assert augmentation(*affine(rotation=90), size=(60, 80)).canvas_size == (100, 100)


def test_samples_of_a_batch_are_drawn_apart() -> None:
    layer = augmentation(*affine(**WILD))
    keypoints = unlabelled(2) + 7
    _, moved = run(layer, np.zeros((2, *layer.canvas_size, 3), np.uint8), keypoints)
    assert np.abs(moved[0] - moved[1]).max() > 0.1


def test_the_canvas_keeps_the_angle_of_its_rotation_limit_in_view() -> None:
    # Less than the corner's own angle (45 degrees for a square): the limit decides.
    side = augmentation(*affine(rotation=10), size=(64, 64)).canvas_size[0]
    expected = 32 * (math.cos(math.radians(10)) + math.sin(math.radians(10)))
    assert side == 2 * math.ceil(expected)


def test_a_rotation_of_probability_half_leaves_half_upright() -> None:
    layer = augmentation(*items(rotation={"degrees": 90, "probability": 0.5}), size=(32, 32))
    middle = (layer.canvas_size[0] - 1) / 2
    keypoints = unlabelled(200)
    keypoints[:, 4] = [middle + 10, middle, 2]
    _, moved = run(layer, np.zeros((200, *layer.canvas_size, 3), np.uint8), keypoints)
    upright = np.abs(moved[:, 4, 1] - 15.5) < 1e-4
    # Six standard deviations of a fair coin's 200 throws.
    assert abs(upright.sum() - 100) < 43


def test_flips_without_pairs_are_warned_of() -> None:
    skeleton = Skeleton("cow", ("left_horn", "right_horn"))
    with pytest.warns(SimplebaseWarning, match="'cow' has no horizontal pairs.*match_point.txt"):
        augmentation(*affine(horizontal_flip=0.5), skeleton=skeleton)


# === Fading ===

FADING = items(rotation={"degrees": 80}, scale={"factor": 2}, shift={"fraction": 0.2})


def moved(step: int, fade: GeometryFade | None) -> np.ndarray:
    """Where the keypoints of 50 samples come to lie, relative to the result's middle."""
    layer = Augmentation(FADING, (64, 48), SKELETON, fade=fade)
    middle = (np.array(layer.canvas_size[::-1]) - 1) / 2
    keypoints = np.full((50, 5, 3), 2.0, np.float32)
    keypoints[..., :2] = middle + [[10, 0], [-10, 0], [0, 10], [0, -10], [0, 0]]
    images = np.zeros((50, *layer.canvas_size, 3), np.uint8)
    return run(layer, images, keypoints, step)[1][..., :2] - [23.5, 31.5]


def test_geometry_fades_to_nothing_between_two_steps() -> None:
    fade = GeometryFade(100, 200)
    for step in (0, 100):
        np.testing.assert_array_equal(
            moved(step, fade=GeometryFade(100, 200)), moved(step, fade=None)
        )
    full, half = moved(150, fade=None), moved(150, fade=GeometryFade(100, 200))
    arm, weaker = full[:, 0] - full[:, 4], half[:, 0] - half[:, 4]
    angle, weak_angle = np.arctan2(arm[:, 1], arm[:, 0]), np.arctan2(weaker[:, 1], weaker[:, 0])
    np.testing.assert_allclose(weak_angle, angle / 2, atol=1e-5)
    length, weak_length = np.linalg.norm(arm, axis=1), np.linalg.norm(weaker, axis=1)
    np.testing.assert_allclose(weak_length / 10, np.sqrt(length / 10), rtol=1e-5)
    np.testing.assert_allclose(half[:, 4], full[:, 4] / 2, atol=1e-4)
    still = np.array([[10, 0], [-10, 0], [0, 10], [0, -10], [0, 0]], np.float32)
    for step in (200, 201):
        after = moved(step, fade)
        np.testing.assert_allclose(after, np.repeat(still[None], 50, axis=0), atol=1e-4)


def test_a_fade_leaves_its_remainder() -> None:
    """A quarter between 1 and the half that is left: three quarters, then half for good."""
    full, partly, end = (
        moved(step, fade)
        for step, fade in (
            (150, None),
            (150, GeometryFade(100, 200, remainder=0.5)),
            (250, GeometryFade(100, 200, remainder=0.5)),
        )
    )
    np.testing.assert_allclose(partly[:, 4], full[:, 4] * 0.75, atol=1e-4)
    np.testing.assert_allclose(end, moved(250, GeometryFade(0, 500)), atol=1e-4)


def test_flips_do_not_fade() -> None:
    layer = Augmentation(
        items(horizontal_flip={"probability": 1}), (64, 48), SKELETON, fade=GeometryFade(0, 1)
    )
    keypoints = np.full((1, 5, 3), 2.0, np.float32)
    keypoints[..., 0] = 10
    result = run(layer, np.zeros((1, 64, 48, 3), np.uint8), keypoints, step=5)[1]
    np.testing.assert_allclose(result[..., 0], 37, atol=1e-4)
