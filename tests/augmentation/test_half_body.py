"""Half bodies: the right half fills the view, from real pixels."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import Extremes, augmentation, centroid, items, noise, run, white_dot

from simplebase.augmentation.affine import RandomKeypointAffine
from simplebase.augmentation.random import StepRandom
from simplebase.errors import ArgumentError
from simplebase.skeletons import Skeleton

PUPPET = Skeleton(
    "puppet",
    ("head", "neck", "left_hand", "right_hand", "left_hip", "right_hip", "left_foot", "right_foot"),
    horizontal_pairs=(
        ("left_hand", "right_hand"),
        ("left_hip", "right_hip"),
        ("left_foot", "right_foot"),
    ),
    upper_body=("head", "neck", "left_hand", "right_hand"),
)
HALF = {"probability": 1, "min_keypoints": 4}
UPPER = [[32, 12], [32, 20], [22, 22], [42, 22]]
LOWER = [[26, 36], [38, 36], [26, 60], [38, 60]]


def puppet(upper: bool = True, lower: bool = True, count: int = 1) -> np.ndarray:
    visibility = np.repeat([2.0 * upper, 2.0 * lower], 4)[:, None]
    return np.tile(np.concatenate([UPPER + LOWER, visibility], axis=1), (count, 1, 1))


def moved_by(keypoints: np.ndarray, **changes: float) -> np.ndarray:
    layer = augmentation(*items(half_body=HALF | changes), size=(64, 64), skeleton=PUPPET)
    return run(layer, np.zeros((len(keypoints), 64, 64, 3), np.uint8), keypoints)[1]


def test_the_labelled_half_fills_two_thirds_of_the_view() -> None:
    # Its box is 20x10 around (32, 17): 64 / (1.5 x 20) = 2.133, and 14.8 pixels are seen around it.
    moved = moved_by(puppet(lower=False))[0]
    expected = (np.array(UPPER) - [32, 17]) * 64 / 30 + 31.5
    np.testing.assert_allclose(moved[:4, :2], expected, atol=1e-3)
    assert (moved[:4, 2] == 2).all() and (moved[4:, 2] == 0).all()


def test_the_lower_half_is_taken_where_it_alone_is_labelled_and_the_view_stays_on_the_canvas() -> (
    None
):
    # 12x24 around (32, 48): 64 / 36 = 1.778 sees 17.72 around it, but only 63 - 48 = 15 are there.
    moved = moved_by(puppet(upper=False))[0]
    seen = [32, 63 - 31.5 / (64 / 36)]
    np.testing.assert_allclose(moved[4:, :2], (np.array(LOWER) - seen) * 64 / 36 + 31.5, atol=1e-3)


def test_of_two_good_halves_the_upper_is_taken_in_seven_of_ten() -> None:
    moved = moved_by(puppet(count=300))
    upper = np.isclose(moved[:, 3, 0] - moved[:, 2, 0], 20 * 64 / 30, atol=1e-2)
    lower = np.isclose(moved[:, 5, 0] - moved[:, 4, 0], 12 * 64 / 36, atol=1e-2)
    assert (upper ^ lower).all()
    # Six standard deviations are 48.
    assert abs(upper.sum() - 210) < 48


@pytest.mark.parametrize(
    "labelled, min_keypoints",
    [(slice(0, 4), 5), (slice(2, 6), 4), (slice(0, 0), 1)],
    ids=["too few", "two of each half", "none"],
)
def test_a_body_with_too_few_labels_is_left_alone(labelled: slice, min_keypoints: int) -> None:
    keypoints = puppet(upper=False, lower=False)
    keypoints[:, labelled, 2] = 2
    moved = moved_by(keypoints, min_keypoints=min_keypoints)
    np.testing.assert_allclose(moved, keypoints, atol=1e-4)


def test_a_half_that_is_larger_than_the_view_is_not_shrunk() -> None:
    keypoints = puppet(lower=False)
    keypoints[0, :4, :2] = [[2, 2], [62, 2], [2, 62], [62, 62]]
    np.testing.assert_allclose(moved_by(keypoints), keypoints, atol=1e-4)


def test_three_labels_of_a_face_do_not_fill_the_view() -> None:
    keypoints = puppet(lower=False)
    keypoints[0, :4, :2] = [[31, 31], [32, 31], [31, 32], [32, 32]]
    moved = moved_by(keypoints)[0]
    np.testing.assert_allclose(moved[1, 0] - moved[0, 0], 2.5, atol=1e-4)


def test_about_as_many_bodies_as_asked_for_are_halved() -> None:
    moved = moved_by(puppet(lower=False, count=300), probability=0.3)
    halved = np.abs(moved[:, 0] - [*UPPER[0], 2]).max(axis=1) > 1e-3
    assert abs(halved.sum() - 90) < 48


@pytest.mark.parametrize("seed", range(3))
def test_a_dot_at_a_keypoint_of_the_half_is_found_at_the_moved_keypoint(seed: int) -> None:
    settings = items(
        half_body=HALF, rotation={"degrees": 180}, horizontal_flip={}, vertical_flip={}
    )
    layer = augmentation(*settings, size=(64, 64), seed=seed, skeleton=_with_vertical_pairs())
    side = layer.canvas_size[0]
    rng = np.random.default_rng(seed)
    keypoints = puppet(lower=False, count=12)
    keypoints[..., :2] += (side - 64) / 2 + rng.uniform(-3, 3, (12, 1, 2))
    dots = keypoints[:, 1, :2]
    keypoints[:, 1, 2] = 1
    images = np.stack([white_dot((side, side), x, y) for x, y in dots])
    moved_images, moved = run(layer, images, keypoints)
    for image, rows in zip(moved_images, moved, strict=True):
        target = rows[rows[:, 2] == 1, :2][0]
        assert np.abs(centroid(image) - target).max() < 0.1


def _with_vertical_pairs() -> Skeleton:
    return Skeleton(
        "puppet",
        PUPPET.keypoints,
        PUPPET.horizontal_pairs,
        vertical_pairs=(("head", "neck"),),
        upper_body=PUPPET.upper_body,
    )


@pytest.mark.parametrize("random", [StepRandom, Extremes])
@pytest.mark.parametrize("size", [(64, 64), (96, 32)], ids=["square", "upright"])
def test_no_half_body_looks_beyond_the_canvas(
    size: tuple[int, int], random: type[StepRandom]
) -> None:
    settings = items(
        half_body=HALF, rotation={}, scale={}, shift={}, horizontal_flip={"probability": 0.5}
    )
    layer = RandomKeypointAffine(size, settings, PUPPET)
    layer.random = random(0)
    white = tf.fill((48, *layer.canvas_size, 3), 255.0)
    # Anywhere on the canvas, or off it.
    spread = np.random.default_rng(0).uniform(-30, max(layer.canvas_size) + 30, (48, 1, 2))
    keypoints = puppet(count=48).astype(np.float32)
    keypoints[..., :2] += spread - 32
    for step in range(3):
        layer.random.start(step)
        result = layer({"images": white, "keypoints": tf.constant(keypoints)})
        assert result["images"].numpy().min() > 254.9


def test_half_bodies_need_no_larger_canvas_and_change_no_other_draw() -> None:
    plain = items(rotation={}, scale={})
    halves = items(rotation={}, scale={}, half_body=HALF)
    layers = [augmentation(*settings, skeleton=PUPPET) for settings in (plain, halves)]
    assert layers[0].canvas_size == layers[1].canvas_size
    canvas, keypoints = noise(layers[0].canvas_size), puppet(upper=False, lower=False)
    first, second = (run(layer, canvas, keypoints)[0] for layer in layers)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_a_skeleton_that_does_not_know_its_upper_body_is_refused() -> None:
    cow = Skeleton("cow", ("left_horn", "right_horn"))
    with pytest.raises(
        ArgumentError, match="'cow' has no upper_body.* Remove half_body from the recipe"
    ):
        augmentation(*items(half_body={}), skeleton=cow)
    augmentation(*items(half_body={"probability": 0}), skeleton=cow)
