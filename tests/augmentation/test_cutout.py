"""Cutout covers what it says, within the image, and nothing else."""

import numpy as np
import pytest
from augmentation_batches import augmentation, items, noise, run, unlabelled

SIZE = (64, 48)


def cut(count: int = 64, images: np.ndarray | None = None, **values: object) -> np.ndarray:
    layer = augmentation(*items(random_cutout={"probability": 1, **values}), size=SIZE)
    if images is None:
        images = np.zeros((count, *SIZE, 3), np.uint8)
    return run(layer, images, unlabelled(len(images)))[0]


def test_a_cutout_is_one_rectangle_of_the_stated_size_in_mid_grey() -> None:
    covered = cut(size=(0.25, 0.25)) == 127.5
    assert (covered.all(axis=-1) == covered.any(axis=-1)).all()
    covered = covered[..., 0]
    assert (covered.sum(axis=(1, 2)) == 16 * 12).all()
    assert (covered.any(axis=2).sum(axis=1) == 16).all()
    assert (covered.any(axis=1).sum(axis=1) == 12).all()


def test_sides_use_their_whole_range_and_places_the_whole_image() -> None:
    covered = cut(count=400, size=(0.25, 0.5))[..., 0] > 0
    rows, columns = covered.any(axis=2), covered.any(axis=1)
    assert (covered.sum(axis=(1, 2)) == rows.sum(axis=1) * columns.sum(axis=1)).all()
    assert (rows.sum(axis=1).min(), rows.sum(axis=1).max()) == (16, 32)
    assert (columns.sum(axis=1).min(), columns.sum(axis=1).max()) == (12, 24)
    assert rows[:, [0, -1]].any(axis=0).all() and columns[:, [0, -1]].any(axis=0).all()


def test_several_cutouts_cover_at_most_their_sum_and_sometimes_all_of_it() -> None:
    areas = (cut(size=(0.125, 0.125), count=200)[..., 0] > 0).sum(axis=(1, 2))
    assert areas.max() == 8 * 6
    layer = augmentation(
        *items(random_cutout={"probability": 1, "size": (0.125, 0.125), "count": 3}), size=SIZE
    )
    images = run(layer, np.zeros((64, *SIZE, 3), np.uint8), unlabelled(64))[0]
    areas = (images[..., 0] > 0).sum(axis=(1, 2))
    assert areas.min() >= 48 and areas.max() == 3 * 48


@pytest.mark.parametrize("fill", ["grey", "noise"])
def test_what_is_not_covered_stays(fill: str) -> None:
    images = noise(SIZE, 8)
    changed = cut(images=images, size=(0.5, 0.5), fill=fill)
    differs = (changed != images).any(axis=-1)
    assert differs.any(axis=2).sum(axis=1).max() == 32
    assert differs.any(axis=1).sum(axis=1).max() == 24
    np.testing.assert_array_equal(changed[~differs], images[~differs])


def test_noise_has_all_levels() -> None:
    filled = cut(images=np.full((4, *SIZE, 3), 300, np.float32), size=(0.5, 0.5), fill="noise")
    values = filled[filled < 300]
    assert values.min() >= 0 and values.max() <= 255
    assert values.mean() == pytest.approx(127.5, abs=5)
    assert values.std() == pytest.approx(255 / np.sqrt(12), abs=5)
