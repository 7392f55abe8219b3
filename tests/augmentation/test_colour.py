"""Colour: by hand, against PIL, and all at once as one after the other."""

import numpy as np
import pytest
from augmentation_batches import always, augmentation, items, noise, run, unlabelled
from PIL import Image, ImageEnhance


def flat(value: int, count: int = 1) -> np.ndarray:
    return np.full((count, 32, 32, 3), value, np.uint8)


def test_colour_with_zero_amounts_changes_nothing() -> None:
    still = items(brightness={"amount": 0}, contrast={"amount": 0}, chroma={"amount": 0})
    images = noise((64, 48), 2)
    np.testing.assert_allclose(
        run(augmentation(*still), images, unlabelled(2))[0], images, atol=0.01
    )


def test_grayscale_leaves_the_luminance_in_every_channel() -> None:
    red = np.zeros((1, 64, 48, 3), np.uint8)
    red[..., 0] = 200
    images = run(augmentation(*items(grayscale={"probability": 1})), red, unlabelled())[0]
    # BT.601: 0.299 x 200.
    np.testing.assert_allclose(images, 59.8, atol=0.01)


def test_brightness_adds_up_to_its_fraction_of_white_either_way() -> None:
    layer = augmentation(*items(brightness={"amount": 0.2}), size=(32, 32))
    means = run(layer, flat(100, 64), unlabelled(64))[0].mean(axis=(1, 2, 3))
    # 0.2 of white is 51.
    assert 49 <= means.min() < 60 and 140 < means.max() <= 151


def test_contrast_turns_about_mid_grey() -> None:
    pixels = flat(100, 64)
    pixels[:, :16] = 155  # as far above 127.5 as 100 is below
    layer = augmentation(*items(contrast={"amount": 0.5}), size=(32, 32))
    images = run(layer, pixels, unlabelled(64))[0]
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 127.5, atol=0.01)
    spread = images[:, 0, 0, 0] - images[:, -1, 0, 0]
    assert 27.4 < spread.min() < 35 and 75 < spread.max() < 82.6


@pytest.mark.parametrize("place, factor", [(0.0, 0.4), (0.25, 0.7)])
def test_chroma_is_pils_colour_enhancement(place: float, factor: float) -> None:
    layer = always(place, augmentation(*items(chroma={"amount": 0.6})))
    image = noise((64, 48))
    expected = ImageEnhance.Color(Image.fromarray(image[0])).enhance(factor)
    # PIL rounds twice.
    np.testing.assert_allclose(
        run(layer, image, unlabelled())[0][0], np.asarray(expected, np.float32), atol=1.1
    )


@pytest.mark.parametrize("order", [("brightness", "contrast"), ("contrast", "brightness")])
def test_the_order_of_the_list_is_the_order_of_the_changes(order: tuple[str, str]) -> None:
    amounts = {"brightness": {"amount": 0.2}, "contrast": {"amount": 0.5}}
    layer = always(1, augmentation(*items(**{name: amounts[name] for name in order})))
    # (100 + 51 - 127.5) x 1.5 + 127.5, or (100 - 127.5) x 1.5 + 127.5 + 51.
    expected = 162.75 if order[0] == "brightness" else 137.25
    np.testing.assert_allclose(run(layer, flat(100), unlabelled())[0], expected, atol=0.01)


@pytest.mark.parametrize(
    "order, place",
    [
        (("brightness", "contrast", "chroma", "grayscale"), 0.9),
        (("chroma", "brightness", "contrast"), 0.15),
        (("grayscale", "contrast", "chroma", "brightness"), 0.3),
    ],
)
def test_all_at_once_is_one_after_the_other(order: tuple[str, ...], place: float) -> None:
    values = dict.fromkeys(order, {"amount": 0.15}) | {"grayscale": {"probability": 0.5}}
    # Mid-tones, so that nothing is clipped between two layers.
    image = noise((16, 8)) // 4 + 96
    fused = always(place, augmentation(*items(**{name: values[name] for name in order})))
    assert len(fused.layers) == 1
    expected = image
    for name in order:
        layer = always(place, augmentation(*items(**{name: values[name]})))
        expected = run(layer, expected, unlabelled())[0]
    np.testing.assert_allclose(run(fused, image, unlabelled())[0], expected, atol=0.01)


def test_what_stands_between_two_colours_parts_them() -> None:
    layer = augmentation(*items(brightness={}, blur={}, contrast={}, chroma={}))
    assert len(layer.layers) == 3


def test_a_size_without_common_divisors_works_too() -> None:
    layer = always(1, augmentation(*items(brightness={"amount": 0.2}), size=(7, 5)))
    images = run(layer, np.full((2, 7, 5, 3), 10, np.uint8), unlabelled(2))[0]
    np.testing.assert_allclose(images, 61, atol=0.01)
