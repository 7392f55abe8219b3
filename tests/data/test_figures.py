"""The drawn figures: their labels, their variety, and a picture that shows what the labels say."""

import numpy as np
import pytest

from simplebase.data.figures import Figure, draw_figure

RIGHT_ANKLE, RIGHT_KNEE, LEFT_KNEE = 0, 1, 4
UPPER_NECK, HEAD_TOP, RIGHT_WRIST, RIGHT_SHOULDER, LEFT_SHOULDER, LEFT_WRIST = 8, 9, 10, 12, 13, 15


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    rng = np.random.default_rng(0)
    return [draw_figure(rng) for _ in range(200)]


def crop_side(figure: Figure) -> float:
    return 200 * figure.scale * 1.25


def labelled(figure: Figure) -> np.ndarray:
    return figure.keypoints[figure.keypoints[:, 2] > 0, :2]


def test_the_same_generator_state_draws_the_same_figure() -> None:
    first, second = (draw_figure(np.random.default_rng(5)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.keypoints.tobytes() == second.keypoints.tobytes()
    assert first.headbox == second.headbox
    assert (first.center, first.scale) == (second.center, second.scale)


def test_the_global_random_state_is_left_alone() -> None:
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    draw_figure(np.random.default_rng(5))
    assert np.random.random() == expected


def test_different_seeds_and_successive_calls_draw_different_figures() -> None:
    rng = np.random.default_rng(0)
    first, second = draw_figure(rng), draw_figure(rng)
    other = draw_figure(np.random.default_rng(1))
    for figure in (second, other):
        assert not np.array_equal(first.keypoints, figure.keypoints)
        assert np.abs(first.image.astype(int) - figure.image).mean() > 5


@pytest.mark.parametrize("size", [(256, 256), (120, 320), (320, 96), (32, 32)])
def test_shapes_and_dtypes_follow_the_requested_size(size: tuple[int, int]) -> None:
    for seed in range(5):
        figure = draw_figure(np.random.default_rng(seed), size)
        assert figure.image.shape == (*size, 3) and figure.image.dtype == np.uint8
        assert figure.keypoints.shape == (16, 3) and figure.keypoints.dtype == np.float64
        x, y = labelled(figure).T
        assert x.max() <= size[1] - 1 and y.max() <= size[0] - 1


def test_a_side_below_32_pixels_is_refused_with_the_size_that_came() -> None:
    with pytest.raises(ValueError, match=r"at least 32 pixels. Received: \(256, 31\)"):
        draw_figure(np.random.default_rng(0), (256, 31))


def test_keypoints_are_inside_the_image_or_zeroed(figures: list[Figure]) -> None:
    keypoints = np.stack([figure.keypoints for figure in figures])
    visibility = keypoints[..., 2]
    assert set(np.unique(visibility)) == {0, 1, 2}
    assert (keypoints[visibility == 0] == 0).all()
    inside = keypoints[visibility > 0, :2]
    assert inside.min() >= 0 and inside.max() <= 255
    assert 0.04 < (visibility == 0).any(axis=1).mean() < 0.2  # figures that the edge cuts
    assert 0.03 < (visibility == 1).mean() < 0.2  # hidden keypoints


def test_the_crop_holds_all_labelled_keypoints_with_a_margin(figures: list[Figure]) -> None:
    for figure in figures:
        distance = np.abs(labelled(figure) - figure.center).max()
        assert distance <= 0.4 * crop_side(figure) + 1e-9


def test_the_center_is_the_middle_of_the_labelled_bounding_box(figures: list[Figure]) -> None:
    for figure in figures:
        points = labelled(figure)
        assert figure.center == pytest.approx((points.min(axis=0) + points.max(axis=0)) / 2)


def test_figures_fill_about_a_third_to_most_of_the_image(figures: list[Figure]) -> None:
    sizes = np.array([200 * figure.scale for figure in figures]) / 256
    assert np.percentile(sizes, 5) > 0.3 and sizes.max() < 0.95
    assert np.percentile(sizes, 90) > 1.6 * np.percentile(sizes, 10)


def test_the_mean_pose_is_a_bad_predictor(figures: list[Figure]) -> None:
    poses = np.stack([(f.keypoints[:, :2] - f.center) / crop_side(f) for f in figures])
    known = np.stack([f.keypoints[:, 2] > 0 for f in figures])
    mean = (poses * known[..., None]).sum(axis=0) / known.sum(axis=0)[:, None]
    error = np.linalg.norm(poses - mean, axis=-1)
    assert (error < 0.05)[known].mean() < 0.2


def test_most_but_not_all_figures_have_their_right_shoulder_on_the_left(
    figures: list[Figure],
) -> None:
    shoulders = np.stack([f.keypoints[[RIGHT_SHOULDER, LEFT_SHOULDER]] for f in figures])
    shoulders = shoulders[(shoulders[..., 2] > 0).all(axis=1)]
    facing_us = (shoulders[:, 0, 0] < shoulders[:, 1, 0]).mean()
    assert 0.7 < facing_us < 0.95


def test_the_headbox_reaches_from_the_upper_neck_to_the_head_top(figures: list[Figure]) -> None:
    for figure in figures:
        x1, y1, x2, y2 = figure.headbox
        person = 200 * figure.scale
        assert 0.08 * person < max(x2 - x1, y2 - y1) < 0.3 * person
        for x, y, visibility in figure.keypoints[[UPPER_NECK, HEAD_TOP]]:
            if visibility:
                assert x1 - 0.02 * person <= x <= x2 + 0.02 * person
                assert y1 - 0.02 * person <= y <= y2 + 0.02 * person


@pytest.mark.parametrize("joint", [RIGHT_WRIST, LEFT_WRIST, RIGHT_KNEE, LEFT_KNEE, RIGHT_ANKLE])
def test_a_visible_joint_differs_from_what_surrounds_the_figure(
    figures: list[Figure], joint: int
) -> None:
    contrast, chance = [], []
    for figure in figures:
        x, y, visibility = figure.keypoints[joint]
        if visibility < 2:
            continue
        image = figure.image.astype(float)
        row, column = round(y), round(x)
        at_joint = image[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean((0, 1))
        reach = round(0.15 * 200 * figure.scale)
        nearby = image[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
        contrast.append(np.abs(at_joint - np.median(nearby, axis=(0, 1))).max())
        patch = image[5:8, 5:8].mean((0, 1))
        chance.append(np.abs(patch - np.median(image[:40, :40], axis=(0, 1))).max())
    assert np.median(contrast) > 2 * np.median(chance)


def test_both_wrists_and_both_knees_of_a_person_have_the_same_colour(
    figures: list[Figure],
) -> None:
    """Keypoints sit on the limb: the same limb of both sides has nearly the same colour.

    Two places of the background that far apart do not: shifting the labels must break this.
    """

    def difference(shift: float) -> float:
        differences = []
        for figure in figures:
            for pair in ([RIGHT_WRIST, LEFT_WRIST], [RIGHT_KNEE, LEFT_KNEE]):
                if (figure.keypoints[pair, 2] < 2).any():
                    continue
                points = figure.keypoints[pair, :2] + shift * 200 * figure.scale
                columns, rows = np.rint(points).astype(int).clip(0, 255).T
                first, second = figure.image[rows, columns].astype(float)
                differences.append(np.abs(first - second).max())
        return float(np.median(differences))

    assert difference(0) < 0.6 * difference(0.1)
