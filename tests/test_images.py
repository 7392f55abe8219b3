"""Images are read upright as RGB, written where allowed, and warped without aliasing."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from simplebase.errors import ArgumentError, DataError, MissingFileError, OutputExistsError
from simplebase.geometry import transform_points
from simplebase.images import read_image, warp_image, write_image


def quarters(height=24, width=40):
    """Top left red, top right green, bottom left blue, bottom right white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 255, 0, 0
    image[: height // 2, width // 2 :] = 0, 255, 0
    image[height // 2 :, : width // 2] = 0, 0, 255
    image[height // 2 :, width // 2 :] = 255, 255, 255
    return image


def jpeg_with_orientation(image, orientation):
    """The bytes of a JPEG with an Exif segment that holds nothing but the orientation."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
    # Big-endian TIFF header, a directory of one entry (tag 0x0112, type SHORT, count 1), no next.
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    payload = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
    data = data.tobytes()
    return data[:2] + segment + data[2:]


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
    [b"", b"hello", b"\xff\xd8\xff\xe0", png_of_claimed_size(100_000, 100_000)],
    ids=["empty", "text", "cut short", "far too large"],
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
