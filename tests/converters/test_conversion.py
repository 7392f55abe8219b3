"""What all converters share: the split, the images, and what is refused."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from conversion_checks import write_image

from simplebase import load_dataset, load_skeleton
from simplebase.converters import Conversion, write_dataset
from simplebase.converters.conversion import draw_held_out
from simplebase.converters.image_files import inside
from simplebase.data.records import make_record
from simplebase.errors import ArgumentError, DataError, OutputExistsError
from simplebase.images import image_size, read_image


def record(path: str) -> dict[str, object]:
    keypoints = np.tile([3.0, 4.0, 2.0], (14, 1))
    return make_record(
        dataset="test", validation=False, path=path, center=(5, 6), scale=0.1, keypoints=keypoints
    )


@pytest.fixture
def conversion(tmp_path: Path) -> Conversion:
    """Three records of two images, `a.jpg` and `sub/b.jpg` of the folder `source`."""
    folder = tmp_path / "source"
    found = Conversion(load_skeleton("lsp"), folder)
    for name in ("a.jpg", "sub/b.jpg"):
        write_image(folder / name)
    for name in ("a.jpg", "sub/b.jpg", "a.jpg"):
        found.add(record(name), folder / name)
    return found


def test_the_split_is_by_image_and_by_seed() -> None:
    paths = [f"{index // 2}.jpg" for index in range(40)]  # 20 images, two records each
    first, again, other = (draw_held_out(paths, 0.25, seed) for seed in (0, 0, 1))
    assert len(first) == 5
    assert first == again == draw_held_out(reversed(paths), 0.25, 0)
    assert first != other


@pytest.mark.parametrize(
    ("images", "fraction", "held_out"), [(20, 0, 0), (20, 0.001, 1), (1, 0.5, 0), (3, 0.99, 2)]
)
def test_neither_split_is_empty_unless_it_must_be(images, fraction, held_out) -> None:
    assert len(draw_held_out(map(str, range(images)), fraction, 0)) == held_out


@pytest.mark.parametrize(("fraction", "seed"), [(1, 0), (-0.1, 0), (float("nan"), 0), (0.1, -1)])
def test_a_fraction_or_seed_out_of_range_is_refused(fraction, seed) -> None:
    with pytest.raises(ArgumentError, match="Received"):
        draw_held_out(["a"], fraction, seed)


def test_copies_are_files_and_links_lead_to_the_source(conversion, tmp_path) -> None:
    for mode, linked in (("copy", False), ("link", True)):
        report = write_dataset(conversion, tmp_path / mode, images=mode)
        image = tmp_path / mode / "images" / "sub" / "b.jpg"
        assert image.is_symlink() is linked
        assert image.read_bytes() == (tmp_path / "source/sub/b.jpg").read_bytes()
        assert (report.train_records, report.train_images, report.val_records) == (3, 2, 0)
        load_dataset(tmp_path / mode).images.require()


def test_none_makes_the_folder_one_link(conversion, tmp_path) -> None:
    write_dataset(conversion, tmp_path / "out", images="none")
    assert os.readlink(tmp_path / "out" / "images") == str(tmp_path / "source")
    load_dataset(tmp_path / "out").images.require()


def test_none_is_refused_where_images_have_other_names(conversion, tmp_path) -> None:
    conversion.add(record("renamed.jpg"), tmp_path / "source" / "a.jpg")
    with pytest.raises(ArgumentError, match="--images link"):
        write_dataset(conversion, tmp_path / "out", images="none")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("images", ["link", "none"])
@pytest.mark.parametrize(("number", "winerror"), [(errno.EPERM, None), (errno.EINVAL, 1314)])
def test_where_no_links_can_be_made_copies_are_advised(
    conversion, tmp_path, monkeypatch, images, number, winerror
) -> None:
    def refuse(*args, **options) -> None:
        error = OSError(number, "A required privilege is not held by the client")
        error.winerror = winerror
        raise error

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(ArgumentError, match="cannot hold links.*Use --images copy"):
        write_dataset(conversion, tmp_path / "out", images=images)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_not_called_one_without_links(conversion, tmp_path, monkeypatch) -> None:
    def refuse(*args, **options) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_dataset(conversion, tmp_path / "out", images="link")


def test_a_link_stays_whole_when_the_source_was_given_relatively(tmp_path, monkeypatch) -> None:
    write_image(tmp_path / "source" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    relative = Conversion(load_skeleton("lsp"), Path("source"))
    relative.add(record("a.jpg"), Path("source/a.jpg"))
    for mode in ("link", "none"):
        write_dataset(relative, Path("deep/er") / mode, images=mode)
        assert read_image(tmp_path / "deep/er" / mode / "images/a.jpg").shape == (40, 30, 3)


def test_two_images_never_share_a_name(conversion, tmp_path) -> None:
    with pytest.raises(DataError, match=r"two images would be called a\.jpg"):
        conversion.add(record("a.jpg"), tmp_path / "b.jpg")


def test_an_existing_dataset_is_replaced_only_on_demand(conversion, tmp_path) -> None:
    write_dataset(conversion, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        write_dataset(conversion, tmp_path / "out")
    write_dataset(conversion, tmp_path / "out", images="link", overwrite=True)
    assert (tmp_path / "out/images/a.jpg").is_symlink()


def test_an_output_that_holds_its_source_is_refused(conversion, tmp_path) -> None:
    write_dataset(conversion, tmp_path / "out")
    inner = Conversion(load_skeleton("lsp"), tmp_path / "out" / "images")
    inner.add(record("a.jpg"), tmp_path / "out" / "images" / "a.jpg")
    with pytest.raises(ArgumentError, match="contains the source"):
        write_dataset(inner, tmp_path / "out", images="link", overwrite=True)
    assert (tmp_path / "out/images/a.jpg").is_file()


@pytest.mark.parametrize("mode", ["copy", "link"])
def test_an_output_that_images_of_the_source_lead_to_is_refused(conversion, tmp_path, mode) -> None:
    write_dataset(conversion, tmp_path / "out")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a.jpg").symlink_to(tmp_path / "out/images/a.jpg")
    there_and_back = Conversion(load_skeleton("lsp"), linked)
    there_and_back.add(record("a.jpg"), linked / "a.jpg")
    with pytest.raises(ArgumentError, match=r"out contains the source .*linked/a\.jpg"):
        write_dataset(there_and_back, tmp_path / "out", images=mode, overwrite=True)
    assert read_image(tmp_path / "out/images/a.jpg").shape == (40, 30, 3)


@pytest.mark.parametrize("linked", [False, True])
def test_an_output_that_holds_a_label_file_is_refused(conversion, tmp_path, linked) -> None:
    write_dataset(conversion, tmp_path / "out")
    labels = tmp_path / "out" / "mine.json"
    labels.write_text("[]")
    if linked:
        (tmp_path / "link.json").symlink_to(labels)
    conversion.sources.append(tmp_path / "link.json" if linked else labels)
    with pytest.raises(ArgumentError, match=r"out contains the source .*\.json"):
        write_dataset(conversion, tmp_path / "out", overwrite=True)
    assert labels.read_text() == "[]"


def test_missing_images_are_an_error_only_if_all_are(conversion, tmp_path) -> None:
    conversion.leave_out_missing_image("gone.jpg")
    assert write_dataset(conversion, tmp_path / "out").left_out == {"image not found": 1}
    empty = Conversion(load_skeleton("lsp"), tmp_path / "source")
    empty.leave_out_missing_image("gone.jpg")
    with pytest.raises(DataError, match=r"source: no image of the 1 record .*'gone.jpg'"):
        write_dataset(empty, tmp_path / "none")


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("", "a.jpg", "a.jpg"),
        ("labels", "../images/a.jpg", "images/a.jpg"),
        ("labels", r"..\images\a.jpg", "images/a.jpg"),
        ("labels", "../../a.jpg", None),
        ("", "/etc/passwd", None),
        ("", r"C:\a.jpg", None),
        ("", "..", None),
        ("", "", None),
    ],
)
def test_paths_that_leave_the_folder_are_none(folder, path, expected) -> None:
    assert inside(folder, path) == expected


@pytest.mark.parametrize("orientation", range(10))
def test_the_size_of_an_image_is_that_of_reading_it(tmp_path, orientation) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 40)).save(tmp_path / "a.jpg", exif=exif)
    assert image_size(tmp_path / "a.jpg") == read_image(tmp_path / "a.jpg").shape[:2]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_broken_exif_data_does_not_hide_the_size(tmp_path) -> None:
    from PIL import Image

    broken = b"Exif\0\0II*\0\xff\xff\xff\xff"
    Image.new("RGB", (30, 40)).save(tmp_path / "a.jpg", exif=broken)
    assert image_size(tmp_path / "a.jpg") == (40, 30)


def test_what_is_no_image_has_no_size(tmp_path) -> None:
    (tmp_path / "a.jpg").write_text("<html>")
    with pytest.raises(DataError, match="cannot be read as an image"):
        image_size(tmp_path / "a.jpg")
