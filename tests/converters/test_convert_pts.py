"""`.pts` and `.ljson` files of faces."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest
from conversion_checks import write_image
from label_fuzz import read_garbled

from simplebase import Skeleton
from simplebase.converters.pts import read_pts
from simplebase.errors import DataError, MissingFileError, SimplebaseWarning
from simplebase.skeletons import load_skeleton


def pts(*points: tuple[float, float], head: str = "version: 1\nn_points:  {}\n") -> str:
    lines = "\n".join(f"{x} {y}" for x, y in points)
    return head.format(len(points)) + f"{{\n{lines}\n}}\n"


def ljson(*points: Any) -> dict[str, Any]:
    return {"labels": [], "landmarks": {"connectivity": [], "points": list(points)}}


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for name in "ab":
        write_image(tmp_path / "faces" / f"{name}.jpg", 200, 300)
    return tmp_path / "faces"


def save(faces: Path, content: Any, name: str = "a.pts") -> Path:
    path = faces / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return faces


ENDS = (10, 20), (30.5, 60)


@pytest.mark.parametrize(
    "head", ["version: 1\nn_points:  {}\n", "n_points: {}\n", "version: 1\r\nn_points: {}\r\n"]
)
def test_pixels_count_from_1(faces, written, head) -> None:
    dataset = written(read_pts(save(faces, pts(*ENDS, head=head))))
    assert dataset.records.keypoints[0].tolist() == [[9, 19, 2], [29.5, 59, 2]]
    assert dataset.skeleton.keypoints == ("1", "2")


def test_68_points_are_the_built_in_face(faces) -> None:
    save(faces, pts(*((float(i), 2 * i) for i in range(68))))
    assert read_pts(faces).skeleton == load_skeleton("face68")


def test_the_image_is_the_one_beside_with_the_same_name(faces) -> None:
    write_image(faces / "more" / "a.PNG", 200, 300)
    save(faces, pts(*ENDS), "more/a.PTS")
    save(faces, pts(*ENDS), "b.pts")
    save(faces, pts(*ENDS), "c.pts")
    conversion = read_pts(faces)
    assert [r["img_paths"] for r in conversion.records] == ["b.jpg", "more/a.PNG"]
    assert conversion.left_out == {"image not found": 1}


def test_an_image_in_another_folder_is_found_by_its_name(faces) -> None:
    save(faces, pts(*ENDS), "labels/b.pts")
    assert [r["img_paths"] for r in read_pts(faces).records] == ["b.jpg"]
    write_image(faces / "more" / "b.png")
    with pytest.raises(DataError, match=r"may belong to b\.jpg or more/b\.png\."):
        read_pts(faces)


def test_an_image_of_a_kind_that_is_not_read_is_counted(faces) -> None:
    save(save(faces, pts(*ENDS)), pts(*ENDS), "c.pts")
    (faces / "c.ppm").write_bytes(b"P6 1 1 255 abc")
    assert read_pts(faces).left_out == {"image of an unsupported kind (write it as PNG)": 1}


def test_two_images_or_two_label_files_of_one_name_are_refused(faces) -> None:
    save(faces, pts(*ENDS))
    write_image(faces / "a.png")
    with pytest.raises(DataError, match=r"may belong to a\.jpg or a\.png\."):
        read_pts(faces)
    save(faces, ljson([1, 2], [3, 4]), "a.ljson")
    with pytest.raises(DataError, match="label the same image"):
        read_pts(faces)


LJSON = {
    "version 1": {"groups": [{"landmarks": [{"point": [20, 10]}, {"point": [60, 30.5]}]}]},
    "version 2": {"version": 2} | ljson([20, 10], [60, 30.5]),
    "version 3": {"version": 3, "groups": {"ends": ljson([20, 10], [60, 30.5])}},
}


@pytest.mark.parametrize("content", LJSON.values(), ids=LJSON)
def test_ljson_holds_y_and_x_from_0(faces, content) -> None:
    (record,) = read_pts(save(faces, content, "a.ljson")).records
    assert record["joint_self"] == [[10, 20, 2], [30.5, 60, 2]]


def test_null_is_not_labelled_and_the_largest_group_counts(faces) -> None:
    groups = {"pupils": ljson([1, 2]), "face": ljson([20, 10], [None, None], None, [60, 30.5])}
    conversion = read_pts(save(faces, {"version": 3, "groups": groups}, "a.ljson"))
    assert [row[2] for row in conversion.records[0]["joint_self"]] == [2, 0, 0, 2]
    assert conversion.left_out == {"shape: not 4 points": 1}


def test_files_with_other_numbers_of_points_have_to_be_chosen(faces) -> None:
    save(save(faces, pts(*ENDS)), pts(*ENDS, (5, 6)), "b.pts")
    with pytest.raises(DataError, match=r"1 of 2 files have 3 points.*b\.pts; 1 of .*--points"):
        read_pts(faces)
    assert read_pts(faces, num_points=3).left_out == {"shape: not 3 points": 1}
    ends = read_pts(faces, skeleton=Skeleton("ends", ("left_end", "right_end")))
    assert ends.skeleton.keypoints == ("left_end", "right_end")
    assert len(ends.records) == 1
    with pytest.raises(DataError, match="3 points were chosen, but there are 2 keypoints"):
        read_pts(faces, num_points=3, skeleton=Skeleton("ends", ("a", "b")))


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_converted(faces) -> None:
    save(save(faces, pts(*ENDS)), "version: 1\nn_points: 2\n{\n1 ", "b.pts")
    with pytest.warns(SimplebaseWarning, match="1 of 2 .* cannot be read and are left out"):
        conversion = read_pts(faces)
    assert len(conversion.records) == 1
    assert conversion.left_out == {"file: cannot be read": 1}


BAD = {
    "cut": (pts(*ENDS)[:-4], "is not a .pts file"),
    "count": (pts(*ENDS).replace("2\n", "3\n", 1), "expected 6 numbers .* Received 4 items"),
    "nan": (pts((float("nan"), 2)), "expected 2 numbers"),
    "text": (pts(*ENDS).replace("10", "x"), "4 items, 1 of them not numbers"),
    "none": (pts(), "expected 0 numbers"),
    "json": ('{"shapes": []}', "is not a .pts file"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_a_sentence(faces, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read_pts(save(faces, content))


def test_a_missing_or_empty_folder_is_named(faces) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        read_pts(faces / "none")
    with pytest.raises(DataError, match=r"there are no \.pts or \.ljson files"):
        read_pts(faces)


def test_the_real_faces_have_the_coordinates_that_their_source_gives(shared) -> None:
    conversion = read_pts(shared / "data" / "labels" / "pts_faces", num_points=68)
    found = {record["img_paths"]: record["joint_self"] for record in conversion.records}
    # As the files say, less 1.
    assert found["breakingbad.jpg"][0] == pytest.approx([1282.598566, 275.387616, 2])
    assert found["breakingbad.jpg"][1] == pytest.approx([1286.404961, 302.050795, 2])
    assert found["einstein.jpg"][0] == pytest.approx([356.417253, 307.455774, 2])
    # takeo.ppm, the face with 19 points, and the pupils of lenna.ljson.
    assert conversion.left_out == {
        "image of an unsupported kind (write it as PNG)": 1,
        "shape: not 68 points": 2,
    }


def test_a_real_face_of_a_kind_that_is_not_read_is_found_as_png(shared, tmp_path) -> None:
    source = shared / "data" / "labels" / "pts_faces"
    shutil.copyfile(source / "takeo.pts", tmp_path / "takeo.pts")
    cv2.imwrite(str(tmp_path / "takeo.png"), cv2.imread(str(source / "takeo.ppm")))
    (record,) = read_pts(tmp_path, val_split=0).records
    assert record["joint_self"][0] == pytest.approx([31.310345, 98.612347, 2])


@pytest.mark.parametrize("name", ["a.pts", "a.ljson"])
def test_garbled_files_are_read_or_refused(faces, name) -> None:
    save(faces, pts(*ENDS) if name == "a.pts" else LJSON["version 3"], name)
    assert read_garbled(faces / name, read_pts) > 30


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nimage: a.jpg\nn_points: 2\n{\n10 20\nNaN NaN\n}\n",
        "n_points: 2\r\nsize: 300 200\r\n{\r\n10,20\r\nnan,nan\r\n}",
        "version: 1 n_points: 2 { 10 20 NaN NaN }",
    ],
)
def test_other_lines_commas_and_missing_points_are_read(faces, text) -> None:
    conversion = read_pts(save(faces, text))
    assert conversion.records[0]["joint_self"] == [[9, 19, 2], [0, 0, 0]]
