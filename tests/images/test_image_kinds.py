"""Which kinds of image files are read, by whom, and how large they may be."""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pipeline_datasets import encoded, texture

from simplebase import Skeleton, load_dataset
from simplebase.data.checking import check_dataset
from simplebase.data.pipeline import BatchSource
from simplebase.demo.sinks import output_format
from simplebase.demo.sources import ImageFiles, open_source
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.geometry import Crop
from simplebase.images import (
    IMAGE_SUFFIXES,
    WRITTEN_SUFFIXES,
    decode_image,
    image_size,
    read_image,
    write_image,
)

DOT = Skeleton("dot", ("dot",))
IMAGE = texture(48, 64)
KINDS = {
    ".jpg": "jpeg",
    ".png": "png",
    ".bmp": "bmp",
    ".webp": "webp",
    ".tif": "tiff",
    ".gif": "gif",
}


def dataset_folder(path: Path, *names: str) -> Path:
    """Records for image files that are yet to be made."""
    (path / "images").mkdir(parents=True)
    record = {"dataset": "dot", "isValidation": 0.0, "origin": 0, "objpos": [32, 24]}
    record |= {"joint_self": [[20, 20, 2]], "scale_provided": 0.2}
    records = [record | {"img_paths": name} for name in names]
    (path / "annotations.json").write_text(json.dumps(records))
    return path


@pytest.mark.parametrize("suffix", KINDS)
def test_every_reader_takes_every_kind(tmp_path: Path, suffix: str) -> None:
    """A dataset, its check, the demo's folders and single files, the size from the header."""
    folder = dataset_folder(tmp_path, f"A{suffix.upper()}")
    path = folder / "images" / f"A{suffix.upper()}"
    path.write_bytes(encoded(IMAGE, KINDS[suffix]))
    expected = read_image(path)
    assert expected.shape == IMAGE.shape
    assert np.abs(expected.astype(int) - IMAGE).mean() < (20 if suffix == ".gif" else 6)
    assert image_size(path) == (48, 64)
    assert check_dataset(folder, DOT).errors == 0
    assert next(BatchSource(load_dataset(folder, DOT), Crop(), (64, 64), 1).batches())[
        "images"
    ].any()
    for given in (path, path.parent, path.parent / "*"):
        source = open_source(given)
        assert isinstance(source, ImageFiles) and source.count == 1
        frame = source.read()
        assert frame is not None
        np.testing.assert_array_equal(frame.image, expected)


@pytest.mark.parametrize("suffix", WRITTEN_SUFFIXES)
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    assert suffix in IMAGE_SUFFIXES
    assert output_format(tmp_path / f"a{suffix}") == "image"
    write_image(tmp_path / f"a{suffix}", IMAGE)
    assert np.abs(read_image(tmp_path / f"a{suffix}").astype(int) - IMAGE).mean() < 4


def test_gif_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"an image ends in \.jpg.*\.tiff"):
        write_image(tmp_path / "a.gif", IMAGE)


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
AVIF = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf"


@pytest.mark.parametrize(
    "data, name, kind",
    [
        (HEIC, "a.heic", "HEIC"),
        (HEIC, "a.jpg", "HEIC"),
        (AVIF, "a.avif", "AVIF"),
        (encoded(IMAGE, "jpeg2000"), "a.jp2", "JPEG 2000"),
        (encoded(IMAGE, "ppm"), "a.png", "PNM"),
        (b"8BPS\x00\x01", "a.psd", "Photoshop"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "SVG"),
        (b"FUJIFILMCCD-RAW", "a.nef", "raw camera"),
    ],
)
def test_other_kinds_are_refused_in_one_sentence_by_all(
    tmp_path: Path, data: bytes, name: str, kind: str
) -> None:
    sentence = rf"{name} is a {kind} image.*only JPEG, PNG, BMP, WebP, TIFF and GIF are read\. Conv"
    folder = dataset_folder(tmp_path, name)
    path = folder / "images" / name
    path.write_bytes(data)
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=sentence):
            read(path)
    if not name.endswith((".jpg", ".png")):
        with pytest.raises(DataError, match=sentence):
            open_source(path)
    (finding,) = check_dataset(folder, DOT).by_kind()["unreadable-image"]
    assert f"is a {kind} image" in finding.message


def test_images_of_a_folder_that_are_not_read_are_counted(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", IMAGE)
    for name in ("b.HEIC", "c.heic", "notes.txt"):
        (tmp_path / name).write_bytes(HEIC)
    with pytest.warns(SimplebaseWarning, match=r"2 images left out, such as b\.HEIC"):
        source = open_source(tmp_path)
    assert source.count == 1


def test_an_image_with_another_or_no_suffix_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(encoded(IMAGE))
    frame = open_source(tmp_path / "photo").read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, IMAGE)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"notes\.txt is neither an image .* nor a video"):
        open_source(tmp_path / "notes.txt")


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "jpeg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_turned_upright_and_its_size_is_that_of_the_upright_image(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16] = 255  # the corner where a JPEG's pixels begin
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    options = {"lossless": True} if kind == "webp" else {}
    path.write_bytes(encoded(stored, kind, exif=exif, **options))
    # Where the stored image's top left corner lies when it is looked at (Exif standard, 4.6.4).
    top, left = {1: (1, 1), 2: (1, 0), 3: (0, 0), 4: (0, 1), 5: (1, 1), 6: (1, 0), 7: (0, 0)}.get(
        orientation, (0, 1)
    )
    read = read_image(path)
    assert image_size(path) == read.shape[:2] == ((32, 16) if orientation > 4 else (16, 32))
    assert (read[0 if top else -1, 0 if left else -1] > 200).all()
    assert (read > 128).mean() == 0.25


def test_the_first_page_of_a_file_of_several_is_read(tmp_path: Path) -> None:
    first, second = Image.fromarray(IMAGE), Image.fromarray(255 - IMAGE)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), IMAGE)


@pytest.mark.parametrize("kind", ["png", "webp", "tiff", "jpeg", "gif", "bmp"])
def test_the_header_of_every_kind_says_the_size(tmp_path: Path, kind: str) -> None:
    for number, options in enumerate(({}, {"lossless": True}, {"exif": Image.Exif()})):
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(encoded(texture(37, 53), kind, **options if kind == "webp" else {}))
        assert image_size(path) == (37, 53)


# Size


def huge_png(width: int, height: int) -> bytes:
    """A PNG of black pixels, one bit each, of which nothing needs to be unpacked to refuse it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed = zlib.compress(b"\x00" * 100)
    end = chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


def test_an_image_of_too_many_pixels_is_refused_by_all_in_one_sentence(tmp_path: Path) -> None:
    sentence = r"a\.png has 20000x20000 pixels, which is more than the 268 million that are read\."
    folder = dataset_folder(tmp_path, "a.png")
    path = folder / "images" / "a.png"
    path.write_bytes(huge_png(20_000, 20_000))
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=sentence):
            read(path)
    with pytest.raises(DataError, match=sentence):
        open_source(path).read()
    with pytest.raises(DataError, match=sentence):
        next(BatchSource(load_dataset(folder, DOT), Crop(), (64, 64), 1).batches())
    (finding,) = check_dataset(folder, DOT).by_kind()["damaged-image"]
    assert finding.message.startswith("has 20000x20000 pixels, which is more than")


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
def test_a_row_longer_than_libpng_and_opencv_read_is_refused_by_name(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encoded(np.zeros((1, 1_000_001, 3), np.uint8), kind)
    with pytest.raises(DataError, match="a has 1000001x1 pixels, but at most 1000000 in a row"):
        decode_image(data, "a")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["jpeg", "bmp", "tiff", "gif", "webp"])
def test_the_limit_holds_for_each_kind(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simplebase.images.kinds.MOST_PIXELS", 48 * 64 - 1)
    with pytest.raises(DataError, match="a has 64x48 pixels, which is more than"):
        decode_image(encoded(IMAGE, kind), "a")


# Links


def test_links_are_followed_wherever_they_lead(tmp_path: Path) -> None:
    """`convert --images link` and `none` make such, and a dataset may lie behind a link itself."""
    elsewhere = tmp_path / "photos"
    elsewhere.mkdir()
    write_image(elsewhere / "real.png", IMAGE)
    folder = dataset_folder(tmp_path / "data", "people/a.png", "b.png")
    (folder / "images" / "people").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "a.png").symlink_to("real.png")
    (folder / "images" / "b.png").symlink_to(elsewhere / "real.png")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    for each in (folder, tmp_path / "link"):
        assert check_dataset(each, DOT).errors == 0
        dataset = load_dataset(each, DOT)
        dataset.images.require()
        batches = list(BatchSource(dataset, Crop(), (64, 64), 1).batches())
        np.testing.assert_array_equal(batches[0]["images"], batches[1]["images"])
    source = open_source(folder / "images" / "*.png")
    frame = source.read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, IMAGE)


def test_paths_of_records_do_not_leave_the_folder_even_where_a_link_would_bring_them_back(
    tmp_path: Path,
) -> None:
    folder = dataset_folder(tmp_path / "data", "../outside.png")
    write_image(tmp_path / "data" / "outside.png", IMAGE)
    with pytest.raises(DataError, match="must stay within the dataset folder"):
        load_dataset(folder, DOT)


def test_a_link_to_nothing_is_named_by_the_check_and_by_training(tmp_path: Path) -> None:
    folder = dataset_folder(tmp_path, "a.png")
    os.symlink(tmp_path / "gone.png", folder / "images" / "a.png")
    (finding,) = check_dataset(folder, DOT).by_kind()["missing-image"]
    assert "is a link to" in finding.message and "gone.png, which does not exist" in finding.message
    with pytest.raises(MissingFileError, match="is a link to"):
        next(BatchSource(load_dataset(folder, DOT), Crop(), (64, 64), 1).batches())
