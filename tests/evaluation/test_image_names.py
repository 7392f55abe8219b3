"""Which image is meant by an id, a file name or the stem of one."""

from typing import Any

import pytest

from simplebase.evaluation.image_names import ImageNames, Mention, match_images

COWS = ImageNames({7: "val/cow_001.jpg", 8: "val/cow_002.jpg", 9: None})
NUMBERED = ImageNames({1: "0000097.jpg", 2: "0000263.jpg", 3: "0000002.jpg"})


def matched(images: ImageNames, *mentions: Any, **options: Any) -> Any:
    return match_images([Mention(*each) for each in mentions], images, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("val/cow_001.jpg", 7),
        ("cow_002.jpg", 8),
        ("./images/val/cow_002.jpg", 8),
        (r"val\cow_002.jpg", 8),
        ("/home/somebody/cow_002.jpg", 8),
        (r"C:\cows\cow_002.jpg", 8),
        ("https://cows.example/a%20b/cow_002.jpg?size=3", 8),
        ("/data/local-files/?d=herd/cow_002.jpg", 8),
        ("train/cow_002.jpg", None),
        ("cow_002.png", None),
        ("cow_003.jpg", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_name_is_an_image_if_one_is_the_end_of_the_other(name: str, expected: Any) -> None:
    assert COWS.by_name(name) == expected


def test_an_ambiguous_name_is_none() -> None:
    images = ImageNames({1: "a/0.jpg", 2: "b/0.jpg", 3: "0.png"})
    assert images.by_name("0.jpg") is None
    assert images.by_name("0.jpg", prefer=2) == 2
    assert images.by_name("0.jpg", prefer=3) is None
    assert images.by_name("b/0.jpg") == 2
    assert images.by_stem("a/0") == 1
    assert images.by_stem("0") == 3
    assert images.by_stem(0) is None


def test_letters_are_the_same_however_they_are_composed() -> None:
    assert ImageNames({1: "vache_é.jpg"}).by_name("vache_e\u0301.jpg") == 1


def test_file_names_come_before_ids() -> None:
    """Ultralytics writes both; the id is that of COCO only where COCO numbers the files."""
    same = matched(COWS, (7, "cow_001.jpg"), (8, "cow_002.jpg"))
    assert (same.ids, same.by, same.remark) == ([7, 8], "file_name", "")
    other = matched(NUMBERED, (2, "0000002.jpg"), (97, "0000097.jpg"))
    assert (other.ids, other.by) == ([3, 1], "file_name")
    assert "image_id 2 is not the id of 0000002.jpg, which is 3" in other.remark
    stems = matched(COWS, ("cow_001", "cow_001.jpg"))
    assert (stems.ids, stems.by) == ([7], "file_name")


def test_a_file_name_that_tells_too_little_leaves_it_to_the_id() -> None:
    images = ImageNames({1: "a/0.jpg", 2: "b/0.jpg"})
    found = matched(images, (1, "0.jpg"), (2, "0.jpg"))
    assert (found.ids, found.by, found.remark) == ([1, 2], "image_id", "")


def test_ids_that_a_file_name_contradicts_are_not_believed_elsewhere() -> None:
    found = matched(NUMBERED, (1, "0000001.jpg"), (2, "0000002.jpg"))
    # There is no 0000001.jpg, and 1 is the id of another image.
    assert (found.ids, found.by) == ([None, 3], "file_name")


def test_stems_and_names_serve_as_ids() -> None:
    found = matched(COWS, ("cow_002", None), ("cow_001.jpg", None))
    assert (found.ids, found.by) == ([8, 7], "file stem")
    assert "'cow_002' is read as the name of an image file" in found.remark
    # Not an id among them: file names that are numbers.
    found = matched(NUMBERED, (263, None), (97, None), (2, None))
    assert (found.ids, found.by) == ([2, 1, 3], "file stem")


def test_numbers_are_ids_first_with_a_remark_if_they_are_names_too() -> None:
    assert matched(NUMBERED, (1, None), (2, None)).remark == ""
    found = matched(NUMBERED, (2, None), (2, None))
    assert (found.ids, found.by) == ([2, 2], "image_id")
    assert "image_id 2 is an id, but also the file name of another image" in found.remark
    coco = ImageNames({139: "000000000139.jpg", 285: "000000000285.jpg"})
    assert matched(coco, (139, None)).remark == ""
    assert matched(coco, ("139", None)).ids == [139]
    assert matched(coco, ("000000000285", None)).ids == [285]


def test_ids_that_are_not_believed_are_names_or_nothing() -> None:
    images = ImageNames({1: "a.jpg", 2: "b.jpg"})
    assert matched(images, (1, None), believe_ids=False).ids == [None]
    assert matched(images, (1, "b.jpg"), believe_ids=False).ids == [2]


def test_what_is_no_id_is_no_image() -> None:
    for wrong in (1.5, None, [1], {}, True, float("nan"), 10**30):
        assert matched(COWS, (wrong, None)).ids == [None]
        assert matched(COWS, (7, wrong)).ids == [7]


def test_an_image_saved_in_another_format_is_found() -> None:
    found = matched(COWS, (0, "cow_001.png"), (0, "cow_002.png"))
    assert (found.ids, found.by) == ([7, 8], "file_name")


def test_ids_of_images_with_other_names_are_doubted() -> None:
    """Both splits count from 1, and the results are of the other one."""
    found = matched(NUMBERED, (1, "other_1.jpg"), (2, "other_2.jpg"))
    assert (found.ids, found.by) == ([1, 2], "image_id")
    assert "no image is called 'other_1.jpg'" in found.remark
    assert "2 of 2 entries" in found.remark


def test_an_entry_may_have_a_file_name_only() -> None:
    assert Mention.of({"file_name": "cow_001.jpg"}) == Mention(None, "cow_001.jpg")
    found = matched(COWS, (None, "cow_001.jpg"))
    assert (found.ids, found.remark) == ([7], "")
    with pytest.raises(KeyError):
        Mention.of({"file_name": None})
