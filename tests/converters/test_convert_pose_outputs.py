"""Results of OpenPose, AlphaPose and MediaPipe."""

import json
from pathlib import Path
from typing import Any

import pytest
from conversion_checks import write_image
from label_fuzz import read_garbled

from simplebase.converters.pose_outputs.reader import SKELETONS, read_pose_outputs
from simplebase.converters.recognition.recognising import recognise
from simplebase.errors import ArgumentError, DataError, MissingFileError, SimplebaseWarning
from simplebase.skeletons import load_skeleton

NOWHERE = [0.0, 0.0, 0.0]


def flat(count: int, *points: list[float]) -> list[float]:
    """The given points, and others that were not found."""
    return [value for point in [*points, *[NOWHERE] * (count - len(points))] for value in point]


def openpose(*people: list[float]) -> dict[str, Any]:
    return {"version": 1.3, "people": [{"pose_keypoints_2d": each} for each in people]}


def alphapose(image: str, *points: list[float], count: int = 26) -> dict[str, Any]:
    fields = {"image_id": image, "category_id": 1, "keypoints": flat(count, *points)}
    return fields | {"score": 2.5, "box": [1, 2, 90, 150], "idx": [0.0]}


def landmarks(count: int = 33) -> list[dict[str, float]]:
    return [{"x": i / 40, "y": 0.5, "z": 0.1, "visibility": 0.9} for i in range(count)]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    for name in ("a", "b", "c_1"):
        write_image(tmp_path / "frames" / f"{name}.jpg", 200, 400)
    return tmp_path / "frames"


def save(folder: Path, content: Any, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


PERSON = flat(25, [10, 20, 0.9], [30, 60, 0.3], [50, 70, 0.29])


def test_openpose_files_belong_to_the_images_of_their_names(frames, written) -> None:
    save(frames, openpose(PERSON, flat(25, [1, 2, 1], [70, 90, 1])), "c_1_keypoints.json")
    save(frames, openpose(), "b_keypoints.json")
    conversion = read_pose_outputs(frames)
    records = written(conversion).records
    assert [*records.paths] == ["c_1.jpg", "c_1.jpg"]
    # A score below 0.3, or of 0, is no label.
    assert records.keypoints[0, :3].tolist() == [[10, 20, 2], [30, 60, 2], [0, 0, 0]]
    assert conversion.skeleton == load_skeleton("openpose25")
    assert conversion.notes[1].endswith("not labelled: 46 of 50")


def test_the_lowest_score_is_chosen(frames) -> None:
    save(frames, openpose(PERSON), "a_keypoints.json")
    for score, labelled in ((0, 3), (0.5, 1)):
        (record,) = read_pose_outputs(frames, min_score=score).records
        assert sum(row[2] > 0 for row in record["joint_self"]) == labelled
    assert read_pose_outputs(frames, min_score=0.95).left_out == {"no labelled keypoint": 1}
    with pytest.raises(ArgumentError, match="between 0 and 1. Received: 30"):
        read_pose_outputs(frames, min_score=30)


def test_images_may_lie_in_another_folder(frames, tmp_path) -> None:
    save(tmp_path / "json", openpose(PERSON), "a_keypoints.json")
    assert read_pose_outputs(tmp_path / "json").left_out == {"image not found": 1}
    conversion = read_pose_outputs(tmp_path / "json", image_folder=frames)
    assert [record["img_paths"] for record in conversion.records] == ["a.jpg"]
    with pytest.raises(MissingFileError, match="the image folder does not exist"):
        read_pose_outputs(frames, image_folder=frames / "none")


def test_alphapose_has_a_file_for_all_images_and_boxes(frames) -> None:
    found = alphapose("b.jpg", [10, 20, 0.9], [40, 80, 1.01])
    save(frames, [found, alphapose("gone.jpg", [1, 2, 0.9])], "alphapose-results.json")
    conversion = read_pose_outputs(frames)
    (record,) = conversion.records
    assert record["joint_self"][:2] == [[10, 20, 2], [40, 80, 2]]
    assert record["bbox"] == [1, 2, 90, 150]
    assert conversion.skeleton.name == "halpe26"
    assert conversion.left_out == {"image not found": 1}


@pytest.mark.parametrize("key", ["landmarks", "pose_landmarks", "poseLandmarks"])
@pytest.mark.parametrize("nest", [False, True])
def test_mediapipes_landmarks_are_parts_of_the_images_sides(frames, key, nest) -> None:
    save(frames, {key: [landmarks()] if nest else landmarks()}, "a.json")
    conversion = read_pose_outputs(frames)
    (record,) = conversion.records
    # Of 400 x 200 pixels, whose first is centred at half a pixel.
    assert record["joint_self"][8] == pytest.approx([79.5, 99.5, 2])
    assert conversion.skeleton.name == "blazepose33"


def test_mediapipes_text_is_read_and_its_world_landmarks_are_not(frames) -> None:
    marks = "".join(f"landmark {{ x: {i / 40} y: 0.5 }}" for i in range(21))
    world = marks.replace("0.5", "9")
    text = f'# a hand\nlandmarks {{ {marks} }}\nlabel: "Right {{"\nworld_landmarks {{ {world} }}'
    conversion = read_pose_outputs(save(frames, text, "a.pbtxt"))
    assert conversion.records[0]["joint_self"][8] == pytest.approx([79.5, 99.5, 2])
    assert conversion.skeleton.name == "hand21"


def test_a_missing_or_damaged_image_of_mediapipe_is_counted(frames) -> None:
    save(frames, {"landmarks": landmarks()}, "a.json")
    save(frames, {"landmarks": landmarks()}, "gone.json")
    (frames / "b.jpg").write_bytes(b"no image")
    save(frames, {"landmarks": landmarks()}, "b.json")
    assert read_pose_outputs(frames).left_out == {
        "image not found": 1,
        "no size: the image cannot be read": 1,
    }


def test_other_files_are_passed_over(frames) -> None:
    save(frames, openpose(PERSON), "a_keypoints.json")
    save(frames, {"shapes": []}, "b.json")
    assert read_pose_outputs(frames).left_out == {
        "file: no results of OpenPose, AlphaPose or MediaPipe": 1
    }


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_converted(frames) -> None:
    save(save(frames, openpose(PERSON), "a_keypoints.json"), "{", "b_keypoints.json")
    with pytest.warns(SimplebaseWarning, match="1 of 2 .* cannot be read and are left out"):
        conversion = read_pose_outputs(frames)
    assert len(conversion.records) == 1
    assert conversion.left_out == {"file: cannot be read": 1}


BAD = {
    "none": ([], "without a pose"),
    "nobody": (openpose(), "without a pose"),
    "length": (openpose([1, 2]), "expected x, y, score of each point. Received 2"),
    "count": (openpose(flat(19, [9, 9, 1])), "OpenPose's results have 19 points. Those of 25, 18"),
    "changes": (openpose(PERSON, flat(18, [9, 9, 1])), r"\[0\] has 25 points, .*\[1\].* 18"),
    "nan": (openpose([float("nan"), *PERSON[1:]]), r"index 0: nan"),
    "parts": (openpose(flat(25, [0.5, 0.2, 1])), "are not pixels.*--keypoint_scale 0"),
    "coco results": ([alphapose("a.jpg") | {"image_id": 7}], "`simplebase eval`"),
    "cut": (json.dumps(openpose(PERSON))[:-5], "is not valid JSON"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_a_sentence(frames, content, message) -> None:
    with pytest.raises(DataError, match=message):
        read_pose_outputs(save(frames, content, "a_keypoints.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("landmark { x: 1", "is cut off: 1 braces are not closed"),
        ("landmark { x: 1 }\n}", "line 2: expected `name: value`"),
        ("landmark { y: 1 }", "expected a number. Received: None"),
    ],
)
def test_bad_text_of_mediapipe_is_refused(frames, text, message) -> None:
    with pytest.raises(DataError, match=message):
        read_pose_outputs(save(frames, text, "a.pbtxt"))


def test_results_of_two_tools_are_refused(frames) -> None:
    save(frames, openpose(PERSON), "a_keypoints.json")
    save(frames, [alphapose("b.jpg", [1, 2, 1])], "b.json")
    with pytest.raises(DataError, match=r"of OpenPose, .*b\.json of AlphaPose"):
        read_pose_outputs(frames)


def test_each_number_of_points_has_the_skeleton_of_as_many_keypoints() -> None:
    for by_count in SKELETONS.values():
        for count, name in by_count.items():
            assert load_skeleton(name).num_keypoints == count


REAL = [
    # As the files say; landmark 0 of MediaPipe is 0.46507242, 0.41610304 of 1000 x 667 pixels.
    ("openpose_style", "000000000000.jpg", [360, 184], 1),
    ("alphapose", "0.jpg", [167.5078125, 48.125], 30),
    ("mediapipe", "pose_landmarks.jpg", [464.57242, 277.0407], None),
]


@pytest.mark.parametrize(("tool", "image", "nose", "count"), REAL)
def test_real_results_have_the_coordinates_that_their_source_gives(
    shared, tmp_path, tool, image, nose, count
) -> None:
    source = shared / "data" / "labels" / "pose_outputs" / tool
    write_image(tmp_path / image, 667, 1000)
    if tool == "mediapipe":
        source = source / "pose_landmarks.pbtxt"
    conversion = read_pose_outputs(source, image_folder=tmp_path)
    assert conversion.records[0]["joint_self"][0] == pytest.approx([*nose, 2], abs=0.001)
    assert len(conversion.records) == 1
    assert conversion.left_out.total() == (count or 1) - 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a_keypoints.json", openpose(PERSON)),
        ("a.json", {"landmarks": landmarks()}),
        ("b.json", [alphapose("b.jpg", [10, 20, 0.9], [40, 80, 1])]),
        ("a.pbtxt", "landmark { x: 0.5 y: 0.25 visibility: 0.75 }\n" * 33),
    ],
)
def test_garbled_files_are_read_or_refused(frames, name, content) -> None:
    save(frames, content, name)
    assert read_garbled(frames / name, read_pose_outputs) > 20


@pytest.mark.parametrize(("people", "key"), [("people", "pose_keypoints_2d"), ("bodies", "joints")])
def test_alphapose_writes_openposes_points_by_image_too(frames, people, key) -> None:
    """The forms `open` and `cmu`, which `sep-json` repeats."""
    image = {"version": "AlphaPose v0.3", people: [{key: flat(18, [10, 20, 0.9], [30, 60, 0.8])}]}
    save(frames, {"a.jpg": image, "b.jpg": image | {people: []}}, "alphapose-results.json")
    save(frames, image, "sep-json/a.json")
    conversion = read_pose_outputs(frames)
    assert [record["img_paths"] for record in conversion.records] == ["a.jpg"]
    assert conversion.records[0]["joint_self"][:2] == [[10, 20, 2], [30, 60, 2]]
    assert conversion.notes[0] == "results of AlphaPose, skeleton openpose18"
    assert recognise(frames).format == "pose-outputs"
    (frames / "alphapose-results.json").unlink()
    assert recognise(frames).format == "pose-outputs"
    again = read_pose_outputs(frames).records
    assert [record["joint_self"] for record in again] == [conversion.records[0]["joint_self"]]


def test_faces_and_hands_of_openpose_are_counted(frames) -> None:
    person = openpose(PERSON)
    person["people"][0] |= {"face_keypoints_2d": flat(70), "hand_left_keypoints_2d": []}
    save(frames, person, "a_keypoints.json")
    assert "faces and hands, which are not read: 1" in read_pose_outputs(frames).notes


@pytest.mark.parametrize(
    "content",
    [
        [openpose(flat(18, [10, 20, 0.9], [30, 60, 0.3])) | {"canvas_width": 400}],
        {"pose_landmarks": {"landmark": landmarks()}},
        landmarks(),
    ],
    ids=["controlnet", "protobuf as dictionary", "list"],
)
def test_other_forms_of_one_image_are_read(frames, content) -> None:
    save(frames, content, "a.json")
    assert recognise(frames).format == "pose-outputs"
    assert [record["img_paths"] for record in read_pose_outputs(frames).records] == ["a.jpg"]
