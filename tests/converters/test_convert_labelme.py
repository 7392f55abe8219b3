"""labelme folders."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conversion_checks import damaged, readable_or_refused, write_image
from hypothesis import given, settings

from simplebase import Skeleton
from simplebase.converters import read_coco, read_labelme, write_dataset
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.images import read_image


def point(label: str, x: float, y: float, group: int | None = None, **flags: bool) -> Any:
    shape = {"label": label, "points": [[x, y]], "group_id": group, "shape_type": "point"}
    return shape | {"flags": flags}


def rectangle(*corners: list[float], group: int | None = None) -> Any:
    return {
        "label": "box",
        "points": list(corners),
        "group_id": group,
        "shape_type": "rectangle",
    }


def labels(*shapes: Any, image: str = "a.jpg", data: str | None = None) -> dict[str, Any]:
    return {"version": "5.7.0", "shapes": list(shapes), "imagePath": image, "imageData": data}


def save(folder: Path, content: Any, name: str = "a.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    write_image(folder / "a.jpg")
    return folder


NOSE, LEFT, RIGHT = point("nose", 10, 20), point("left_ear", 30, 70), point("right_ear", 5, 6)


def test_one_object_by_hand(source, written) -> None:
    hidden = point("left_ear", 30.5, 120, hidden=True)
    occluded = point("right_ear", 5, 6, occluded=True)
    dataset = written(read_labelme(save(source, labels(NOSE, hidden, occluded))))
    # labelme's first pixel reaches from 0 to 1, so its centre is at 0.5.
    assert dataset.records.keypoints[0].tolist() == [[9.5, 19.5, 2], [30, 119.5, 1], [4.5, 5.5, 1]]
    assert dataset.records.centers[0].tolist() == [17.25, 62.5]
    assert dataset.records.scales[0] == pytest.approx(1.1 * 114 / 200)
    assert dataset.skeleton.keypoints == ("nose", "left_ear", "right_ear")
    assert dataset.skeleton.horizontal_pairs == (("left_ear", "right_ear"),)


def test_a_group_is_an_object_and_its_rectangle_the_box(source, written) -> None:
    first = [point("nose", 1, 2, 1), point("tail", 5, 2, 1)]
    second = [point("nose", 7, 8, 2), rectangle([40, 60], [20, 20], group=2)]
    records = written(read_labelme(save(source, labels(*first, *second)))).records
    assert records.keypoints[:, :, 2].tolist() == [[2, 2], [2, 0]]
    # The rectangle covers the pixels 20 to 39 and 20 to 59.
    assert records.boxes[1].tolist() == [20, 20, 20, 40]
    assert records.centers[1].tolist() == [29.5, 39.5]
    assert records.scales[1] == 0.2
    assert np.isnan(records.boxes[0]).all()


def test_what_is_no_keypoint_is_ignored_and_counted(source) -> None:
    polygon = {"label": "p", "points": [[1, 2], [3, 4], [5, 6]], "shape_type": "polygon"}
    boxes = [rectangle([1, 1], [5, 5]), rectangle([2, 2], [9, 9])]
    alone = [point("nose", 1, 2, 3), rectangle([1, 1], [5, 5], group=4)]
    conversion = read_labelme(save(source, labels(NOSE, LEFT, polygon, *boxes, *alone)))
    assert len(conversion.records) == 2
    assert "bbox" not in conversion.records[0]  # of two rectangles none is known to be its
    # A single point has the size of the other object, 50 px and a tenth.
    assert conversion.records[1]["objpos"] == [0.5, 1.5]
    assert conversion.records[1]["scale_provided"] == pytest.approx(55 / 200)
    assert conversion.left_out == {
        "shape: neither point nor rectangle": 1,
        "shape: rectangle that is no object's box": 3,
    }


def test_the_order_is_that_of_appearance_over_sorted_files(source) -> None:
    save(source, labels(point("c", 1, 2), point("a", 3, 4)), "z.json")
    save(source, labels(point("b", 1, 2), point("c", 3, 4)), "sub/y.json")
    conversion = read_labelme(source)
    assert conversion.skeleton.keypoints == ("b", "c", "a")
    assert conversion.notes[0].endswith("b, c, a")


def test_given_keypoints_keep_their_order_and_refuse_others(source) -> None:
    save(source, labels(NOSE, LEFT))
    skeleton = Skeleton("mine", ("left_ear", "tail", "nose"))
    conversion = read_labelme(source, skeleton=skeleton)
    assert [row[2] for row in conversion.records[0]["joint_self"]] == [2, 0, 2]
    with pytest.raises(DataError, match=r"a\.json: the label 'left_ear' .*--classes-path"):
        read_labelme(source, skeleton=Skeleton("mine", ("nose",)))


def test_names_in_a_file_are_paired_by_left_and_right_unless_pairs_are_too(source) -> None:
    save(source, labels(NOSE, LEFT, RIGHT))
    (source / "classes.txt").write_text("right_ear\nleft_ear\nnose\n")
    conversion = read_labelme(source)
    assert conversion.skeleton.keypoints == ("right_ear", "left_ear", "nose")
    assert conversion.skeleton.horizontal_pairs == (("left_ear", "right_ear"),)
    assert "flip pairs, inferred from the names: left_ear/right_ear" in conversion.notes
    (source / "match_point.txt").write_text("")
    assert read_labelme(source).skeleton.horizontal_pairs == ()


def test_the_same_label_twice_in_a_group_names_the_file(source) -> None:
    save(source, labels(NOSE, LEFT, NOSE))
    with pytest.raises(DataError, match=r"a\.json, shapes\[2\]: a second point 'nose' with"):
        read_labelme(source)


@pytest.mark.parametrize("path", ["../images/b.jpg", r"..\images\b.jpg"])
def test_images_are_found_from_the_label_file(source, path) -> None:
    write_image(source / "images" / "b.jpg")
    save(source, labels(NOSE, LEFT, image=path), "labels/b.json")
    assert read_labelme(source).records[0]["img_paths"] == "images/b.jpg"


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "../secret.jpg"])
def test_an_image_outside_the_folder_is_refused(source, path) -> None:
    write_image(source.parent / "secret.jpg")
    save(source, labels(NOSE, LEFT), "good.json")
    save(source, labels(NOSE, LEFT, image=path))
    conversion = read_labelme(source)
    assert conversion.left_out == {"image path leaves the folder": 1}
    assert list(conversion.images) == ["a.jpg"]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_an_embedded_image_is_used_where_the_file_is_absent(source, suffix, written) -> None:
    encoded = cv2.imencode(suffix, np.full((8, 9, 3), 77, np.uint8))[1].tobytes()
    data = base64.b64encode(encoded).decode()
    save(source, labels(NOSE, LEFT, image="gone.jpg", data=data), "deep/b.json")
    save(source, labels(NOSE, LEFT, data=data), "a.json")
    conversion = read_labelme(source)
    assert conversion.images["a.jpg"] == source / "a.jpg"  # the file is there, and is preferred
    written(conversion, "out")
    image = source.parent / "out" / "images" / f"deep/b{suffix}"
    assert image.read_bytes() == encoded
    with pytest.raises(ArgumentError, match="--images link or copy"):
        write_dataset(conversion, source.parent / "none", images="none")


def test_an_embedded_image_that_is_none_is_left_out(source) -> None:
    for name, data in (("b", "no base64!"), ("c", base64.b64encode(b"<html>").decode())):
        save(source, labels(NOSE, LEFT, image="gone.jpg", data=data), f"{name}.json")
    save(source, labels(NOSE, LEFT))
    assert read_labelme(source).left_out == {"embedded image that cannot be read": 2}


def test_other_json_files_are_passed_over(source) -> None:
    save(source, labels(NOSE, LEFT))
    save(source, [1, 2], "coco.json")
    conversion = read_labelme(source)
    assert conversion.left_out == {"file: JSON that is not labelme's": 1}
    assert conversion.sources == [source / "a.json"]


def test_a_folder_without_points_says_what_was_found(source) -> None:
    save(source, labels(rectangle([1, 2], [3, 4])))
    save(source, {}, "b.json")
    with pytest.raises(DataError, match="Found 1 labelme files among 2 .json files"):
        read_labelme(source)
    with pytest.raises(MissingFileError, match="does not exist"):
        read_labelme(source / "none")


def test_a_polygon_whose_points_are_a_number_is_named(source) -> None:
    save(source, labels({"label": "cow", "shape_type": "polygon", "points": 5}, NOSE))
    with pytest.raises(DataError, match=r"a\.json, shapes\[0\]\.points"):
        read_labelme(source)


def test_a_file_that_is_html_is_named(source) -> None:
    (source / "a.json").write_text("<html>404</html>")
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        read_labelme(source)


def test_a_name_that_the_text_files_cannot_hold_is_refused(source, written) -> None:
    save(source, labels(point("ear, left", 1, 2), LEFT))
    with pytest.raises(DataError, match="'ear, left' has a comma"):
        written(read_labelme(source), "out")
    assert not (source.parent / "out").exists()


def test_points_inside_polygons_are_their_objects(shared) -> None:
    """Two animals without a group_id, as labelme 4 and its users write them."""
    source = shared / "data" / "labels" / "labelme" / "dog_cat"
    conversion = read_labelme(source, val_split=0)
    assert conversion.skeleton.keypoints == ("mouth", "nose", "eye_right", "eye_left")
    dog, cat = (np.array(record["joint_self"]) for record in conversion.records)
    # labelme's coordinates are half a pixel more.
    np.testing.assert_allclose(cat[1], [440.22, 146.97, 2], atol=0.01)
    np.testing.assert_allclose(dog[1], [346.35, 145.74, 2], atol=0.01)
    np.testing.assert_allclose(dog[0], [341.44, 165.98, 2], atol=0.01)
    assert (dog[3, 2], cat[3, 2]) == (0, 2)
    left, top, width, height = conversion.records[1]["bbox"]
    assert left <= 415.5 and left + width >= 453 and top <= 140 and top + height >= 159
    assert conversion.left_out == {}


def test_a_polygon_of_one_point_is_a_point(shared) -> None:
    """labelme 3 has no other points, and a tool writes its files without shape_type."""
    source = shared / "data" / "labels" / "labelme" / "labelme_pose"
    conversion = read_labelme(source, val_split=0)
    assert len(conversion.records) == 2 and conversion.left_out == {}
    found = {record["img_paths"]: record["joint_self"] for record in conversion.records}
    names = conversion.skeleton.keypoints
    points = dict(zip(names, found["images/10005.jpg"], strict=True))
    assert points["00_xx_ls_1"] == pytest.approx([699.04, 249.68, 2], abs=0.01)
    assert points["00_xx_le_1"] == pytest.approx([650.54, 349.54, 2], abs=0.01)
    points = dict(zip(names, found["images/10100.jpg"], strict=True))
    assert points["00_xx_ls_1"] == pytest.approx([521.31, 232.06, 2], abs=0.01)


def test_outlines_group_points_only_where_labels_repeat(source) -> None:
    outline = {"label": "cow", "shape_type": "polygon", "group_id": None}
    left = outline | {"points": [[0, 0], [30, 0], [30, 40], [0, 40]]}
    nose, ear = point("nose", 10, 10), point("ear", 12, 8)
    conversion = read_labelme(save(source, labels(left, nose, ear)))
    assert len(conversion.records) == 1 and "bbox" not in conversion.records[0]
    assert conversion.left_out == {"shape: neither point nor rectangle": 1}
    right = rectangle([25, 0], [60, 40])
    # A second nose outside of all outlines, and one in two of them.
    for x in (90, 28):
        save(source, labels(left, right, nose, point("nose", x, 10)))
        with pytest.raises(DataError, match="second point 'nose' without a group_id.*polygon"):
            read_labelme(source)
    conversion = read_labelme(save(source, labels(left, right, nose, point("nose", 50, 10), ear)))
    boxes = [record["bbox"] for record in conversion.records]
    assert boxes == [[0, 0, 30, 40], [25, 0, 35, 40]] and conversion.left_out == {}


def test_the_tools_own_example_has_one_point_whose_object_is_the_image(shared, written) -> None:
    dataset = written(read_labelme(shared / "data" / "labelme_primitives"))
    height, width, _ = read_image(dataset.images.name(0)).shape
    assert dataset.records.centers.tolist() == [[(width - 1) / 2, (height - 1) / 2]]
    assert dataset.records.scales.tolist() == [max(height, width) / 200]


@pytest.mark.parametrize(
    ("more", "visibility"),
    [
        ({"difficult": True, "kie_linking": [], "flags": None}, 1),
        ({"difficult": False, "score": None, "attributes": {}}, 2),
        ({"flags": {"Occluded": True}}, 1),
        ({"flags": {"occluded": False, "Difficult": True}}, 1),
        ({"flags": {"occluded": False}}, 2),
    ],
)
def test_difficult_points_of_x_anylabeling_are_hidden(source, more, visibility) -> None:
    conversion = read_labelme(save(source, labels(NOSE | more, LEFT)))
    assert [row[2] for row in conversion.records[0]["joint_self"]] == [visibility, 2]


def test_a_rectangle_of_four_corners_is_the_objects_box(source) -> None:
    """As X-AnyLabeling writes it; how difficult a box is says nothing of the keypoints."""
    corners = [1, 2], [21, 2], [21, 32], [1, 32]
    box = rectangle(*corners, group=3) | {"difficult": True}
    conversion = read_labelme(save(source, labels(point("nose", 5, 6, 3), box)))
    assert conversion.records[0]["bbox"] == [1, 2, 20, 30]
    assert conversion.records[0]["joint_self"] == [[4.5, 5.5, 2]]


def test_spaces_at_the_ends_of_a_label_are_ignored(source) -> None:
    save(source, labels(point("left ear ", 1, 2), NOSE))
    save(source, labels(point(" left ear", 1, 2), NOSE), "b.json")
    assert read_labelme(source).skeleton.keypoints == ("left ear", "nose")


@pytest.mark.parametrize("path", [r"C:\\photos\\b.jpg", "/photos/b.jpg", r"..\\..\\photos\\B.JPG"])
def test_an_image_that_moved_is_found_beside_its_label_file(source, path) -> None:
    for folder in ("one", "two"):
        write_image(source / folder / "b.jpg")
        save(source / folder, labels(NOSE, LEFT, image=path), "b.json")
    conversion = read_labelme(source)
    assert [r["img_paths"] for r in conversion.records] == ["one/b.jpg", "two/b.jpg"]
    assert "does not exist: 2, such as one/b.jpg" in conversion.notes[-1]


def test_the_size_that_the_file_states_is_compared_with_the_image(source, tmp_path) -> None:
    sizes = {"imageWidth": 40, "imageHeight": 30}  # the image is 30x40
    conversion = read_labelme(save(source, labels(NOSE, LEFT) | sizes))
    with pytest.warns(SimplebaseWarning, match=r"swapped.*a\.jpg \(40x30 in.*, 30x40 in"):
        write_dataset(conversion, tmp_path / "out")


def test_real_labels_come_back_through_labelme(shared, tmp_path, written) -> None:
    """People of COCO, labelled again as labelme would write it."""
    folder = shared / "data" / "coco"
    annotations = folder / "annotations" / "person_keypoints_val2017.json"
    theirs = written(read_coco(folder / "images", val_annotations=annotations), "theirs")
    records, names = theirs.records, theirs.skeleton.keypoints
    chosen = records.select((records.keypoints[..., 2] > 0).sum(axis=1) > 4)
    for image in set(chosen.paths):
        shapes = []
        for person in np.flatnonzero(chosen.paths == image):
            x, y, width, height = chosen.boxes[person]
            corners = [x, y], [x + width, y + height]
            shapes.append(rectangle(*corners, group=int(person)))
            shapes += [
                point(name, kx + 0.5, ky + 0.5, int(person), hidden=bool(v == 1))
                for name, (kx, ky, v) in zip(names, chosen.keypoints[person], strict=True)
                if v > 0
            ]
        save(tmp_path / "labels", labels(*shapes, image=image), Path(image).stem + ".json")
        (tmp_path / "labels" / image).symlink_to(folder / "images" / image)
    ours = written(read_labelme(tmp_path / "labels", skeleton=theirs.skeleton), "ours").records
    assert len(ours) == len(chosen)
    order = [
        next(i for i in range(len(ours)) if np.allclose(ours.keypoints[i], keypoints))
        for keypoints in chosen.keypoints
    ]
    assert sorted(order) == list(range(len(ours)))
    for field in ("centers", "scales", "boxes"):
        np.testing.assert_allclose(getattr(ours, field)[order], getattr(chosen, field))


DATA = base64.b64encode(b"\xff\xd8 an image").decode()


@pytest.mark.filterwarnings("ignore::simplebase.errors.SimplebaseWarning")
@given(damaged(labels(NOSE, LEFT, rectangle([1, 2], [3, 4]), RIGHT | {"group_id": 1}, data=DATA)))
@settings(deadline=None, max_examples=50)
def test_damaged_files_are_refused_with_our_errors(content) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        write_image(source / "a.jpg")
        (source / "a.json").write_bytes(content)
        save(source, labels(NOSE, LEFT), "b.json")
        readable_or_refused(lambda: read_labelme(source), Path(folder) / "out")


BAD = {
    "GB18030": '{"shapes": [], "imagePath": "左眼.jpg"}'.encode("gb18030"),
    "UTF-16": '{"shapes": []}'.encode("utf-16"),
    "broken": b"{",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_converted(
    tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "source"
    write_image(source / "a.jpg")
    save(source, labels(NOSE, LEFT), "a.json")
    (source / "b.json").write_bytes(content)
    message = r"1 of 2 \.json files in .* cannot be read and are left out:\n.*/b\.json is not "
    with pytest.warns(SimplebaseWarning, match=message):
        conversion = read_labelme(source)
    assert len(conversion.records) == 1
    assert conversion.left_out["file: cannot be read"] == 1


def test_a_folder_of_nothing_but_unreadable_files_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a.json", "b.json"):
        (source / name).write_bytes(BAD["GB18030"])
    with pytest.raises(DataError, match=r"a\.json is not UTF-8 but probably GB18030.*1 more files"):
        read_labelme(source)


def test_without_an_image_path_the_image_has_the_files_name(source) -> None:
    content = labels(point("nose", 1, 2)) | {"imagePath": None}
    assert read_labelme(save(source, content)).records[0]["img_paths"] == "a.jpg"


def test_groups_may_have_names(source) -> None:
    shapes = [point("nose", 1, 2), point("tail", 5, 6), point("nose", 9, 9)]
    for shape, group in zip(shapes, ("1", "1", "b"), strict=True):
        shape["group_id"] = group
    assert len(read_labelme(save(source, labels(*shapes))).records) == 2
