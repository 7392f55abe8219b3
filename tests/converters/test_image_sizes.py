"""Sizes that label files state, compared with those of the images."""

from pathlib import Path

import pytest
from conversion_checks import write_image
from PIL import Image

from simplebase.converters.image_files import EmbeddedImage
from simplebase.converters.image_sizes import size_warnings
from simplebase.data.fields import stated_size


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (640, 480, (480, 640)),
        (640.0, "480", (480, 640)),
        (" 640 ", 480, (480, 640)),
        (0, 0, None),
        (640, 0, None),
        (None, None, None),
        ("", "480", None),
        ("640px", 480, None),
        (-640, 480, None),
        (640.5, 480, None),
        (float("nan"), 480, None),
        (10**400, 480, None),
        ([640], 480, None),
        (True, 480, None),
    ],
)
def test_a_size_is_two_numbers_above_0_or_not_stated(width, height, size) -> None:
    assert stated_size(width, height) == size


@pytest.mark.parametrize(
    ("stated", "start"),
    [
        ((40, 30), None),
        ((30, 40), "1 of 1 images have width and height swapped in the label file"),
        ((80, 60), "1 of 1 images have another size than the label file states, such as"),
        ((30, 30), "1 of 1 images have another size than the label file states, such as"),
        ((15, 20), "1 of 1 images have another size than the label file states, and width and"),
        ((121, 160), "1 of 1 images have another size than the label file states, and width and"),
    ],
)
def test_swapped_and_scaled_images_are_told_apart(tmp_path: Path, stated, start) -> None:
    """The image is 30 wide and 40 high; sizes are height, width."""
    texts = size_warnings({"a.png": stated}, {"a.png": write_image(tmp_path / "a.png")})
    assert [text[: len(start or "")] for text in texts] == ([start] if start else [])
    if start:
        example = f"a.png ({stated[1]}x{stated[0]} in the label file, 30x40 in the image)"
        assert example in texts[0]


def test_images_of_each_difference_are_counted(tmp_path: Path) -> None:
    images = {name: write_image(tmp_path / name) for name in ("a.png", "b.png", "c.png", "d.png")}
    stated = {"a.png": (40, 30), "b.png": (30, 40), "c.png": (80, 60), "d.png": (20, 15)}
    scaled, swapped = size_warnings(stated, images)
    assert swapped.startswith("1 of 4 images") and "such as b.png (40x30" in swapped
    assert scaled.startswith("2 of 4 images") and "such as c.png (60x80" in scaled


@pytest.mark.parametrize(("stated", "count"), [((40, 30), 0), ((30, 40), 1)])
def test_an_image_has_its_upright_size(tmp_path: Path, stated, count) -> None:
    """A phone's portrait photo: stored 40x30, looked at as 30x40."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    assert len(size_warnings({"a.jpg": stated}, {"a.jpg": tmp_path / "a.jpg"})) == count


def test_what_cannot_be_compared_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("<html>")
    images = {"a.jpg": tmp_path / "a.jpg", "b.jpg": EmbeddedImage(tmp_path / "b.json")}
    sizes = {"a.jpg": (1, 1), "b.jpg": (1, 1), "left_out.jpg": (1, 1)}
    calls = []
    assert size_warnings(sizes, images, lambda *progress: calls.append(progress)) == []
    assert calls == [(1, 1)]
