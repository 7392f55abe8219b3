"""Images that label files name by paths that do not exist here."""

import time
from pathlib import Path

import pytest
from conversion_checks import write_image

from simplebase.converters.coco_images import split_images
from simplebase.converters.image_search import ImageSearch, StatedImage
from simplebase.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`a.jpg`, `b c.jpg`, `90fbb0c7-é.jpg`, `deep/er/still/d.jpg`; outside lies `secret.jpg`."""
    root = tmp_path / "images"
    for name in ("a.jpg", "b c.jpg", "90fbb0c7-é.jpg", "deep/er/still/d.jpg", "../secret.jpg"):
        write_image(root / name)
    return root


def search(root: Path, *names: str) -> ImageSearch:
    return ImageSearch(root, [StatedImage(name) for name in names])


def found(root: Path, name: str) -> str | None:
    image = search(root, name).find(StatedImage(name))
    return image and image.relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("/media/user/data/a.jpg", "a.jpg"),
        (r"C:\Users\me\a.jpg", "a.jpg"),
        (r"\\server\share\a.jpg", "a.jpg"),
        (r"..\..\label-studio\media\upload\4\a.jpg", "a.jpg"),
        ("../label/b c.jpg", "b c.jpg"),
        ("b%20c.jpg", "b c.jpg"),
        ("file:///home/me/b%20c.jpg", "b c.jpg"),
        ("A.JPG", "a.jpg"),
        ("a.JPG", "a.jpg"),
        ("https://host.example/data/upload/1/a.jpg", "a.jpg"),
        (
            "https://host.example/a.jpg?X-Amz-Credential=K/s3/aws4_request&X-Amz-Date=1",
            "a.jpg",
        ),
        ("https://host.example/v0/o/photos%2Fa.jpg?alt=media&token=1-2#top", "a.jpg"),
        ("s3://bucket/photos/a.jpg", "a.jpg"),
        ("/data/local-files/?d=photos/a.jpg", "a.jpg"),
        ("/data/local-files/?d=a.jpg", "a.jpg"),
        ("/data/local-files/?d=photos%5Cb%20c.jpg", "b c.jpg"),
        ("images\\1/90fbb0c7-é.jpg", "90fbb0c7-é.jpg"),
        ("/data/upload/1/90fbb0c7-e\u0301.jpg", "90fbb0c7-é.jpg"),  # accents apart, as on a Mac
        ("/data/upload/1/12ab34cd-a.jpg", "a.jpg"),  # the name before the upload
        ("images\\1/12ab34cd-a.jpg", "a.jpg"),
        ("images/20240131-a.jpg", None),  # a date
        ("/photos/12ab34cd-a.jpg", None),
        ("d.jpg", "deep/er/still/d.jpg"),
        ("/photos/gone.jpg", None),
        ("../secret.jpg", None),
        ("/etc/passwd", None),
        ("..", None),
        ("", None),
        ("https://host.example/", None),
    ],
)
def test_an_image_is_found_by_its_file_name(folder, name, expected) -> None:
    assert found(folder, name) == expected


def test_what_was_found_by_name_is_counted_with_an_example(folder) -> None:
    names = ["b c.jpg", "/x/a.jpg", "/x/d.jpg", "/x/gone.jpg"]
    images = search(folder, *names)
    for name in [*names, "/x/a.jpg"]:
        images.find(StatedImage(name))
    (note,) = images.notes()
    assert "does not exist: 2, such as a.jpg for '/x/a.jpg'" in note
    assert search(folder).notes() == []


def test_nothing_outside_the_folder_is_found(folder, tmp_path) -> None:
    write_image(tmp_path / "elsewhere" / "hidden.jpg")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "deep" / "secret.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "inner.jpg").symlink_to(folder / "a.jpg")
    assert found(folder, "/x/hidden.jpg") is None
    assert found(folder, "/x/secret.jpg") is None
    assert found(folder, "/x/inner.jpg") == "inner.jpg"
    beside = StatedImage("/x/secret.jpg", "deep")
    assert ImageSearch(folder, [beside]).find(beside) is None


def test_of_several_images_that_whose_folders_agree_is_taken(folder) -> None:
    for place in ("cam1", "cam2", "day2/cam1"):
        write_image(folder / place / "0.jpg")
    assert found(folder, "/home/me/cam2/0.jpg") == "cam2/0.jpg"
    assert found(folder, "C:\\day2\\CAM1\\0.JPG") == "day2/cam1/0.jpg"
    with pytest.raises(DataError, match=r"called /x/cam1/0\.jpg: .*cam1/0\.jpg and .*day2/cam1/0"):
        found(folder, "/x/cam1/0.jpg")
    with pytest.raises(DataError, match=r"several images are called https://h/0\.jpg: .* and .*"):
        found(folder, "https://h/0.jpg")


def test_two_stated_images_never_become_one(folder) -> None:
    images = search(folder, "/cam1/a.jpg", "/cam2/a.jpg")
    images.find(StatedImage("/cam1/a.jpg"))
    with pytest.raises(
        DataError, match=r"'/cam1/a\.jpg' and '/cam2/a.* only one such image was found, .*a\.jpg"
    ):
        images.find(StatedImage("/cam2/a.jpg"))


def test_an_image_that_another_one_names_exactly_is_not_taken(folder) -> None:
    """Half of a dataset may be absent: its labels do not go to the other half."""
    images = search(folder, "a.jpg", "cam2/a.jpg")
    assert images.find(StatedImage("cam2/a.jpg")) is None
    assert images.find(StatedImage("a.jpg")) == folder / "a.jpg"


def test_an_image_beside_its_label_file_comes_first(folder) -> None:
    for place in ("one", "two"):
        write_image(folder / place / "0.jpg")
    stated = [StatedImage(r"D:\photos\0.jpg", place) for place in ("one", "two")]
    images = ImageSearch(folder, stated)
    assert [images.find(each) for each in stated] == [folder / "one/0.jpg", folder / "two/0.jpg"]


def test_labels_and_images_may_be_in_folders_of_the_same_name(folder) -> None:
    for place in ("images/one", "images/two"):
        write_image(folder / place / "0.jpg")
    stated = StatedImage("0.jpg", "labels/two")
    assert ImageSearch(folder, [stated]).find(stated) == folder / "images/two/0.jpg"


def test_files_of_one_name_in_many_folders_are_found_quickly(tmp_path) -> None:
    """Frames of videos are called alike: a scan of all of a name would be quadratic."""
    names = [f"video{number}/000001.jpg" for number in range(1000)]
    for name in names:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    images = search(tmp_path, *(f"/home/me/{name}" for name in names))
    start = time.perf_counter()
    assert [images.find(StatedImage(f"/home/me/{name}")) for name in names] == [
        tmp_path / name for name in names
    ]
    assert time.perf_counter() - start < 5  # 0.2 s; comparing each with each took 140 s


def test_the_other_splits_folders_are_not_searched(tmp_path) -> None:
    write_image(tmp_path / "a/val2017/0.jpg")
    names = ["/x/0.jpg"]
    assert split_images(tmp_path, "train", names).find(StatedImage(names[0])) is None
    for folder in ("a/b/c/neutral", "a/b/c/train"):
        write_image(tmp_path / folder / "0.jpg")
    image = split_images(tmp_path, "train", names).find(StatedImage(names[0]))
    assert image == tmp_path / "a/b/c/train/0.jpg"
