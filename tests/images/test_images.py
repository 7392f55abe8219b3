"""Images are read upright as RGB, written where allowed, and warped without aliasing."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pipeline_datasets import encoded, jpeg_with_orientation, texture, with_exif

from simplebase.errors import ArgumentError, DataError, MissingFileError, OutputExistsError
from simplebase.geometry import transform_points
from simplebase.images import (
    decode_image,
    is_upright,
    jpeg_size,
    read_image,
    reduced_matrix,
    reduction_for,
    warp_image,
    write_image,
)


def quarters(height=24, width=40):
    """Top left red, top right green, bottom left blue, bottom right white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 255, 0, 0
    image[: height // 2, width // 2 :] = 0, 255, 0
    image[height // 2 :, : width // 2] = 0, 0, 255
    image[height // 2 :, width // 2 :] = 255, 255, 255
    return image


def png_of_claimed_size(width, height):
    """A PNG whose header promises more pixels than the file has."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 64))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix, tolerance", [("png", 0), ("bmp", 0), ("jpg", 4), ("webp", 8)])
def test_colours_survive_each_format(tmp_path, suffix, tolerance):
    write_image(tmp_path / f"image.{suffix}", quarters())
    read = read_image(tmp_path / f"image.{suffix}")
    assert read.dtype == np.uint8 and read.shape == (24, 40, 3)
    # The middles of the four quarters, where no edge rings.
    middles = np.ix_([6, 18], [10, 30])
    difference = np.abs(read[middles].astype(int) - quarters()[middles])
    assert difference.max() <= tolerance


def test_the_suffix_may_be_in_capitals(tmp_path):
    write_image(tmp_path / "IMAGE.PNG", quarters())
    np.testing.assert_array_equal(read_image(tmp_path / "IMAGE.PNG"), quarters())


def test_the_content_and_not_the_suffix_says_the_format(tmp_path):
    write_image(tmp_path / "image.png", quarters())
    (tmp_path / "image.png").rename(tmp_path / "image.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "image.jpg"), quarters())


@pytest.mark.parametrize(
    "orientation, upright",
    [
        (1, lambda image: image),
        (3, lambda image: np.rot90(image, 2)),
        (6, lambda image: np.rot90(image, -1)),  # the first row is the right side
        (8, lambda image: np.rot90(image, 1)),
    ],
)
def test_exif_orientation_is_honoured(tmp_path, orientation, upright):
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg_with_orientation(quarters(), orientation))
    read, expected = read_image(path), upright(quarters())
    assert read.shape == expected.shape
    # JPEG blurs the edges of colours, not the middles of the quarters.
    height, width = expected.shape[:2]
    middles = np.ix_([height // 4, 3 * height // 4], [width // 4, 3 * width // 4])
    assert np.abs(read[middles].astype(int) - expected[middles]).max() <= 4


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), np.stack([grey] * 3, -1))


def test_alpha_is_dropped(tmp_path):
    alpha = np.full((24, 40, 1), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), np.concatenate([quarters()[..., ::-1], alpha], -1))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), quarters())


def test_16_bits_become_8(tmp_path):
    deep = quarters()[..., ::-1].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), quarters())


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x89PNG\r\n"],
    ids=["empty", "text", "cut short"],
)
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"image\.png cannot be read as an image"):
        read_image(path)


def test_a_video_is_called_a_video(tmp_path):
    path = tmp_path / "clip.MP4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42")
    with pytest.raises(DataError, match=r"clip\.MP4 is a video, but an image is expected"):
        read_image(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.jpg: the image does not exist"):
        read_image(tmp_path / "none.jpg")


@pytest.mark.parametrize("name", ["image.txt", "image", "clip.mp4", "image.png.gz"])
def test_an_unknown_suffix_is_not_written(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"an image ends in \.jpg, \.jpeg, \.png"):
        write_image(tmp_path / name, quarters())
    assert not list(tmp_path.iterdir())


def test_an_existing_image_is_kept_unless_asked(tmp_path):
    path = tmp_path / "image.png"
    write_image(path, quarters())
    other = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        write_image(path, other)
    np.testing.assert_array_equal(read_image(path), quarters())
    write_image(path, other, overwrite=True)
    np.testing.assert_array_equal(read_image(path), other)


def affine(scale, x=0.0, y=0.0):
    return np.array([[scale, 0, x], [0, scale, y]], np.float64)


def test_the_identity_warp_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    np.testing.assert_array_equal(warp_image(image, affine(1), (30, 50)), image)


def test_a_warp_by_whole_pixels_moves_them_and_fills_with_black():
    image = np.random.default_rng(0).integers(1, 256, (30, 50, 3), np.uint8)
    warped = warp_image(image, affine(1, 7, -4), (30, 50))
    np.testing.assert_array_equal(warped[:26, 7:], image[4:, :43])
    assert not warped[:, :7].any() and not warped[26:].any()


def test_a_warp_by_a_quarter_pixel_mixes_neighbours_three_to_one():
    image = np.zeros((5, 9, 3), np.uint8)
    image[2, 4] = 200
    warped = warp_image(image, affine(1, 0.25, 0), (5, 9))
    np.testing.assert_allclose(warped[2, 3:7, 0], [0, 150, 50, 0], atol=1)


def test_a_fine_checkerboard_shrinks_to_grey():
    rows, columns = np.indices((128, 128))
    board = np.repeat(((rows + columns) % 2 * 255)[..., None], 3, -1).astype(np.uint8)
    # Pixel centres of the result lie in the middle of 4 x 4 blocks.
    warped = warp_image(board, affine(0.25, -0.375, -0.375), (32, 32))
    np.testing.assert_allclose(warped, 127.5, atol=1)


def test_every_second_line_does_not_alias_at_any_small_scale():
    stripes = np.zeros((240, 240, 3), np.uint8)
    stripes[:, ::2] = 255
    for scale in (0.49, 0.35, 0.2, 0.11):
        side = int(240 * scale) - 4
        warped = warp_image(stripes, affine(scale), (side, side))[2:-2, 2:-2]
        assert np.abs(warped.astype(float) - 127.5).max() <= 45, scale


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.7, 2])
@pytest.mark.parametrize("dot", [(200, 120), (333, 257), (91, 402)])
def test_a_dot_moves_to_where_its_point_is_mapped(scale, dot):
    image = np.zeros((480, 640, 3), np.uint8)
    radius = 9
    x, y = dot
    image[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    matrix = affine(scale, 3.3, -1.7)
    size = (int(480 * scale) + 8, int(640 * scale) + 8)
    warped = warp_image(image, matrix, size)[..., 0].astype(float)
    rows, columns = np.indices(size)
    found = np.array([(warped * columns).sum(), (warped * rows).sum()]) / warped.sum()
    expected = transform_points(matrix, np.array([dot], float))[0]
    # The centroid of a dot is finer than a pixel: a half-pixel mistake would show.
    np.testing.assert_allclose(found, expected, atol=0.12)


def test_a_rotated_and_shrunk_dot_moves_with_its_point():
    image = np.zeros((300, 300, 3), np.uint8)
    image[92:109, 192:209] = 255  # around (200, 100)
    angle, scale = np.radians(30), 0.2
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, [20.0, 5.0]])
    warped = warp_image(image, matrix, (80, 80))[..., 0].astype(float)
    rows, columns = np.indices((80, 80))
    found = np.array([(warped * columns).sum(), (warped * rows).sum()]) / warped.sum()
    np.testing.assert_allclose(
        found, transform_points(matrix, np.array([[200.0, 100.0]]))[0], atol=0.2
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (3, 200), (300, 2)])
def test_an_image_smaller_than_the_shrinking_factor_is_still_warped(shape):
    image = np.full((*shape, 3), 255, np.uint8)
    assert warp_image(image, affine(0.05), (16, 16)).shape == (16, 16, 3)


def photo(**options):
    """A JPEG of 160 x 120 with details."""
    return encoded(texture(120, 160), "jpeg", quality=90, **options)


def with_preview(jpeg):
    """The same with a whole small JPEG, its end included, in the Exif data."""
    return with_exif(jpeg, b"MM\x00*" + encoded(texture(12, 16), "jpeg"))


JPEGS = {
    "baseline": photo(),
    "progressive": photo(progressive=True),
    "restarts": photo(restart_marker_blocks=2),
    "with a preview": with_preview(photo()),
    "progressive with a preview": with_preview(photo(progressive=True)),
}


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, "two bytes less", "a byte less"])
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_that_ends_early_is_called_cut_off(name, share):
    data = JPEGS[name]
    end = {"two bytes less": -2, "a byte less": -1}.get(share)
    end = int(len(data) * share) if end is None else end
    with pytest.raises(DataError, match=r"^people/a\.jpg is cut off: its file ends before"):
        decode_image(data[:end], "people/a.jpg")


@settings(deadline=None, max_examples=150)
@given(name=st.sampled_from(sorted(JPEGS)), share=st.floats(0, 1, exclude_max=True))
def test_no_jpeg_that_ends_early_is_read(name, share):
    data = JPEGS[name]
    with pytest.raises(DataError):
        decode_image(data[: int(len(data) * share)], "a.jpg")


@pytest.mark.parametrize(
    "appended",
    [
        b"\x00",
        b"\x00" * 1000,
        b"\r\n",
        # As the film that a phone appends to a photo: any bytes, among them a scan's first two.
        b"ftypmp42" + b"\x12\xff\xda\x34\xff\xd8\xff\xe1" * 5,
        b"\xff\xda",
    ],
    ids=["a zero", "zeros", "a line's end", "a film", "a scan's start"],
)
@pytest.mark.parametrize("name", JPEGS)
def test_what_follows_the_end_of_a_jpeg_is_left_alone(name, appended):
    data = JPEGS[name]
    np.testing.assert_array_equal(decode_image(data + appended, "a"), decode_image(data, "a"))


def test_a_page_that_was_saved_for_an_image_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("<!DOCTYPE html><html><title>403 Forbidden</title></html>")
    with pytest.raises(DataError, match=r"a\.jpg cannot be read as an image"):
        read_image(tmp_path / "a.jpg")


def test_a_folder_for_an_image_is_told(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(MissingFileError, match=r"a\.jpg is a folder, but the image is a file"):
        read_image(tmp_path / "a.jpg")


def test_a_cmyk_jpeg_is_read_in_its_colours():
    image = texture(120, 160)
    read = decode_image(encoded(image, "jpeg", mode="CMYK", quality=95), "cmyk")
    assert np.abs(read.astype(int) - image).mean() < 4


def test_a_grey_jpeg_has_three_equal_channels():
    read = decode_image(encoded(texture(120, 160), "jpeg", mode="L", quality=95), "grey")
    grey = np.asarray(Image.fromarray(texture(120, 160)).convert("L"))
    assert np.abs(read.astype(int) - grey[..., None]).mean() < 2
    np.testing.assert_array_equal(read[..., 0], read[..., 2])


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("reduction", [1, 2, 4, 8, 16, 64])
def test_a_reduced_image_is_the_mean_of_its_squares(kind, reduction):
    """Two sides that no reduction divides; what is left over makes one more pixel."""
    image = texture(333, 501)
    read = decode_image(
        encoded(image, kind, **({"quality": 98} if kind == "jpeg" else {})), "a", reduction
    )
    height, width = -(-333 // reduction), -(-501 // reduction)
    assert read.shape == (height, width, 3)
    whole = image[: 333 // reduction * reduction, : 501 // reduction * reduction].astype(float)
    rows, columns = 333 // reduction, 501 // reduction
    means = whole.reshape(rows, reduction, columns, reduction, 3).mean((1, 3))
    assert np.abs(read[:rows, :columns] - means).mean() < 2


@pytest.mark.parametrize("reduction", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_jpeg_is_reduced_from_its_upright_corner(orientation, reduction):
    """Squares that begin at the stored corner would move the image by up to 7/8 of a pixel."""
    upright = texture(101, 139)
    turns = {1: 0, 3: 2, 6: 1, 8: -1}[orientation]
    stored = np.ascontiguousarray(np.rot90(upright, turns))
    read = decode_image(jpeg_with_orientation(stored, orientation), "a", reduction)
    plain = decode_image(encoded(upright), "a", reduction)
    assert read.shape == plain.shape
    inner = np.abs(read.astype(int) - plain)[:-1, :-1]
    assert inner.mean() < 3


@pytest.mark.parametrize("orientation, upright", [(1, True), (3, False), (6, False), (8, False)])
def test_the_exif_data_says_whether_a_jpeg_is_upright(orientation, upright):
    assert is_upright(jpeg_with_orientation(texture(16, 16), orientation)) is upright


def test_a_jpeg_without_exif_data_is_upright_and_damaged_data_say_nothing():
    assert is_upright(photo())
    for tiff in (b"", b"MM", b"MM\x00*\xff\xff\xff\xff", b"II*\x00\x08\x00\x00\x00\xff\xff"):
        damaged = with_exif(photo(), tiff)
        assert is_upright(damaged)
        np.testing.assert_array_equal(decode_image(damaged, "a", 2), decode_image(photo(), "a", 2))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_header_of_a_jpeg_says_its_stored_size(orientation):
    stored = np.ascontiguousarray(texture(120, 160))
    assert jpeg_size(jpeg_with_orientation(stored, orientation)) == (120, 160)
    assert jpeg_size(with_preview(photo(progressive=True))) == (120, 160)
    assert jpeg_size(photo()[:100]) is None


def test_exif_data_of_either_byte_order_are_understood():
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    other = struct.pack("<HHIHH", 0x0110, 3, 1, 1, 0)
    tiff = b"II*\x00" + struct.pack("<IH", 8, 2) + other + entry + struct.pack("<I", 0)
    assert not is_upright(with_exif(photo(), tiff))


def test_an_image_is_averaged_down_to_between_half_and_whole_size():
    magnifications = np.array([4, 1, 0.51, 0.5, 0.26, 0.25, 0.1, 0.01])
    reductions = reduction_for(magnifications)
    np.testing.assert_array_equal(reductions, [1, 1, 1, 2, 2, 4, 8, 64])
    assert (magnifications * reductions)[2:].min() > 0.5
    assert reduction_for(0.3) == 2


def test_a_reduced_pixel_is_the_centre_of_its_square():
    # Pixel 0 of an image averaged by 4 has its centre at 1.5, pixel 2 at 9.5.
    matrix = affine(0.5, 3, -2)
    moved = transform_points(reduced_matrix(matrix, 4), np.array([[0.0, 2.0]]))[0]
    np.testing.assert_allclose(moved, [0.5 * 1.5 + 3, 0.5 * 9.5 - 2])
    both = reduced_matrix(np.stack([matrix, matrix]), np.array([1, 4]))
    np.testing.assert_array_equal(both[0], matrix)
    np.testing.assert_array_equal(both[1], reduced_matrix(matrix, 4))


def test_an_image_that_shrinks_in_one_direction_only_does_not_alias():
    columns = np.zeros((64, 1024, 3), np.uint8)
    columns[:, ::2] = 255
    matrix = np.array([[1 / 16, 0, -0.46875], [0, 1.0, 0]])
    shrunk = warp_image(columns, matrix, (64, 64))
    assert abs(shrunk[8:-8, 8:-8].astype(int) - 127.5).max() <= 2


def test_a_dot_moves_with_its_point_when_the_directions_differ():
    image = np.zeros((200, 800, 3), np.uint8)
    image[88:108, 480:560] = 255
    matrix = np.array([[64 / 800, 0, -0.46], [0, 64 / 200, -0.34]])
    warped = warp_image(image, matrix, (64, 64))[..., 0].astype(float)
    rows, cols = np.indices(warped.shape)
    center = (warped * cols).sum() / warped.sum(), (warped * rows).sum() / warped.sum()
    expected = transform_points(matrix, np.array([[519.5, 97.5]]))[0]
    # Sampling at 0.64 of an edge's width is worth some hundredths; a lost half pixel is 0.3.
    np.testing.assert_allclose(center, expected, atol=0.06)
