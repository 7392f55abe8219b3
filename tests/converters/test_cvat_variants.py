"""Projects, tasks of images, and other forms of CVAT's files."""

from pathlib import Path

import numpy as np
import pytest
from conversion_checks import write_image

from simplebase.converters import Conversion, read_cvat
from simplebase.errors import DataError


def cow(frame: int, x: float, outside: int = 0) -> str:
    places = (("nose", x), ("tail", x + 10))
    points = "".join(
        f'<points label="{name}" outside="{outside}" occluded="0" points="{at},{at}"/>'
        for name, at in places
    )
    return f'<skeleton frame="{frame}" keyframe="1">{points}</skeleton>'


def track(*shapes: str, task: int | None = None, subset: str = "") -> str:
    project = "" if task is None else f'task_id="{task}" subset="{subset}"'
    return f'<track id="0" label="cow" {project}>{"".join(shapes)}</track>'


def save(folder: Path, meta: str, *tracks: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "annotations.xml"
    path.write_text(f"<annotations><meta>{meta}</meta>{''.join(tracks)}</annotations>")
    return path


def task(number: int, subset: str, stop: int) -> str:
    return (
        f"<task><id>{number}</id><mode>interpolation</mode><subset>{subset}</subset>"
        f"<start_frame>0</start_frame><stop_frame>{stop}</stop_frame></task>"
    )


def noses(conversion: Conversion) -> dict[str, list[float]]:
    return {
        record["img_paths"]: [round(value, 3) for value in record["joint_self"][0][:2]]
        for record in conversion.records
    }


def test_each_task_of_a_project_has_its_own_frames_and_its_subset_is_the_split(tmp_path) -> None:
    for subset, count in (("Train", 2), ("Validation", 3)):
        for number in range(count):
            write_image(tmp_path / "images" / subset / f"frame_{number:06d}.PNG")
    meta = f"<project><tasks>{task(7, 'Train', 1)}{task(8, 'Validation', 2)}</tasks></project>"
    first = track(cow(0, 10), cow(1, 11), task=7, subset="Train")
    second = track(cow(0, 20), task=8, subset="Validation")
    conversion = read_cvat(save(tmp_path, meta, first, second))
    assert noses(conversion) == {
        "images/Train/frame_000000.PNG": [9.5, 9.5],
        "images/Train/frame_000001.PNG": [10.5, 10.5],
        # The last shape stays until this task ends, not the other one.
        "images/Validation/frame_000000.PNG": [19.5, 19.5],
        "images/Validation/frame_000001.PNG": [19.5, 19.5],
        "images/Validation/frame_000002.PNG": [19.5, 19.5],
    }
    assert {r["img_paths"].split("/")[1]: r["isValidation"] for r in conversion.records} == {
        "Train": 0,
        "Validation": 1,
    }


def test_two_videos_with_the_same_names_of_frames_are_refused(tmp_path) -> None:
    meta = f"<project><tasks>{task(7, 'Train', 1)}{task(8, 'Train', 2)}</tasks></project>"
    tracks = [track(cow(0, 10), task=number, subset="Train") for number in (7, 8)]
    with pytest.raises(DataError, match=r"task 7 and .*task 8 are of two videos"):
        read_cvat(save(tmp_path, meta, *tracks))


@pytest.mark.parametrize(("start", "step"), [(0, 1), (10, 5)])
def test_the_images_of_a_task_of_images_are_its_frames_in_order(tmp_path, start, step) -> None:
    for name in ("eel", "cat", "dog"):
        write_image(tmp_path / "images" / f"{name}.jpg")
    last = start + 2 * step
    meta = (
        f"<task><mode>annotation</mode><start_frame>{start}</start_frame>"
        f"<stop_frame>{last}</stop_frame><frame_filter>step={step}</frame_filter></task>"
    )
    first = track(cow(start, 10), cow(start + step, 10, outside=1))
    path = save(tmp_path, meta, first, track(cow(last, 20)))
    assert noses(read_cvat(path)) == {"images/cat.jpg": [9.5, 9.5], "images/eel.jpg": [19.5, 19.5]}
    # With an image less, it is not known which frame is missing.
    (tmp_path / "images/dog.jpg").unlink()
    with pytest.raises(DataError, match="no image of the 2 records was found"):
        read_cvat(path).require_records()


def test_images_of_a_task_of_images_may_be_called_like_frames(tmp_path) -> None:
    """As ffmpeg calls them, from 1 on."""
    for number in (1, 2, 3):
        write_image(tmp_path / "images" / f"frame_{number:04d}.png")
    meta = "<task><mode>annotation</mode><stop_frame>2</stop_frame></task>"
    path = save(tmp_path, meta, track(cow(0, 10), cow(1, 20), cow(2, 10, outside=1)))
    found = noses(read_cvat(path))
    assert found == {"images/frame_0001.png": [9.5, 9.5], "images/frame_0002.png": [19.5, 19.5]}


@pytest.mark.parametrize("step", [1, 2])
def test_a_single_shape_before_the_last_frame_does_not_stay(tmp_path, step) -> None:
    """CVAT leaves out its end there; real tracks list every frame."""
    for number in range(3):
        write_image(tmp_path / "images" / f"frame_{number * step:06d}.png")
    meta = (
        f"<task><mode>interpolation</mode><stop_frame>{2 * step}</stop_frame>"
        f"<frame_filter>step={step}</frame_filter></task>"
    )
    path = save(tmp_path, meta, track(cow(step, 10)))
    assert [*noses(read_cvat(path))] == [f"images/frame_{step:06d}.png"]


def test_labels_with_other_numbers_of_points_do_not_matter_if_not_chosen(tmp_path) -> None:
    write_image(tmp_path / "a.png")
    shapes = [("face", "1,2;3,4"), ("crowd", "1,2;3,4"), ("crowd", "1,2;3,4;5,6")]
    inside = "".join(f'<points label="{label}" points="{places}"/>' for label, places in shapes)
    path = save(tmp_path, "", f'<image name="a.png">{inside}</image>')
    with pytest.raises(DataError, match="or choose other labels by --category"):
        read_cvat(path)
    conversion = read_cvat(path, category="face")
    assert np.round(conversion.records[0]["joint_self"], 3).tolist() == [
        [0.5, 1.5, 2],
        [2.5, 3.5, 2],
    ]
    assert conversion.left_out == {"object of a label that was not chosen": 2}


def test_the_points_of_a_skeleton_may_be_tracks_inside_its_track(tmp_path) -> None:
    """As CVAT 2.0 wrote them; the second point is outside from the second frame on."""
    for number in range(3):
        write_image(tmp_path / "images" / f"frame_{number:06d}.png")

    def point(frame: int, x: float, outside: int = 0) -> str:
        flags = f'outside="{outside}" occluded="0"'
        return f'<points frame="{frame}" keyframe="1" {flags} points="{x},{x}"/>'

    inner = (
        '<skeleton frame="0" keyframe="1" points="10,10;30,30"/>'
        f'<track label="nose">{point(0, 10)}{point(1, 11)}{point(2, 12)}</track>'
        f'<track label="tail">{point(0, 30)}{point(1, 30, 1)}</track>'
    )
    conversion = read_cvat(save(tmp_path, task(7, "", 2), track(inner)))
    assert noses(conversion) == {
        f"images/frame_{number:06d}.png": [9.5 + number] * 2 for number in range(3)
    }
    assert [record["joint_self"][1][2] for record in conversion.records] == [2, 0, 0]


def test_points_of_one_label_are_numbered_if_each_object_has_as_many(tmp_path) -> None:
    for name in "ab":
        write_image(tmp_path / f"{name}.png")

    def image(name: str, *places: str) -> str:
        points = "".join(f'<points label="key_point" points="{place}"/>' for place in places)
        return f'<image name="{name}.png">{points}</image>'

    path = save(tmp_path, "", image("a", "1,2", "3,4", "3,9"), image("b", "5,6", "7,8", "7,9"))
    conversion = read_cvat(path)
    assert conversion.skeleton.keypoints == ("1", "2", "3")
    assert noses(conversion) == {"a.png": [0.5, 1.5], "b.png": [4.5, 5.5]}
    assert conversion.notes[0].startswith("all single points have the label 'key_point'")
    # Two points could be one keypoint of two animals.
    for other in (image("b", "5,6"), image("b", "5,6", "7,8")):
        save(tmp_path, "", image("a", "1,2", "3,4"), other)
        with pytest.raises(DataError, match="a second point of that label"):
            read_cvat(path)


def test_a_box_around_one_of_several_objects_is_its_box(tmp_path) -> None:
    write_image(tmp_path / "a.png")

    def object_at(x: float) -> str:
        return f'<points label="cow" points="{x},5;{x + 5},9"/>'

    def box(left: float, right: float) -> str:
        return f'<box label="cow" xtl="{left}" ytl="0" xbr="{right}" ybr="10"/>'

    # The second box is around two objects, and the third object is in two boxes.
    shapes = [object_at(1), object_at(12), object_at(21)]
    boxes = [box(0, 10), box(11, 30), box(20, 29), box(20, 28)]
    image = f'<image name="a.png">{"".join(shapes + boxes)}</image>'
    conversion = read_cvat(save(tmp_path, "", image))
    assert [each.get("bbox") for each in conversion.records] == [[0, 0, 10, 10], None, None]
    assert conversion.left_out == {"shape: box that is no object's": 3}
