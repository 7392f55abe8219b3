"""Damaged images are refused by name, and no library says anything of its own."""

import os
import struct
import warnings
import zlib
from base64 import b85decode
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pipeline_datasets import dataset_of, encoded, texture

from simplebase.data.pipeline import BatchSource
from simplebase.errors import DataError
from simplebase.geometry import Crop
from simplebase.images import decode_image, read_image

SHARED_CASE = Path(__file__).resolve().parents[2] / "shared/cases/19_damaged_and_dark/images"
IMAGE = texture(120, 160)
END = b"\xff\xd9"


@pytest.fixture(autouse=True)
def nothing_bare(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whatever a test does, neither libjpeg nor libpng writes to the terminal."""
    yield
    assert capfd.readouterr() == ("", "")


def jpeg(**options: object) -> bytes:
    return encoded(IMAGE, "jpeg", quality=90, **options)


def with_a_hole(data: bytes, share: float = 0.6) -> bytes:
    """A part of the pixels lost, as by a bad sector."""
    place = int(len(data) * share)
    return data[:place] + data[place + 300 :]


def with_a_marker_inside(data: bytes) -> bytes:
    """Pixels end in the middle, though the image's end follows: decoders fill up with grey."""
    return data[: len(data) // 2] + END


@pytest.mark.parametrize("damage", [with_a_hole, with_a_marker_inside])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"mode": "CMYK"}, {"mode": "L"}],
    ids=["baseline", "progressive", "restarts", "cmyk", "grey"],
)
def test_a_jpeg_damaged_in_its_middle_is_named(
    options: dict[str, object], damage: Callable[[bytes], bytes]
) -> None:
    data = jpeg(**options)
    decode_image(data, "people/a.jpg")
    for reduction in (1, 2, 8):
        with pytest.raises(DataError, match=r"^people/a\.jpg is damaged: .*\(JPEG: .*\)"):
            decode_image(damage(data), "people/a.jpg", reduction)


def test_a_restart_out_of_order_is_damage() -> None:
    data = jpeg(restart_marker_blocks=2)
    first = data.index(b"\xff\xd0", data.index(b"\xff\xda"))
    with pytest.raises(DataError, match=r"a is damaged: .*instead of RST0"):
        decode_image(data[: first + 1] + b"\xd5" + data[first + 2 :], "a")


def test_the_case_of_a_damaged_photo_is_refused() -> None:
    path = SHARED_CASE / "corrupt_middle.jpg"
    if not path.exists():
        pytest.skip("../shared is absent")
    with pytest.raises(DataError, match=r"corrupt_middle\.jpg is damaged"):
        read_image(path)


@pytest.mark.parametrize("filling", [b"\x00" * 16, b"\xff" * 9, b"\x00\xff" * 8])
def test_filling_before_a_jpegs_end_is_no_damage(filling: bytes) -> None:
    data = jpeg()
    filled = data[:-2] + filling + END
    np.testing.assert_array_equal(decode_image(filled, "a"), decode_image(data, "a"))
    # Behind it may stand a second image, with an end of its own, as phones append it.
    np.testing.assert_array_equal(decode_image(filled + data, "a"), decode_image(data, "a"))


def test_pixels_left_over_before_a_jpegs_end_are_damage() -> None:
    data = jpeg()
    middle = len(data) // 2
    with pytest.raises(DataError, match="a is damaged"):
        decode_image(data[:-2] + data[middle : middle + 60] + END, "a")


def test_an_unknown_revision_of_jfif_does_not_matter() -> None:
    data = jpeg()
    assert data[6:11] == b"JFIF\x00"
    other = data[:11] + b"\x05" + data[12:]
    np.testing.assert_array_equal(decode_image(other, "a"), decode_image(data, "a"))


def test_training_names_a_damaged_jpeg_of_which_it_wants_a_part_only() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    data = encoded(noise, "jpeg", quality=95)
    assert len(data) > 32_768
    # The object lies above the damage, so that the part alone would look sound.
    dataset = dataset_of(with_a_hole(data, 0.9), (60.0, 50.0), 0.1)
    with pytest.raises(DataError, match=r"memory/0\.jpg is damaged"):
        next(BatchSource(dataset, Crop(), (64, 64), 1).batches())


def test_no_epoch_of_training_lets_a_decoder_speak_of_what_does_not_matter() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    data = encoded(noise, "jpeg", quality=95)
    for odd in (data[:-2] + b"\x00" * 20 + END, data[:11] + b"\x05" + data[12:]):
        source = BatchSource(dataset_of(odd, (60.0, 380.0), 0.1), Crop(), (64, 64), 1)
        first, second = (next(source.batches())["images"] for _ in range(2))
        np.testing.assert_array_equal(first, second)


# Made by libjpeg with sampling factors 4x2 and 1x1, which TurboJPEG does not take: 32x16 pixels, of
# which red rises by 8 a column and green by 16 a row.
RARELY_SAMPLED = b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV04N+DBOVzjBOxO#D=08LWI;SPH#~b-T}fn-fSHz$fQ*WuwC2O0s@koJjL84X"
    "+V1uL|Noo8|NsB`|K|Pw`2X7gLjfx-Ej%?mc0oaQ_@#`c`1ttv`1ttv`1ttv`1ttv`1ttv`1ttv`1ttv`1ttv`1ttv"
    "`1ttv`1ttv`1ttv`1t?801*fP5C9+p0YU%*5di}c0sq7R761VO0RR910000000000000951pmYU7Z3mg0RR9100000"
    "000000000217ZKf02KiN0RR910000000000000000sq7R77+mf0RR910000000000000930{_|o3<CiG0ucid06zf2"
    "vBK6kBF6++;ENnBV}dMjMUEFq1#kb^"
)


def test_a_jpeg_whose_colours_are_sampled_in_a_rare_way_is_read() -> None:
    rows, columns = np.indices((16, 32))
    expected = np.stack([8 * columns, 16 * rows, np.full_like(rows, 128)], -1)
    read = decode_image(RARELY_SAMPLED, "a").astype(int)
    assert read.shape == (16, 32, 3)
    assert np.abs(read.mean((0, 1)) - expected.mean((0, 1))).max() < 8
    assert decode_image(RARELY_SAMPLED, "a", 2).shape == (8, 16, 3)
    with pytest.raises(DataError, match="a is (cut off|damaged)"):
        decode_image(RARELY_SAMPLED[:-40], "a")


@pytest.mark.parametrize("place, byte", [(1, b"\xc3"), (1, b"\xcb"), (4, b"\x0c")])
def test_a_jpeg_of_a_sort_that_is_not_read_is_not_called_damaged(place: int, byte: bytes) -> None:
    """Lossless, lossless and arithmetic, of 12 bits."""
    data = jpeg()
    place += data.index(b"\xff\xc0")
    with pytest.raises(
        DataError, match=r"^a is a rare kind of JPEG that is not supported .*Convert it"
    ):
        decode_image(data[:place] + byte + data[place + 1 :], "a")


def test_a_jpeg_of_nothing_but_its_ends_is_named() -> None:
    with pytest.raises(DataError, match=r"^a is damaged or cut off \(JPEG: it has no header\)\.$"):
        decode_image(b"\xff\xd8" + END, "a")


# PNG


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    checksum = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    place, found = 8, []
    while place < len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        found.append((data[place + 4 : place + 8], data[place + 8 : end]))
        place = end + 4
    return found


PNG = encoded(IMAGE)
HEADER = chunks_of(PNG)[0][1]
PACKED = b"".join(content for kind, content in chunks_of(PNG) if kind == b"IDAT")
PIXELS = zlib.decompress(PACKED)
# Of 57720 bytes too, as a palette image of 8 bits.
PALETTE_HEADER = struct.pack(">IIBBBBB", 480, 120, 8, 3, 0, 0, 0)


def png(packed: bytes = PACKED, more: bytes = b"", header: bytes = HEADER, wrong: int = 0) -> bytes:
    end = chunk(b"IDAT", packed, wrong) + chunk(b"IEND", b"")
    return PNG[:8] + chunk(b"IHDR", header) + more + end


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


@pytest.mark.parametrize(
    "data, reason",
    [
        (png(wrong=1), "checksum of its IDAT chunk is wrong"),
        (flipped(PNG, len(PNG) // 2), "checksum of its IDAT chunk is wrong"),
        (flipped(PNG, 29), "checksum of its IHDR chunk is wrong"),
        (png(flipped(PACKED, len(PACKED) // 2)), "cannot be unpacked|filter"),
        (png(flipped(PACKED, len(PACKED) - 1)), "cannot be unpacked, incorrect data check"),
        (png(PACKED[: len(PACKED) // 2]), r"of 57720 bytes of pixels"),
        (png(zlib.compress(b"\x09" + PIXELS[1:])), "filter 9"),
        (png(header=HEADER[:9] + b"\x05" + HEADER[10:]), "colour type 5"),
        (png(header=HEADER[:8] + b"\x04" + HEADER[9:]), "colour type 2 of 4 bits"),
        (png(header=HEADER[:10] + b"\x01" + HEADER[11:]), "unknown compression"),
        (png(header=HEADER[:11] + b"\x01" + HEADER[12:]), "unknown compression"),
        (png(header=HEADER[:12] + b"\x02"), "interlace"),
        (png(header=PALETTE_HEADER), "its palette has 0 bytes"),
        (png(header=PALETTE_HEADER, more=chunk(b"PLTE", b"1234")), "its palette has 4 bytes"),
        (PNG[:8] + chunk(b"CgBI", b"\x50\0\x20\x02") + PNG[8:], "does not begin with its header"),
    ],
)
def test_a_damaged_png_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^people/a\.png is damaged: .*{reason}"):
        decode_image(data, "people/a.png")


@pytest.mark.parametrize("end", [-5, -12, -13, -3000])
def test_a_png_that_ends_early_is_called_cut_off(end: int) -> None:
    with pytest.raises(DataError, match=r"^a\.png is cut off"):
        decode_image(PNG[:end], "a.png")


@pytest.mark.parametrize(
    "data",
    [
        png(more=chunk(b"iCCP", b"ICC\0\0" + zlib.compress(b"x" * 200))),
        png(more=chunk(b"tEXt", b"a\0b", wrong=1)),
        png(more=chunk(b"tIME", b"xx")),
        png(PACKED + b"zzzz"),
        png(zlib.compress(PIXELS + b"\x00" * 500)),
        PNG + b"appended",
        png(more=chunk(b"PLTE", b"123456")),
        PNG[:-4] + b"zzzz",
        png(more=chunk(b"IHDR", HEADER)),
    ],
    ids=[
        "colour profile",
        "text's checksum",
        "time",
        "more packed",
        "more pixels",
        "appended",
        "suggested palette",
        "end's checksum",
        "header twice",
    ],
)
def test_what_does_not_touch_the_pixels_of_a_png_does_not_matter(data: bytes) -> None:
    np.testing.assert_array_equal(decode_image(data, "a.png"), IMAGE)
    remarks: list[str] = []
    decode_image(data, "a.png", remarks=remarks)
    if not remarks:
        np.testing.assert_array_equal(decode_image(data, "a.png", sound=True), IMAGE)


def test_a_grey_png_with_a_palette_is_read_in_silence() -> None:
    data = encoded(IMAGE[..., 0])
    with_palette = data[:33] + chunk(b"PLTE", b"123") + data[33:]
    for sound in (False, True):
        read = decode_image(with_palette, "a.png", sound=sound)
        np.testing.assert_array_equal(read, np.repeat(IMAGE[..., :1], 3, axis=2))


@pytest.mark.parametrize("packed", [PACKED, PACKED + b"zzzz", zlib.compress(PIXELS + b"\x00" * 9)])
def test_no_epoch_of_training_lets_libpng_speak(packed: bytes) -> None:
    profile = chunk(b"iCCP", b"ICC\0\0" + zlib.compress(b"x" * 200))
    source = BatchSource(
        dataset_of(png(packed, more=profile), (80.0, 60.0), 0.3), Crop(), (64, 64), 1
    )
    first, second = (next(source.batches())["images"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (9, 14), (40, 33)])
def test_each_sort_of_png_is_read_as_pillow_reads_it(
    tmp_path: Path, mode: str, shape: tuple[int, int]
) -> None:
    picture = Image.fromarray(texture(*shape)).convert(mode)
    picture.save(tmp_path / "a.png")
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 5), (17, 9)])
def test_an_interlaced_png_is_read(shape: tuple[int, int]) -> None:
    """Seven passes; each row with filter 0, of pixels that are put where the standard says."""
    image = texture(*shape)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
    rows = b""
    for left, top, across, down in (*passes, (0, 1, 1, 2)):
        for row in image[top::down, left::across]:
            rows += b"\x00" + row.tobytes() if row.size else b""
    header = struct.pack(">IIBBBBB", shape[1], shape[0], 8, 2, 0, 0, 1)
    data = png(zlib.compress(rows), header=header)
    np.testing.assert_array_equal(decode_image(data, "a.png"), image)


# Others


@pytest.mark.parametrize("kind", ["webp", "bmp", "gif", "tiff"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_other_kinds_that_end_early_are_named(kind: str, share: float) -> None:
    data = encoded(IMAGE, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=rf"^a\.{kind} "):
            decode_image(data[: int(len(data) * share)], f"a.{kind}")


def test_a_link_to_nothing_is_told(tmp_path: Path) -> None:
    os.symlink("gone.png", tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"a\.png is a link to gone\.png, which does not"):
        read_image(tmp_path / "a.png")
