"""Files of VGG Image Annotator."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conversion_checks import write_image
from label_fuzz import read_garbled

from simplebase import Skeleton
from simplebase.converters.recognition.recognising import recognise
from simplebase.converters.via.reader import read_via
from simplebase.errors import ArgumentError, DataError, MissingFileError


def point(x: float, y: float, **attributes: Any) -> dict[str, Any]:
    shape = {"name": "point", "cx": x, "cy": y}
    return {"shape_attributes": shape, "region_attributes": attributes}


def rect(x: float, y: float, width: float, height: float, **attributes: Any) -> dict[str, Any]:
    shape = {"name": "rect", "x": x, "y": y, "width": width, "height": height}
    return {"shape_attributes": shape, "region_attributes": attributes}


def export(*images: list[Any], names: str = "abcdef") -> dict[str, Any]:
    return {
        f"{name}.jpg99": {
            "filename": f"{name}.jpg",
            "size": 99,
            "regions": regions,
            "file_attributes": {},
        }
        for name, regions in zip(names, images, strict=False)
    }


def as_csv(content: dict[str, Any]) -> str:
    """The same as VIA writes it to a CSV file."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
        "region_attributes".split(",")
    )
    for image in content.values():
        start = [image["filename"], 99, "{}", len(image["regions"])]
        for index, region in enumerate(image["regions"]):
            rows.writerow([*start, index, *(json.dumps(part) for part in region.values())])
        if not image["regions"]:
            rows.writerow([*start, 0, "{}", "{}"])
    return text.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        write_image(tmp_path / "source" / f"{name}.jpg", 200, 300)
    return tmp_path / "source"


def save(folder: Path, content: Any, name: str = "via.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


NAMED = export(
    [point(10, 20, name="nose"), point(40.5, 60, name="left_ear"), rect(5, 6, 70, 80)],
    [point(1, 2, name="right_ear"), point(30, 90, name="nose", occluded="true")],
)


def test_attributes_name_keypoints_and_integers_are_pixel_centres(folder, written) -> None:
    records = written(read_via(save(folder, NAMED))).records
    assert records.keypoints[0].tolist() == [[10, 20, 2], [40.5, 60, 2], [0, 0, 0]]
    assert records.keypoints[1].tolist() == [[30, 90, 1], [0, 0, 0], [1, 2, 2]]
    assert records.boxes[0].tolist() == [5, 6, 70, 80]


def as_project(content: dict[str, Any]) -> dict[str, Any]:
    return {"_via_settings": {}, "_via_img_metadata": content, "_via_attributes": {}}


def as_version_1(content: dict[str, Any]) -> dict[str, Any]:
    return {
        key: image | {"regions": {str(i): each for i, each in enumerate(image["regions"])}}
        for key, image in content.items()
    }


@pytest.mark.parametrize("form", [as_project, as_version_1, as_csv])
def test_project_export_and_csv_are_the_same(folder, form) -> None:
    expected = read_via(save(folder, NAMED)).records
    (folder / "via.json").unlink()
    assert read_via(save(folder, form(NAMED), "labels.txt")).records == expected


def test_a_checkbox_names_a_keypoint(folder) -> None:
    save(folder, export([point(1, 2, part={"tail": True}), point(50, 60, part="nose ")]))
    assert read_via(folder).skeleton.keypoints == ("tail", "nose")


def test_without_attributes_a_keypoint_is_its_place(folder) -> None:
    save(folder, export([point(1, 2), point(30, 40)], [point(5, 6), point(70, 80)]))
    assert read_via(folder).skeleton.keypoints == ("1", "2")
    named = read_via(folder, skeleton=Skeleton("ends", ("head", "tail")))
    assert named.skeleton.keypoints == ("head", "tail")
    assert named.records[1]["joint_self"] == [[5, 6, 2], [70, 80, 2]]


def test_another_number_of_places_is_refused_or_left_out_if_keypoints_are_known(folder) -> None:
    save(folder, export([point(1, 2), point(30, 40)], [point(5, 6)]))
    with pytest.raises(DataError, match=r"'b.jpg99': 1 points, but other images have 2.*--classes"):
        read_via(folder)
    conversion = read_via(folder, skeleton=Skeleton("ends", ("head", "tail")))
    assert len(conversion.records) == 1
    assert conversion.left_out == {"not the 2 points of the keypoints": 1}


def test_an_attribute_tells_objects_apart(folder) -> None:
    first = [point(1, 2, name="nose", id="1"), point(9, 40, name="tail", id="1")]
    second = [point(50, 60, name="nose", id="2"), rect(40, 50, 60, 70, name="dog", id="2")]
    conversion = read_via(save(folder, export([*first, *second, rect(0, 0, 9, 9, id="3")])))
    assert [record["joint_self"][0][:2] for record in conversion.records] == [[1, 2], [50, 60]]
    assert conversion.records[1]["bbox"] == [40, 50, 60, 70]
    assert "bbox" not in conversion.records[0]
    assert conversion.left_out == {"shape: rectangle that is no object's box": 1}


def test_options_choose_the_attributes(folder) -> None:
    marks = {"colour": "red", "side": "front"}
    points = [point(1, 2, **marks), point(30, 40, colour="blue", side="front")]
    save(folder, export(points))
    with pytest.raises(ArgumentError, match="colour, side names the keypoints.*--keypoint-attr"):
        read_via(folder)
    assert read_via(folder, keypoint_attribute="colour").skeleton.keypoints == ("red", "blue")
    objects = read_via(folder, keypoint_attribute="side", object_attribute="colour")
    assert len(objects.records) == 2
    with pytest.raises(ArgumentError, match="no point has the region attribute 'size'"):
        read_via(folder, object_attribute="size")


def test_shapes_and_points_that_are_no_keypoints_are_counted(folder) -> None:
    circle = {"shape_attributes": {"name": "circle", "cx": 1}, "region_attributes": {}}
    save(
        folder, export([point(1, 2, name="nose"), point(3, 4), circle], [], [point(1, 1, name="a")])
    )
    assert read_via(folder).left_out == {
        "shape: point without a keypoint's name": 1,
        "shape: neither point nor rectangle": 1,
        "image not found": 1,
    }


VERSION_3: dict[str, Any] = {
    "project": {"pname": "dogs"},
    "file": {"1": {"fid": "1", "fname": "b.jpg", "type": 2}},
    "view": {"7": {"fid_list": ["1"]}},
    "attribute": {
        "1": {"aname": "keypoint", "type": 4, "options": {"0": "left_eye", "1": "right_eye"}},
        "2": {"aname": "hidden", "type": 1, "options": {}},
    },
    "metadata": {
        "7_a": {"vid": "7", "z": [], "xy": [1, 10.5, 20.5], "av": {"1": "1", "2": "yes"}},
        "7_b": {"vid": "7", "z": [], "xy": [1, 30, 20], "av": {"1": "0"}},
        "7_c": {"vid": "7", "z": [], "xy": [2, 5, 6, 40, 50], "av": {}},
        "7_d": {"vid": "7", "z": [], "xy": [7, 1, 2, 3, 4, 5, 6], "av": {}},
        "7_e": {"vid": "7", "z": [], "xy": [], "av": {"1": "0"}},
    },
}


def test_a_project_of_version_3_counts_from_the_edge_of_the_first_pixel(folder) -> None:
    (folder / "dogs.json").write_text(json.dumps(VERSION_3))
    assert recognise(folder).format == "via"
    conversion = read_via(folder)
    assert conversion.skeleton.keypoints == ("right_eye", "left_eye")
    [record] = conversion.records
    assert record["img_paths"] == "b.jpg"
    assert record["joint_self"] == [[10, 20, 1], [29.5, 19.5, 2]]
    assert record["bbox"] == [5, 6, 40, 50]
    assert conversion.left_out == {"shape: neither point nor rectangle": 1}


BAD = {
    "twice": (export([point(1, 2, name="a"), point(3, 4, name="a")]), "a second point 'a' in one"),
    "nan": (export([point(float("nan"), 2)]), r"regions\[0\], cx: expected a number"),
    "no points": (export([rect(1, 2, 3, 4)]), "none of its 1 images has a region of shape point"),
    "coco": ({"images": [], "annotations": []}, "is not a file of VIA 2"),
    "other csv": ("image,x,y\na.jpg,1,2\n", "is not a file of VIA 2"),
    "csv of version 3": ("# Exported using VGG Image Annotator", "is a CSV file of VIA 3"),
    "video": (VERSION_3 | {"file": {"1": {"fname": "a.mp4", "type": 4}}}, "is not an image"),
    "no view": (VERSION_3 | {"view": {}}, "its view: expected a mapping"),
    "cut": (json.dumps(NAMED)[:-20], "is not valid JSON"),
    "same image": ({"a": export([])["a.jpg99"], "b": export([])["a.jpg99"]}, "occurs 2 times"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_a_sentence(folder, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read_via(save(folder, content))


def test_what_is_missing_or_ambiguous_is_named(folder) -> None:
    with pytest.raises(MissingFileError, match=r"none.json: the VIA file .* does not exist"):
        read_via(folder / "none.json")
    with pytest.raises(DataError, match="Found none"):
        read_via(folder)
    save(folder, NAMED, "one.json")
    save(folder, NAMED, "two.json")
    with pytest.raises(DataError, match=r"Found one\.json, two\.json"):
        read_via(folder)
    with pytest.raises(MissingFileError, match="the image folder does not exist"):
        read_via(folder / "one.json", image_folder=folder / "photos")


def test_the_real_csv_has_the_coordinates_that_its_source_gives(shared, tmp_path) -> None:
    source = shared / "data" / "labels" / "via" / "dogface_landmarks" / "via_region_data.csv"
    name = "0ab9cdefc666573f8019356ffefe0c69.jpg"
    write_image(tmp_path / name, 500, 500)
    conversion = read_via(source, image_folder=tmp_path)
    assert conversion.left_out == {"image not found": 64}
    assert conversion.records[0]["joint_self"][:3] == [[156, 129, 2], [237, 266, 2], [262, 341, 2]]


@pytest.mark.parametrize("form", [json.dumps, as_csv])
def test_garbled_files_are_read_or_refused(folder, form) -> None:
    assert read_garbled(save(folder, form(NAMED), "labels.txt"), read_via) > 50


@pytest.mark.parametrize("attribute", ["score", "confidence"])
def test_scores_are_no_names(folder, attribute) -> None:
    points = [point(1, 2, **{attribute: "0.9"}), point(3, 4, **{attribute: "0.8"})]
    (folder / "via.json").write_text(json.dumps(export(points)))
    assert read_via(folder).skeleton.keypoints == ("1", "2")


def test_an_attribute_with_one_value_is_a_class_and_no_name(folder) -> None:
    content = export([point(1, 2, kind="cow"), point(3, 4, kind="cow")])
    (folder / "via.json").write_text(json.dumps(content))
    conversion = read_via(folder)
    assert conversion.skeleton.keypoints == ("1", "2")
    assert any("'kind' has one value at all points" in note for note in conversion.notes)


def test_an_attribute_with_one_value_names_the_only_keypoint_of_several_objects(folder) -> None:
    points = [point(1, 2, marker="beak", id="1"), point(3, 4, marker="beak", id="2")]
    (folder / "via.json").write_text(json.dumps(export(points)))
    conversion = read_via(folder)
    assert conversion.skeleton.keypoints == ("beak",) and len(conversion.records) == 2
