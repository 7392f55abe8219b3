"""The keypoint categories of COCO files, as the tools that write such files have them."""

import json
from pathlib import Path
from typing import Any

import pytest

from simplebase import Skeleton, load_skeleton
from simplebase.data.coco_categories import Categories, read_categories
from simplebase.errors import ArgumentError, DataError
from simplebase.skeletons import Link

PATH = Path("hands.json")


def read(*categories: dict[str, Any], **options: Any) -> Categories:
    """Of a file with these categories; `annotations` are `(category_id, number of keypoints)`."""
    rows = options.pop("annotations", ())
    content: dict[str, Any] = {"categories": list(categories)}
    content["annotations"] = [
        {"category_id": category, "keypoints": [1, 2, 2] * count} for category, count in rows
    ]
    return read_categories(content, PATH, **options)


def hand(number: int = 1, title: str = "hand", **more: Any) -> dict[str, Any]:
    return {"id": number, "name": title, **more}


def ends(categories: Categories) -> list[tuple[str, str]]:
    return [(link.start, link.end) for link in categories.skeleton.links]


@pytest.mark.parametrize("more", [{}, {"keypoints": []}, {"keypoints": None}])
def test_keypoints_without_names_are_numbered(more: Any) -> None:
    found = read(hand(**more), hand(2, "arm"), annotations=[(1, 23), (1, 0), (1, 23)])
    assert found.skeleton.keypoints == tuple(str(number) for number in range(1, 24))
    assert (found.skeleton.name, found.ids, found.all_ids) == ("hand", {1}, {1, 2})
    assert "called 1 to 23" in found.notes[0] and "--classes-path" in found.notes[0]
    assert "--skeleton" not in found.notes[0]


def test_a_built_in_skeleton_of_as_many_keypoints_is_named_in_the_hint() -> None:
    found = read(hand(), annotations=[(1, 17)])
    assert "with --skeleton if they are those of ap10k or coco or posetrack18" in found.notes[0]


def test_a_file_without_categories_has_those_that_its_annotations_name() -> None:
    content = {"annotations": [{"keypoints": [1, 2, 2] * 4}, {"bbox": [1, 2, 3, 4]}]}
    found = read_categories(content, PATH)
    assert (found.skeleton.name, found.skeleton.num_keypoints) == ("hands", 4)
    assert found.include({"keypoints": []}, "here") and not found.include({"category_id": 3}, "")
    found = read(annotations=[(0, 4), (7, 4), (7, 0)])
    assert found.ids == {0, 7} and found.all_ids is None
    assert read(annotations=[(0, 4), (7, 5)], names=["7"]).skeleton.num_keypoints == 5


def test_the_number_of_keypoints_must_agree() -> None:
    with pytest.raises(DataError, match=r"annotations\[1\]\.keypoints: .* as .*\[0\] has \(63\)"):
        read(hand(), annotations=[(1, 21), (1, 20)])
    with pytest.raises(DataError, match="Received: 4 numbers"):
        content = {"annotations": [{"keypoints": [1, 2, 2, 4]}], "categories": [hand()]}
        read_categories(content, PATH)


def test_keypoints_of_ones_own_take_the_place_of_the_files() -> None:
    fingers = Skeleton("fingers", ("thumb", "index"), links=(Link("thumb", "index"),))
    found = read(hand(), annotations=[(1, 2)], skeleton=fingers)
    assert (found.skeleton, found.notes) == (fingers, [])
    found = read(hand(keypoints=["point", "point"]), skeleton=fingers)
    assert found.skeleton == fingers and "the file calls point, point" in found.notes[0]
    with pytest.raises(DataError, match="has 3 keypoints, but skeleton 'fingers' has 2"):
        read(hand(), annotations=[(1, 3)], skeleton=fingers)
    with pytest.raises(DataError, match="the same keypoints in another order"):
        read(hand(keypoints=["index", "thumb"]), skeleton=fingers)


def test_the_files_links_join_keypoints_of_ones_own() -> None:
    plain = Skeleton("fingers", ("thumb", "index"))
    found = read(hand(skeleton=[[1, 2]]), annotations=[(1, 2)], skeleton=plain)
    assert ends(found) == [("thumb", "index")]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        # From 1, as COCO has it.
        ([[1, 2], [2, 3]], [("a", "b"), ("b", "c")]),
        # A 0 and no 3: from 0.
        ([[0, 1], [1, 2]], [("a", "b"), ("b", "c")]),
        ([[0, 1], [1, 2], [2, 7]], [("a", "b"), ("b", "c")]),
        # A 0 and a 3: from 1, and what leads to 0 leads nowhere.
        ([[0, 1], [2, 3]], [("b", "c")]),
        ([[1, 2], [3, 4], [-1, 2], [1, 2, 3], ["a", "b"], 5, [1, None]], [("a", "b")]),
    ],
)
def test_links_that_lead_nowhere_are_left_out_and_counted(links: Any, expected: Any) -> None:
    found = read(hand(keypoints=["a", "b", "c"], skeleton=links))
    assert ends(found) == expected
    notes = " ".join(found.notes)
    lost = len(links) - len(expected)
    assert (f"{lost} of {len(links)} links" in notes) == (lost > 0)
    from_zero = [0, 1] in links and [2, 3] not in links
    assert ("counts keypoints from 0" in notes) == from_zero


def test_categories_are_chosen_by_name_or_id() -> None:
    categories = [hand(keypoints=["a"]), hand(2, "arm", keypoints=["b"]), hand(3, " leg ")]
    with pytest.raises(DataError, match="hand, arm have different keypoints.*--category"):
        read(*categories)
    assert read(*categories, names=["arm"]).ids == {2}
    assert read(*categories, names=["1"]).ids == {1}
    # One that the file does not name the keypoints of, beside others that it does.
    assert read(*categories, names=["leg"], annotations=[(3, 5)]).skeleton.num_keypoints == 5
    with pytest.raises(ArgumentError, match="no keypoint category 'dog'; it has hand, arm"):
        read(*categories, names=["arm", "dog"])
    with pytest.raises(DataError, match="no annotation has keypoints"):
        read(*categories, names=["leg"])


def test_several_categories_of_the_same_keypoints_are_one(shared: Path) -> None:
    """AP-10K has 54 of them; Roboflow's first has no keypoints, nor has Label Studio's."""

    def of(name: str) -> Categories:
        path = shared / "data/labels" / name
        return read_categories(json.loads(path.read_text()), path)

    animals = of("ap10k/test_ap10k.json")
    assert len(animals.ids) == 54 and animals.skeleton == load_skeleton("ap10k")
    assert of("roboflow_coco_keypoints/_annotations.coco.json").ids == {1}
    folder = "label_studio/sdk_keypoints_with_boxes/converted_by_label_studio_sdk_2.1.2"
    found = of(f"{folder}/coco_result.json")
    assert found.ids == {10} and found.skeleton == load_skeleton("coco")


def test_a_file_without_any_keypoints_is_refused() -> None:
    with pytest.raises(DataError, match="no category has a list of keypoints"):
        read(hand(), annotations=[(1, 0)])
