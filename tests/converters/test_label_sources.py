"""Finding label files, and refusing what holds none."""

import zipfile
from pathlib import Path

import pytest
from conversion_checks import write_image

from simplebase.converters import read_datumaro, read_pose_outputs, read_pts, read_via
from simplebase.converters.label_sources import ImagesByStem, files_below
from simplebase.converters.recognition.recognising import recognise
from simplebase.errors import DataError, MissingFileError

READERS = [read_via, read_datumaro, read_pts, read_pose_outputs, recognise]


@pytest.mark.parametrize("read", READERS)
def test_an_archive_or_a_missing_source_is_refused_in_a_sentence(tmp_path, read) -> None:
    archive = tmp_path / "labels.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.json", "{}")
    with pytest.raises(DataError, match=r"labels\.zip is a zip archive\. Unpack it"):
        read(archive)
    with pytest.raises(MissingFileError, match=r"none: the .* does not exist\."):
        read(tmp_path / "none")


def test_suffixes_are_the_same_in_upper_and_lower_case_and_folders_are_no_files(tmp_path) -> None:
    for name in ("b.PTS", "c/a.pts", "a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "d.pts").mkdir()
    assert files_below(tmp_path, (".pts",)) == [tmp_path / "b.PTS", tmp_path / "c" / "a.pts"]


def test_an_image_beside_comes_before_others_of_its_name(tmp_path: Path) -> None:
    for name in ("one/a.jpg", "two/a.jpg", "two/b.jpg"):
        write_image(tmp_path / name)
    images = ImagesByStem(tmp_path)
    assert images.find("two", "a").name == "two/a.jpg"
    assert images.find("one", "b").name == "two/b.jpg"
    assert images.find("one", "c").name == "c"
    with pytest.raises(DataError, match=r"may belong to one/a\.jpg or two/a\.jpg\."):
        images.find("three", "a")
