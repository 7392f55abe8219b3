"""CVAT's XML for images and for videos."""

import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conversion_checks import write_image

from simplebase import Skeleton
from simplebase.converters import Conversion, read_cvat
from simplebase.errors import (
    ArgumentError,
    DataError,
    MissingFileError,
    SimplebaseError,
    SimplebaseWarning,
)


def points(label: str, places: str, **more: Any) -> str:
    extra = " ".join(f'{name}="{value}"' for name, value in more.items())
    return f'<points label="{label}" points="{places}" {extra}/>'


def skeleton(label: str, *inside: str, **more: Any) -> str:
    extra = " ".join(f'{name}="{value}"' for name, value in more.items())
    return f'<skeleton label="{label}" {extra}>{"".join(inside)}</skeleton>'


def box(left: float, top: float, right: float, bottom: float, inside: str = "", **more: Any) -> str:
    extra = " ".join(f'{name}="{value}"' for name, value in ({"label": "cow"} | more).items())
    place = f'xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}"'
    return f"<box {place} {extra}>{inside}</box>"


def attribute(value: int) -> str:
    return f'<attribute name="id">{value}</attribute>'


def image(name: str, *shapes: str, **more: Any) -> str:
    extra = " ".join(f'{key}="{value}"' for key, value in more.items())
    return f'<image id="0" name="{name}" width="30" height="40" {extra}>{"".join(shapes)}</image>'


def save(folder: Path, *elements: str, meta: str = "", name: str = "annotations.xml") -> Path:
    """An XML file, and the images that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f"<meta><task>{meta}</task></meta>{''.join(elements)}</annotations>"
    )
    for name in ("a.png", "b.png", "c.png"):
        write_image(folder / name)
    return path


def labels(*names: str, parent: str = "") -> str:
    return "".join(
        f"<labels><label><name>{name}</name><parent>{parent}</parent></label></labels>"
        for name in names
    )


def keypoints(conversion: Conversion, index: int = 0) -> list[list[float]]:
    return np.round(conversion.records[index]["joint_self"], 6).tolist()


PAIR = points("nose", "10,20"), points("tail", "14.5,6")


def test_single_points_of_an_image_are_one_object(tmp_path: Path) -> None:
    hidden = points("tail", "14.5,6", occluded=1)
    outside = points("ear", "1,1", outside=1)
    both = image("a.png", *PAIR, points("ear", "3,4"))
    path = save(tmp_path, image("b.png", hidden, PAIR[0], outside), both, meta=labels("nose"))
    conversion = read_cvat(path)
    assert conversion.skeleton.keypoints == ("nose", "tail", "ear")
    # CVAT's first pixel reaches from 0 to 1, so its centre is at 0.5.
    assert keypoints(conversion) == [[9.5, 19.5, 2], [14, 5.5, 1], [0, 0, 0]]
    assert keypoints(conversion, 1) == [[9.5, 19.5, 2], [14, 5.5, 2], [2.5, 3.5, 2]]


def test_groups_tell_objects_of_single_points_apart(tmp_path: Path) -> None:
    first = [points("nose", "1,2", group_id=1), points("tail", "3,2", group_id=1)]
    second = [points("nose", "5,6", group_id=2), box(2, 4, 12, 24, group_id=2)]
    conversion = read_cvat(save(tmp_path, image("a.png", *first, *second)))
    assert keypoints(conversion) == [[0.5, 1.5, 2], [2.5, 1.5, 2]]
    assert keypoints(conversion, 1) == [[4.5, 5.5, 2], [0, 0, 0]]
    assert conversion.records[1]["bbox"] == [2, 4, 10, 20]
    assert "bbox" not in conversion.records[0]
    with pytest.raises(DataError, match=r"points 'nose': a second point .* Group the points"):
        read_cvat(save(tmp_path, image("a.png", PAIR[0], PAIR[0])))


def test_skeletons_have_named_points_in_the_order_of_the_labels(tmp_path: Path) -> None:
    meta = labels("1", "2", "3", parent="cow")
    path = save(tmp_path, image("a.png", skeleton("cow", points("2", "3,4"), points("1", "1,2"))))
    assert read_cvat(path).skeleton.keypoints == ("2", "1")
    path = save(
        tmp_path,
        image("a.png", skeleton("cow", points("2", "3,4"), points("1", "1,2", outside=1))),
        meta=meta,
    )
    conversion = read_cvat(path)
    assert conversion.skeleton.keypoints == ("1", "2", "3")
    assert conversion.skeleton.name == "cow"
    assert keypoints(conversion) == [[0, 0, 0], [2.5, 3.5, 2], [0, 0, 0]]


def test_lines_between_keypoints_come_from_the_drawing_of_the_skeleton(tmp_path: Path) -> None:
    drawing = (
        '<line x1="1" data-type="edge" data-node-from="7" data-node-to="9"></line>'
        '<line data-type="edge" data-node-from="9" data-node-to="8"></line>'
        '<circle data-node-id="7" data-label-name="nose"></circle>'
        '<circle data-node-id="9" data-label-name="tail"></circle>'
    )
    svg = drawing.replace("<", "&lt;").replace(">", "&gt;")
    meta = f"<labels><label><name>cow</name><svg>{svg}</svg></label></labels>"
    conversion = read_cvat(save(tmp_path, image("a.png", skeleton("cow", *PAIR)), meta=meta))
    assert [(each.start, each.end) for each in conversion.skeleton.links] == [("nose", "tail")]


def test_shapes_of_several_points_are_objects_of_numbered_keypoints(tmp_path: Path) -> None:
    conversion = read_cvat(save(tmp_path, image("a.png", points("cow", "1,2;3,4", occluded=1))))
    assert conversion.skeleton.keypoints == ("1", "2")
    assert keypoints(conversion) == [[0.5, 1.5, 1], [2.5, 3.5, 1]]
    path = save(
        tmp_path,
        image("a.png", points("cow", "1,2;3,4")),
        image("b.png", points("cow", "1,2;3,4;5,6")),
    )
    with pytest.raises(DataError, match=r"'b\.png', points 'cow': 3 points, but .* has 2"):
        read_cvat(path)


def test_labels_with_other_keypoints_are_chosen_by_category(tmp_path: Path) -> None:
    cow, calf = skeleton("cow", *PAIR), skeleton("calf", *PAIR[::-1])
    pen = skeleton("pen", points("tip", "5,6"), points("end", "8,6"))
    path = save(tmp_path, image("a.png", cow, calf, pen))
    with pytest.raises(DataError, match=r"cow \(nose, tail\); .* pen \(tip, end\) have different"):
        read_cvat(path)
    with pytest.raises(
        ArgumentError, match="no keypoints of a label 'goat'; it has cow, calf, pen"
    ):
        read_cvat(path, category="goat")
    conversion = read_cvat(path, category=["cow", "calf"])
    assert keypoints(conversion) == keypoints(conversion, 1)
    assert conversion.left_out == {"object of a label that was not chosen": 1}


def test_a_box_goes_to_the_object_with_its_attributes(tmp_path: Path) -> None:
    shapes = [
        box(0, 0, 20, 30, attribute(2)),
        skeleton("cow", *PAIR, attribute(1)),
        skeleton("cow", *PAIR, attribute(2)),
        box(0, 0, 25, 35, attribute(1)),
        box(0, 0, 9, 9, attribute(3)),
    ]
    conversion = read_cvat(save(tmp_path, image("a.png", *shapes)))
    assert [record["bbox"] for record in conversion.records] == [[0, 0, 25, 35], [0, 0, 20, 30]]
    assert conversion.left_out == {"shape: box that is no object's": 1}


def test_a_lone_box_goes_to_a_lone_object_inside_it(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        image("a.png", skeleton("cow", *PAIR), box(0, 0, 20, 30)),
        image("b.png", skeleton("cow", *PAIR), box(12, 0, 20, 30)),
        image("c.png", skeleton("cow", *PAIR), skeleton("cow", *PAIR), box(0, 0, 20, 30)),
    )
    conversion = read_cvat(path)
    assert [record.get("bbox") for record in conversion.records] == [[0, 0, 20, 30], *[None] * 3]
    assert conversion.left_out == {"shape: box that is no object's": 2}


def test_of_a_rotated_box_the_upright_box_around_it_is_taken(tmp_path: Path) -> None:
    turned = box(5, 0, 15, 30, rotation=90)
    path = save(tmp_path, image("a.png", skeleton("cow", points("nose", "10,15")), turned))
    assert read_cvat(path).records[0]["bbox"] == pytest.approx([-5, 10, 30, 10])


def test_subsets_are_the_splits(tmp_path: Path) -> None:
    names = {"a.png": "Train", "b.png": "Validation", "c.png": "Test"}
    path = save(tmp_path, *(image(name, *PAIR, subset=names[name]) for name in names))
    conversion = read_cvat(path)
    held_out = {each["img_paths"]: each["isValidation"] for each in conversion.records}
    assert held_out == {"a.png": 0, "b.png": 1}
    assert conversion.left_out == {"record of the test split": 1}


@pytest.mark.parametrize("place", ["images/d.png", "Train/d.png", "images/Train/d.png"])
def test_images_are_found_where_exports_have_them(place, tmp_path: Path) -> None:
    path = save(tmp_path, image("d.png", *PAIR, subset="Train"))
    write_image(tmp_path / place)
    write_image(tmp_path / "other" / "d.png")
    assert read_cvat(path).records[0]["img_paths"] == place


def test_frames_that_are_named_without_a_suffix_are_found(tmp_path: Path) -> None:
    path = save(tmp_path, image("frame_000007", *PAIR))
    write_image(tmp_path / "images" / "frame_000007.PNG")
    assert read_cvat(path).records[0]["img_paths"] == "images/frame_000007.PNG"


def test_images_may_be_in_a_folder_of_their_own(tmp_path: Path) -> None:
    path = save(tmp_path / "xml", image("d.png", *PAIR), image("e.png", *PAIR))
    write_image(tmp_path / "photos" / "d.png")
    conversion = read_cvat(path, image_folder=tmp_path / "photos")
    assert [each["img_paths"] for each in conversion.records] == ["d.png"]
    assert conversion.left_out == {"image not found": 1}


def video(folder: Path, *tracks: str, frames: int = 9, stop: int = 8) -> Path:
    for number in range(frames):
        write_image(folder / "images" / f"frame_{number:06d}.png")
    size = "<original_size><width>30</width><height>40</height></original_size>"
    return save(folder, *tracks, meta=f"<stop_frame>{stop}</stop_frame>{size}")


def track(label: str, *shapes: str, **more: Any) -> str:
    extra = " ".join(f'{name}="{value}"' for name, value in more.items())
    return f'<track id="0" label="{label}" {extra}>{"".join(shapes)}</track>'


def by_frame(conversion: Conversion) -> dict[int, list[list[float]]]:
    return {
        int(record["img_paths"].split("_")[1][:6]): keypoints(conversion, index)
        for index, record in enumerate(conversion.records)
    }


def test_points_move_in_straight_lines_between_keyframes_until_they_are_outside(tmp_path) -> None:
    nose = track(
        "nose",
        points("", "10,20", frame=1),
        points("", "14,12", frame=5, occluded=1),
        points("", "20,12", frame=7, outside=1),
    )
    found = by_frame(read_cvat(video(tmp_path, nose)))
    assert found == {
        1: [[9.5, 19.5, 2]],
        2: [[10.5, 17.5, 2]],
        3: [[11.5, 15.5, 2]],
        4: [[12.5, 13.5, 2]],
        5: [[13.5, 11.5, 1]],
        # On its way to where it leaves, as CVAT interpolates.
        6: [[16.5, 11.5, 1]],
    }


def test_the_last_keyframe_holds_until_the_video_ends(tmp_path: Path) -> None:
    path = video(tmp_path, track("nose", points("", "10,20", frame=5)), stop=7)
    assert by_frame(read_cvat(path)) == {frame: [[9.5, 19.5, 2]] for frame in (5, 6, 7)}


def test_a_skeleton_ends_where_all_of_its_points_are_outside(tmp_path: Path) -> None:
    ends = points("nose", "5,2", outside=1), points("tail", "5,2", outside=1)
    path = video(tmp_path, track("cow", skeleton("", *PAIR, frame=1), skeleton("", *ends, frame=3)))
    conversion = read_cvat(path)
    assert list(by_frame(conversion)) == [1, 2]
    assert not conversion.left_out


def test_tracks_of_skeletons_move_each_point_and_their_boxes_are_joined(tmp_path: Path) -> None:
    cow = track(
        "cow",
        skeleton("", points("nose", "1,2"), points("tail", "4,4", outside=1), frame=0),
        skeleton("", points("nose", "5,6", outside=1), points("tail", "4,8"), frame=4),
        group_id=3,
    )
    around = track("box", box(0, 0, 10, 10, frame=0), box(8, 0, 18, 30, frame=4), group_id=3)
    other = track("box", box(0, 0, 9, 9, frame=2), box(0, 0, 9, 9, frame=3, outside=1))
    conversion = read_cvat(video(tmp_path, cow, around, other, stop=4))
    assert by_frame(conversion) == {
        0: [[0.5, 1.5, 2], [0, 0, 0]],
        1: [[1.5, 2.5, 2], [0, 0, 0]],
        2: [[2.5, 3.5, 2], [0, 0, 0]],
        3: [[3.5, 4.5, 2], [0, 0, 0]],
        4: [[0, 0, 0], [3.5, 7.5, 2]],
    }
    assert conversion.records[1]["bbox"] == [2, 0, 10, 15]
    assert conversion.left_out == {"shape: box that is no object's": 1}


def test_keyframes_without_an_image_are_counted_and_others_not_made_up(tmp_path: Path) -> None:
    nose = track("nose", points("", "1,2", frame=0), points("", "1,2", frame=900_000_000))
    conversion = read_cvat(video(tmp_path, nose, frames=3))
    assert len(conversion.records) == 3
    assert conversion.left_out == {"image not found": 1}
    assert conversion.first_missing == "frame_900000000"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (points("nose", "1,2", frame=0) * 2, "frame 0: the track has two shapes there"),
        (points("nose", "1,2"), "expected the number of a frame. Received: None"),
        (points("nose", "1,2", frame=-3), "expected the number of a frame. Received: '-3'"),
    ],
)
def test_tracks_that_are_wrong_are_refused(shapes, message, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_cvat(video(tmp_path, track("nose", shapes)))


def test_two_videos_do_not_share_their_frames(tmp_path: Path) -> None:
    nose = track("nose", points("", "1,2", frame=0))
    video(tmp_path, nose)
    save(tmp_path, nose, name="second.xml")
    with pytest.raises(DataError, match="two videos whose frames are looked for in one folder"):
        read_cvat(tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (points("nose", "1"), r"'a\.png', points 'nose': expected points as x,y;x,y"),
        (points("nose", "1,nan"), "expected a coordinate in pixels. Received: 'nan'"),
        (points("nose", "5e11,2"), "expected a coordinate in pixels. Received: '5e11'"),
        (points("", "1,2"), "expected a string"),
        ('<points label="nose"/>', "points: expected a string"),
        (points("nose", "1,2", occluded="yes"), "occluded must be 0 or 1"),
        (skeleton("cow", PAIR[0], PAIR[0]), "the point 'nose' occurs twice in one skeleton"),
        (skeleton("cow", points("nose", "1,2;3,4")), "a keypoint has one place. Received: 2"),
        (PAIR[0] + '<box label="x" xtl="1"/>', "expected a coordinate in pixels. Received: None"),
        (box(1, 2, 3, 4), "there is no skeleton and no point in it"),
        ("", "there is no skeleton and no point in it"),
    ],
)
def test_shapes_that_are_wrong_are_refused_with_their_place(shape, message, tmp_path) -> None:
    with pytest.raises(DataError, match=message):
        read_cvat(save(tmp_path, image("a.png", shape)))


def test_what_is_neither_point_nor_box_is_counted(tmp_path: Path) -> None:
    polygon = '<polygon label="cow" points="1,2;3,4;5,6"/><tag label="day"/>'
    conversion = read_cvat(save(tmp_path, image("a.png", *PAIR, polygon)))
    assert conversion.left_out == {"shape: no point, skeleton or box": 1}


def test_files_in_a_folder_are_read_together_and_others_left_out(tmp_path: Path) -> None:
    save(tmp_path / "first", image("a.png", *PAIR))
    save(tmp_path / "second", image("a.png", *PAIR))
    (tmp_path / "voc.xml").write_text("<annotation><object/></annotation>")
    with pytest.warns(SimplebaseWarning, match=r"1 of 3 \.xml files .*\n.*voc\.xml is not CVAT's"):
        conversion = read_cvat(tmp_path)
    assert [each["img_paths"] for each in conversion.records] == ["first/a.png", "second/a.png"]


def test_a_given_skeleton_orders_the_keypoints_and_must_have_them_all(tmp_path: Path) -> None:
    path = save(tmp_path, image("a.png", *PAIR))
    mine = Skeleton("mine", ("tail", "nose", "ear"))
    assert keypoints(read_cvat(path, skeleton=mine)) == [[14, 5.5, 2], [9.5, 19.5, 2], [0, 0, 0]]
    with pytest.raises(DataError, match="the label 'tail' is not one of the keypoints"):
        read_cvat(path, skeleton=Skeleton("mine", ("nose",)))


def test_what_is_no_cvat_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        read_cvat(tmp_path / "absent.xml")
    with pytest.raises(MissingFileError, match=r"there is no \.xml file in it"):
        read_cvat(tmp_path)
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        archive.writestr("annotations.xml", "")
    with pytest.raises(DataError, match="is a zip archive. Unpack it"):
        read_cvat(tmp_path / "task.zip")
    path = tmp_path / "a.xml"
    for content, message in (
        ("<annotation/>", "is not CVAT's XML: expected the element annotations"),
        ("<annotations><image", "is not valid XML"),
        ('{"images": []}', "is not valid XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "line 1: XML with a document type"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=message):
            read_cvat(path)


def test_damaged_files_are_refused_by_our_own_errors(tmp_path: Path) -> None:
    draw = random.Random(11)
    path = video(
        tmp_path,
        image("a.png", skeleton("cow", *PAIR, attribute(1)), box(0, 0, 20, 30, attribute(1))),
        track("cow", skeleton("", *PAIR, frame=0), skeleton("", *PAIR, frame=3)),
        frames=5,
    )
    whole = path.read_bytes()
    read = 0
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(draw.randint(0, 2)):
            content[draw.randrange(len(content))] = draw.choice(b'0123456789abc.,;-"<> ')
        if draw.random() < 0.2:
            content = content[: draw.randrange(len(content))]
        path.write_bytes(content)
        try:
            read_cvat(path).require_records()
            read += 1
        except SimplebaseError as error:
            assert str(error).endswith((".", "?")), str(error)
    assert 10 < read < 90


def test_real_points_have_their_known_coordinates(shared: Path) -> None:
    source = shared / "data/labels/cvat_images_xml/points_mouse"
    conversion = read_cvat(source)
    assert conversion.skeleton.keypoints == ("tail", "Nose", "Left Front paw")
    assert len(conversion.records) == 6
    (record,) = [each for each in conversion.records if each["img_paths"] == "img1.png"]
    # SOURCE.txt has CVAT's numbers, whose first pixel reaches from 0 to 1.
    known = np.array([[53.44, 330.78], [394.90, 19.30], [202.49, 299.76]]) - 0.5
    assert np.abs(np.array(record["joint_self"])[:, :2] - known).max() < 0.01


def test_real_skeletons_have_their_known_coordinates_and_boxes(shared: Path, tmp_path) -> None:
    path = shared / "data/labels/cvat_images_xml/skeleton_pen_mouse/annotations.xml"
    for name in ("IMG_20231113_115448_218.jpg", "IMG_20231113_120234_188.jpg"):
        write_image(tmp_path / name)  # the photos are not published
    mouse = read_cvat(path, image_folder=tmp_path, category="mouse_skeleton")
    assert mouse.skeleton.keypoints == ("1", "2", "3", "4", "5", "6")
    found = np.array(mouse.records[0]["joint_self"])[[0, 1, 4]]
    known = [[3832.37, 3878.68, 2.5], [4125.25, 3773.86, 2.5], [4418.44, 3914.75, 1.5]]
    assert np.abs(found + 0.5 - known).max() < 0.01
    assert mouse.records[0]["bbox"] == pytest.approx([3520, 3680, 1320, 970])
    pens = read_cvat(path, image_folder=tmp_path, category="pen_skeleton").records
    # Skeletons and boxes are linked by their attribute id, in the second image crosswise.
    lefts = [record["bbox"][0] for record in pens]
    assert lefts == pytest.approx([2270.30, 3091.95, 4333.33])
