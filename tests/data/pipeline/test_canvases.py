"""A canvas is its image seen through the matrix that comes with it, whatever was decoded for it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pipeline_datasets import dataset_of, encoded, jpeg_with_orientation, ramp, texture

from simplebase import Crop, KeypointDataset, Skeleton, load_dataset
from simplebase.data.pipeline import Batch, BatchSource, canvases
from simplebase.errors import DataError
from simplebase.geometry import Size, compose, invert, transform_points
from simplebase.images import decode_image, read_image, warp_image

SIZE = (64, 64)
CROP = Crop()
PERSON = 200 * 1.25  # pixels of a crop's side at scale 1

SMALL = ramp(90, 110, 2)
# Name: the image, the axis along which it rises, and by how much a pixel.
RAMPS = {
    "small across": (SMALL, 0, 2.0),
    "small down": (ramp(110, 90, 2).transpose(1, 0, 2), 1, 2.0),
    "large across": (ramp(700, 900, 0.25), 0, 0.25),
    "large down": (ramp(900, 700, 0.25).transpose(1, 0, 2), 1, 0.25),
}
ENCODED = {name: encoded(image) for name, (image, _, _) in RAMPS.items()}


def batch_of(
    data: bytes, center: tuple[float, float], scale: float, canvas: Size = SIZE, crop: Crop = CROP
) -> Batch:
    """The batch of one record in one image, for a network of 64x64."""
    return next(BatchSource(dataset_of(data, center, scale), crop, SIZE, 1, canvas).batches())


def seen(canvas: Size, matrix: np.ndarray) -> np.ndarray:
    """`(Hc, Wc, 2)` the image's x, y at the centre of each canvas pixel."""
    rows, columns = np.indices(canvas)
    points = np.stack([columns, rows], -1).reshape(-1, 2)
    return transform_points(invert(matrix), points).reshape(*canvas, 2)


def shift_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """By how many pixels x, y `second` is moved against `first`, if by few (Lucas-Kanade)."""
    first, second = (image[4:-4, 4:-4].astype(float).mean(-1) for image in (first, second))
    along_y, along_x = np.gradient(first)
    gradients = np.stack([along_x.ravel(), along_y.ravel()], -1)
    return np.linalg.lstsq(gradients, (first - second).ravel(), rcond=None)[0]


@settings(deadline=None, max_examples=120)
@given(
    name=st.sampled_from(sorted(RAMPS)),
    log_magnification=st.floats(-5, 9),
    place=st.tuples(st.floats(-0.7, 1.7), st.floats(-0.7, 1.7)),
    canvas=st.tuples(st.integers(8, 96), st.integers(8, 96)),
    center_shift=st.sampled_from([0.0, 15.0]),
)
# An enlarged or shrunk patch has as many pixels as before, but not at the same places.
@example("small across", -2.125, (0.0, 0.0), (8, 8), 0.0)
@example("small down", 0.008, (0.5, 0.5), (64, 64), 0.0)
@example("large across", -1.006, (0.5, 0.5), (80, 64), 0.0)
# The image begins within an enlarged pixel right of or below the canvas: nothing of it is seen.
@example("small across", 4.3, (-0.023, 0.5), (64, 64), 0.0)
@example("small across", 4.3, (0.5, -0.028), (64, 64), 0.0)
def test_a_canvas_reads_the_exact_coordinates_of_the_image(
    name: str,
    log_magnification: float,
    place: tuple[float, float],
    canvas: Size,
    center_shift: float,
) -> None:
    image, axis, slope = RAMPS[name]
    height, width = image.shape[:2]
    center = (place[0] * (width - 1), place[1] * (height - 1))
    magnification = 2**log_magnification
    scale = 64 / (PERSON * magnification)
    batch = batch_of(ENCODED[name], center, scale, canvas, Crop(center_shift=center_shift))
    matrix = batch["matrices"][0]

    ideal_x = (canvas[1] - 1) / 2 - center[0] * magnification
    ideal_y = (canvas[0] - 1) / 2 - (center[1] + center_shift * scale) * magnification
    np.testing.assert_allclose(matrix[:, :2], magnification * np.eye(2), rtol=1e-12)
    np.testing.assert_allclose(matrix[:, 2], [ideal_x, ideal_y], rtol=1e-9, atol=0.5 + 1e-6)

    where = seen(canvas, matrix)
    # Before and behind the first pixel's centre by what is averaged into one, the ramp is bent.
    averaged = 2 ** max(0, np.floor(-log_magnification))
    inside = ((where > averaged) & (where < [width - 1 - averaged, height - 1 - averaged])).all(-1)
    values = batch["images"][0].astype(float)
    rising = 25 + slope * where[..., axis]
    wrong = (values - np.stack([rising, np.full(canvas, 25), 280 - rising], -1))[inside]
    steep = slope / magnification  # grey levels a canvas pixel
    if inside.any():
        # OpenCV's resize counts in small whole numbers, and then rounds; the large ramp itself and
        # its average are rounded too.
        assert np.abs(wrong).max() <= 0.05 * steep + (0.75 if slope == 2 else 1.75)

    margin = averaged + 1 + 1 / magnification
    outside = ((where < -margin) | (where > [width - 1 + margin, height - 1 + margin])).any(-1)
    assert not values[outside].any()


@pytest.mark.parametrize("moved", [-0.5, 0.25])
def test_a_shift_by_a_quarter_pixel_would_be_seen_in_the_ramp(moved: float) -> None:
    """The tolerance above is finer than the mistakes that alignments usually are."""
    batch = batch_of(ENCODED["small across"], (55, 45), 0.3)
    wrong_matrix = batch["matrices"][0] + [[0, 0, moved], [0, 0, 0]]
    wrong = batch["images"][0][..., 0] - (25 + 2 * seen(SIZE, wrong_matrix)[..., 0])
    steep = 2 * PERSON * 0.3 / 64
    assert np.abs(wrong[:, 2:-2]).max() > 0.05 * steep + 0.75


def test_a_dot_in_the_image_lies_at_its_keypoint_in_the_batch(tmp_path: Path) -> None:
    rows, columns = np.indices((200, 300))
    x, y = 120.3, 88.6
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4**2))
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "dot.png"), np.repeat(blob[..., None], 3, 2).round())
    record = {
        "dataset": "dot",
        "isValidation": 0.0,
        "img_paths": "dot.png",
        "objpos": [130.0, 95.0],
        "joint_self": [[x, y, 2]],
        "scale_provided": 0.5,
        "origin": 0,
    }
    (tmp_path / "annotations.json").write_text(json.dumps([record]))
    dataset = load_dataset(tmp_path, Skeleton("dot", ("dot",)))
    batch = next(BatchSource(dataset, CROP, SIZE, 1).batches())
    assert_blob_at_keypoint(batch)


def assert_blob_at_keypoint(batch: Batch, tolerance: float = 0.05) -> None:
    mass = batch["images"][0].sum(axis=-1).astype(float)
    rows, columns = np.indices(mass.shape)
    centroid = np.array([(columns * mass).sum(), (rows * mass).sum()]) / mass.sum()
    np.testing.assert_allclose(batch["keypoints"][0, 0, :2], centroid, atol=tolerance)


@pytest.mark.parametrize("scale", [0.6, 1.1, 2.3, 4.5])
@pytest.mark.parametrize("turn", ["png", 1, 3, 6, 8])
def test_a_large_dot_lies_at_its_keypoint_at_every_reduction(scale: float, turn: int | str) -> None:
    # Sides that no reduction divides: a turned image then begins within an averaged square.
    rows, columns = np.indices((805, 1003))
    x, y = 501.4, 399.7
    sigma = 3 * PERSON * scale / 64
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    image = np.repeat(blob[..., None], 3, 2).round().astype(np.uint8)
    if turn == "png":
        data = encoded(image)
    else:
        # How the file has to be stored to be looked at as `image`.
        stored = {1: image, 3: np.rot90(image, 2), 6: np.rot90(image), 8: np.rot90(image, -1)}
        data = jpeg_with_orientation(np.ascontiguousarray(stored[turn]), turn)
    assert_blob_at_keypoint(batch_of(data, (x, y), scale), tolerance=0.06)


@pytest.mark.parametrize("scale", [0.6, 1.1, 2.3, 4.5])
def test_a_jpeg_decoded_small_is_what_averaging_gives(scale: float) -> None:
    image = texture(1005, 1206)
    data = encoded(image, "jpeg", quality=95)
    batch = batch_of(data, (600.0, 500.0), scale)
    expected = warp_image(decode_image(data, "whole"), batch["matrices"][0], SIZE)
    difference = np.abs(batch["images"][0].astype(int) - expected)
    assert difference.mean() < 2.0
    np.testing.assert_allclose(shift_between(expected, batch["images"][0]), 0, atol=0.03)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, int]]:
    """The `(y, x, height, width)` that are decoded on their own."""
    found: list[tuple[int, int, int, int]] = []
    decode = tf.io.decode_and_crop_jpeg

    def spy(data: bytes, window: tuple[int, int, int, int], **options: object) -> object:
        image = decode(data, window, **options)
        found.append(window)
        return image

    monkeypatch.setattr(tf.io, "decode_and_crop_jpeg", spy)
    return found


def twice(data: bytes, center: tuple[float, float], scale: float) -> tuple[Batch, Batch]:
    """The batch of one record as two epochs read it."""
    source = BatchSource(dataset_of(data, center, scale), CROP, SIZE, 1)
    return next(source.batches()), next(source.batches())


BIG = np.clip(
    texture(600, 900).astype(int) + np.random.default_rng(1).integers(-30, 31, (600, 900, 3)),
    0,
    255,
).astype(np.uint8)


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
@pytest.mark.parametrize("subsampling", [0, 1, 2], ids=["444", "422", "420"])
def test_a_small_object_in_a_large_jpeg_is_decoded_alone_to_the_same_pixels(
    subsampling: int,
    progressive: bool,
    windows: list[tuple[int, int, int, int]],
) -> None:
    data = encoded(BIG, "jpeg", quality=95, subsampling=subsampling, progressive=progressive)
    rng = np.random.default_rng(subsampling)
    # Beyond two corners; windows that end where colour is interpolated across; and anywhere.
    cases = [((-4.0, -4.0), 0.2), ((902.0, 603.0), 0.2), ((449, 322), 0.39), ((128, 130), 0.1)]
    cases += [(rng.uniform(0, (900, 600)), rng.uniform(0.05, 0.5)) for _ in range(6)]
    for number, (center, scale) in enumerate(cases, start=1):
        # The first time the whole image is decoded, so that damage is found wherever it is.
        whole, batch = twice(data, center, scale)
        assert len(windows) == number
        assert windows[-1][2] * windows[-1][3] < 0.1 * 900 * 600
        np.testing.assert_array_equal(batch["images"], whole["images"])
        assert batch["images"].any()


def test_an_object_that_fills_the_jpeg_is_decoded_with_it(
    windows: list[tuple[int, int, int, int]],
) -> None:
    data = encoded(BIG[:128, :128], "jpeg", quality=100, subsampling=0)
    assert len(data) >= canvases._SMALLEST_CROPPED_FILE
    twice(data, (64.0, 64.0), 0.48)
    assert windows == []


def test_a_turned_jpeg_is_read_upright_however_small_the_object(
    windows: list[tuple[int, int, int, int]],
) -> None:
    # Stored with its right side up: orientation 6 says to turn it clockwise.
    image = texture(603, 902)
    data = jpeg_with_orientation(np.ascontiguousarray(np.rot90(image)), 6)
    assert len(data) >= canvases._SMALLEST_CROPPED_FILE
    whole = decode_image(data, "whole")
    assert whole.shape == image.shape
    assert np.abs(whole.astype(int) - image).mean() < 3
    for scale in (0.15, 0.24, 1.2):
        batch = twice(data, (700.0, 200.0), scale)[1]
        expected = warp_image(whole, batch["matrices"][0], SIZE)
        assert np.abs(batch["images"][0].astype(int) - expected)[2:-2, 2:-2].mean() < 2
    assert windows == []


FORMATS = {
    "grey": ("L", "jpeg", {"quality": 95}),
    "cmyk": ("CMYK", "jpeg", {"quality": 95}),
    "progressive": ("RGB", "jpeg", {"quality": 95, "progressive": True}),
    "alpha": ("RGBA", "png", {}),
    "palette": ("P", "png", {}),
    "webp": ("RGB", "webp", {"quality": 95}),
    "bmp": ("RGB", "bmp", {}),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("scale", [0.2, 1.0], ids=["a part", "reduced"])
def test_every_kind_of_file_gives_its_colours(name: str, scale: float) -> None:
    mode, kind, options = FORMATS[name]
    file = encoded(BIG, kind, mode=mode, **options)
    batch = batch_of(file, (450.0, 300.0), scale)
    grey = BIG @ np.array([0.299, 0.587, 0.114])  # Rec. 601, as Pillow converts
    source = np.repeat(grey[..., None], 3, 2).round().astype(np.uint8) if mode == "L" else BIG
    expected = warp_image(source, batch["matrices"][0], SIZE)
    difference = batch["images"][0].astype(int) - expected
    # A palette of 256 colours is coarse, and a JPEG's colours are subsampled.
    assert np.abs(difference).mean() < (16 if name == "palette" else 8)
    assert np.abs(difference.mean((0, 1))).max() < 3


def test_a_deep_png_gives_its_colours() -> None:
    deep = SMALL[..., ::-1].astype(np.uint16) * 257
    data = cv2.imencode(".png", deep)[1].tobytes()
    flat = batch_of(encoded(SMALL), (55.0, 45.0), 0.3)["images"]
    np.testing.assert_allclose(
        batch_of(data, (55.0, 45.0), 0.3)["images"].astype(int), flat, atol=1
    )


@pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e4, 1e9])
@pytest.mark.parametrize("center", [(50.0, 40.0), (-1e9, 1e9), (54.999, -0.4)])
def test_no_scale_is_too_large_or_too_small(
    scale: float, center: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    resize = cv2.resize

    def spy(*arguments: object, **options: object) -> np.ndarray:
        nonlocal largest
        result = resize(*arguments, **options)
        largest = max(largest, result.nbytes)
        return result

    monkeypatch.setattr(canvases.cv2, "resize", spy)
    batch = batch_of(ENCODED["small across"], center, scale)
    assert np.isfinite(batch["matrices"]).all()
    assert largest < 2**20
    if scale < 1 and center == (50.0, 40.0):
        # A single pixel, enlarged, is a flat colour: that of x 50.
        assert np.abs(batch["images"][0].astype(int) - [125, 25, 155]).max() <= 2


def test_an_enlarged_pixel_takes_no_more_memory_than_the_canvas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At 1000-fold, four pixels of the image would be 48 MB."""
    monkeypatch.setattr(cv2, "resize", None)
    batch = batch_of(ENCODED["small across"], (50.0, 40.0), 64 / PERSON / 1000)
    assert batch["images"].shape == (1, 64, 64, 3)


def test_what_lies_outside_the_image_is_black(figures: KeypointDataset) -> None:
    image = read_image(figures.images.path(0))
    far = BatchSource(figures, CROP, SIZE, 1, (640, 640))
    batch = next(far.batches())
    canvas = batch["images"][0]
    corners = transform_points(
        batch["matrices"][0], np.array([[0, 0], np.array(image.shape[1::-1]) - 1])
    )
    (left, top), (right, bottom) = np.round(corners).astype(int)
    assert 0 < left < right < 640 and 0 < top < bottom < 640
    assert canvas[: top - 1].max() == canvas[:, : left - 1].max() == 0
    assert canvas[bottom + 2 :].max() == canvas[:, right + 2 :].max() == 0
    assert canvas[top:bottom, left:right].max() > 0


def test_a_canvas_is_new_and_holds_nothing_of_another(figures: KeypointDataset) -> None:
    source = BatchSource(figures, CROP, SIZE, 4)
    dirty = np.full((64, 64, 3), 77, np.uint8)
    clean = np.zeros((64, 64, 3), np.uint8)
    reader = source._reader
    sampling, _ = reader.plan(np.arange(4))
    reader.read_into(dirty, 2, sampling, 2)
    reader.read_into(clean, 2, sampling, 2)
    np.testing.assert_array_equal(dirty, clean)


@pytest.mark.parametrize("scale", [0.2, 1.5], ids=["a part", "reduced"])
def test_a_jpeg_that_ends_early_is_told_where_its_rows_are_wanted(scale: float) -> None:
    data = encoded(BIG, "jpeg", quality=95)
    with pytest.raises(DataError, match=r"memory/0\.jpg is cut off"):
        batch_of(data[: len(data) // 2], (450.0, 500.0), scale)


def test_stored_images_with_a_matrix_are_sampled_through_it() -> None:
    """An image that stands for another, shifted and doubled, as a packed one does."""
    record_to_stored = np.array([[[2.0, 0, -30], [0, 2.0, -14]]])
    dataset = dataset_of(encoded(SMALL), (40.0, 30.0), 0.1)
    object.__setattr__(dataset.images, "matrices", record_to_stored)
    batch = next(BatchSource(dataset, CROP, SIZE, 1).batches())
    matrix = batch["matrices"][0]
    # 64 / (250 * 0.1) = 2.56; the centre lies in the middle of the canvas.
    np.testing.assert_allclose(matrix[:, :2], 2.56 * np.eye(2))
    np.testing.assert_allclose(matrix[:, 2], [31.5 - 102.4, 31.5 - 76.8], atol=0.5)
    np.testing.assert_allclose(
        batch["keypoints"][0, 0, :2], matrix[:, :2] @ [40, 30] + matrix[:, 2], atol=1e-4
    )
    expected = warp_image(SMALL, compose(matrix, invert(record_to_stored[0])), SIZE)
    difference = batch["images"][0].astype(int) - expected
    assert np.abs(difference)[2:-2, 2:-2].max() <= 2
