"""From labelled objects, as readers parse them, to records."""

from pathlib import Path
from typing import Any

import pytest
from conversion_checks import write_image

from simplebase.converters.image_search import StatedImage
from simplebase.converters.labelled import (
    LabelledImage,
    LabelledObject,
    infer_skeleton,
    to_conversion,
)
from simplebase.errors import DataError

POINTS = {"nose": (10.0, 20.0, 2.0), "tail": (14.0, 5.0, 1.0)}


def labelled(name: str, *objects: LabelledObject, group: str = "") -> LabelledImage:
    return LabelledImage(StatedImage(name), (40, 30), list(objects), f"labels, {name}", group)


def converted(folder: Path, *images: LabelledImage, **options: Any) -> Any:
    skeleton, _ = infer_skeleton("animal", images)
    return to_conversion(folder, [], images, skeleton, dataset="test", **options)


def splits(conversion: Any) -> dict[str, float]:
    return {each["img_paths"]: each["isValidation"] for each in conversion.records}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_image(tmp_path / name)
    return tmp_path


def test_a_box_sizes_an_object_and_without_one_the_keypoints_do(folder) -> None:
    boxed, bare = LabelledObject(POINTS, (2, 4, 10, 20)), LabelledObject(POINTS)
    first, second = converted(folder, labelled("a.jpg", boxed, bare)).records
    # The box covers the pixels 2 to 11 and 4 to 23.
    assert (first["objpos"], first["scale_provided"]) == ([6.5, 13.5], 0.1)
    assert first["bbox"] == [2, 4, 10, 20]
    assert second["objpos"] == [12, 12.5]
    assert second["scale_provided"] == pytest.approx(1.1 * 15 / 200)
    assert "bbox" not in second


@pytest.mark.parametrize("box", [(2, 4, 0, 20), (2, 4, -10, 20), (2, 4, float("nan"), 20)])
def test_a_box_that_tells_no_size_is_not_used(box, folder) -> None:
    (record,) = converted(folder, labelled("a.jpg", LabelledObject(POINTS, box))).records
    assert "bbox" not in record and record["objpos"] == [12, 12.5]


def test_the_split_of_the_format_is_kept(folder) -> None:
    names = {"a.jpg": "val", "b.jpg": "train", "c.jpg": "train"}
    images = [labelled(each, LabelledObject(POINTS), group=names[each]) for each in names]
    assert splits(converted(folder, *images)) == {"a.jpg": 1, "b.jpg": 0, "c.jpg": 0}


@pytest.mark.parametrize("group", ["train", "val"])
def test_a_split_is_drawn_where_the_format_has_one_group_only(group, folder) -> None:
    images = [
        labelled(f"{each}.jpg", LabelledObject(POINTS), group=group) for each in ("a", "b", "c")
    ]
    assert sum(splits(converted(folder, *images, val_split=0.3)).values()) == 1


def test_an_image_of_both_splits_only_validates(folder) -> None:
    images = [
        labelled("a.jpg", LabelledObject(POINTS), group="train"),
        labelled("a.jpg", LabelledObject(POINTS), group="val"),
        labelled("b.jpg", LabelledObject(POINTS), group="train"),
    ]
    conversion = converted(folder, *images)
    assert splits(conversion) == {"a.jpg": 1, "b.jpg": 0}
    assert conversion.left_out == {"train record whose image is in the val split": 1}


def test_what_cannot_be_used_is_counted(folder) -> None:
    unlabelled = LabelledObject({"nose": (1.0, 2.0, 0.0)})
    conversion = converted(
        folder,
        labelled("a.jpg", LabelledObject(POINTS), unlabelled),
        labelled("absent.jpg", LabelledObject(POINTS), LabelledObject(POINTS)),
        labelled("../b.png", LabelledObject(POINTS)),
    )
    assert len(conversion.records) == 1
    assert conversion.left_out == {
        "no labelled keypoint": 1,
        "image not found": 2,
        "image path leaves the folder": 1,
    }


def test_a_keypoint_that_the_skeleton_lacks_is_refused_with_its_place(folder) -> None:
    skeleton, _ = infer_skeleton("animal", [labelled("a.jpg", LabelledObject(POINTS))])
    other = labelled("b.jpg", LabelledObject({"paw": (1.0, 2.0, 2.0)}))
    with pytest.raises(DataError, match=r"labels, b\.jpg: the label 'paw' is not one"):
        to_conversion(folder, [], [other], skeleton, dataset="test")


def test_keypoints_are_in_order_of_appearance_after_those_that_are_given() -> None:
    image = labelled("a.jpg", LabelledObject({"right_eye": (1, 2, 2), "left_eye": (3, 2, 2)}))
    skeleton, notes = infer_skeleton("animal", [image], ["nose"])
    assert skeleton.keypoints == ("nose", "right_eye", "left_eye")
    assert notes[1] == "flip pairs, inferred from the names: left_eye/right_eye"
