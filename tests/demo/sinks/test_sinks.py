"""Files and folders that the demo writes."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from coloured_dots import SKELETON, TRIANGLE, dots, frame

from simplebase import Pose, load_dataset, read_image
from simplebase.converters.coco import read_coco
from simplebase.converters.conversion import write_dataset
from simplebase.converters.cvat.reader import read_cvat
from simplebase.converters.labelme import read_labelme
from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks import SourceInfo, check_output, open_sink, output_format
from simplebase.demo.sources import open_source
from simplebase.errors import ArgumentError, DataError, OutputExistsError, SimplebaseWarning
from simplebase.videos.frame import Frame

INFO = SourceInfo("clip.mp4", "m.keras", SKELETON, 25.0, True, 0.1)
BOX = (30.0, 20.0, 70.0, 72.5)


def pose(dx: float = 0.0, scores: Any = (0.9, 0.5, 0.05), box: Any = BOX) -> Pose:
    points = np.array(TRIANGLE, np.float32) + [dx, 0.25]
    keypoints = np.concatenate([points, np.array(scores, np.float32)[:, None]], axis=1)
    return Pose(keypoints.astype(np.float32), box, SKELETON, identity=7)


def results(
    count: int, poses: Any = None, size: Any = (120, 160), fps: float = 25.0
) -> list[FramePoses]:
    found = []
    for index in range(count):
        image = dots([TRIANGLE], size)
        shown = [pose()] if poses is None else poses
        found.append(FramePoses(frame(image, index, fps), shown, picture=image))
    return found


def write(path: Path, found: list[FramePoses], overwrite: bool = False, **info: Any) -> Path:
    kind = output_format(path)
    with open_sink(path, kind, replace(INFO, **info), overwrite=overwrite) as sink:
        for each in found:
            sink(each)
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "image"),
        ("a.PNG", "image"),
        ("a.mp4", "video"),
        ("a.webm", "video"),
        ("a.json", "json"),
        ("a.csv", "csv"),
        ("out", "folder"),
        ("x/labelme", "labelme"),
        ("coco", "coco"),
    ],
)
def test_an_outputs_name_says_what_it_is(name: str, kind: str) -> None:
    assert output_format(name) == kind


def test_a_name_that_says_nothing_is_told() -> None:
    with pytest.raises(ArgumentError, match="out.txt: an image ends in .jpg"):
        output_format("out.txt")


def test_json_holds_each_frame_and_pose(tmp_path: Path) -> None:
    found = [*results(2), *results(1, poses=[])]
    content = json.loads(write(tmp_path / "a.json", found).read_text())
    assert content["keypoints"] == ["red", "green", "blue"] and content["fps"] == 25
    assert [len(each["poses"]) for each in content["frames"]] == [1, 1, 0]
    second = content["frames"][1]
    assert (second["frame"], second["time"], second["width"], second["height"]) == (
        1,
        0.04,
        160,
        120,
    )
    assert second["poses"] == [
        {
            "id": 7,
            "box": [30.0, 20.0, 70.0, 72.5],
            "score": pytest.approx((0.9 + 0.5 + 0.05) / 3, abs=1e-4),
            "keypoints": [[60.0, 30.25, 0.9], [40.0, 70.25, 0.5], [90.0, 80.25, 0.05]],
        }
    ]


def test_json_of_no_frames_is_still_json(tmp_path: Path) -> None:
    assert json.loads(write(tmp_path / "a.json", []).read_text())["frames"] == []


def test_csv_has_a_row_for_each_pose(tmp_path: Path) -> None:
    found = results(1, poses=[pose(), pose(5)])
    path = write(tmp_path / "a.csv", [*found, *results(1, poses=[])])
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == 2
    assert rows[0]["frame"] == "0" and rows[0]["id"] == "7" and rows[0]["box_height"] == "72.5"
    assert [float(row["red_x"]) for row in rows] == [60.0, 65.0]
    assert float(rows[1]["blue_score"]) == 0.05


def test_images_are_named_and_have_no_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", results(1), is_sequence=False)
    (only,) = json.loads(path.read_text())["frames"]
    assert only["file"] == "clip_000000.jpg" and "time" not in only


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".webm"])
@pytest.mark.parametrize("size", [(120, 160), (121, 159)], ids=["even", "odd"])
def test_a_video_has_all_frames_at_the_sources_rate_and_size(
    tmp_path: Path, suffix: str, size: Any
) -> None:
    path = write(tmp_path / f"a{suffix}", results(15, size=size, fps=12.5), fps=12.5)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5, rel=0.01)
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    assert len(frames) == 15
    # Encoders want even sides: an odd one grows by a pixel.
    assert frames[0].shape[:2] == tuple(side + side % 2 for side in size)
    expected = results(1, size=size)[0].picture
    assert expected is not None
    shown = frames[7][: size[0], : size[1]].astype(float)
    assert abs(shown - expected).mean() < 6
    (x, y), *_ = TRIANGLE
    assert shown[y, x, 0] > 150 > 100 > shown[y, x, 2]


def test_pictures_of_other_sizes_are_fitted_into_the_video(tmp_path: Path) -> None:
    found = [*results(2), *results(2, size=(240, 160)), *results(2, size=(60, 80))]
    source = open_source(write(tmp_path / "a.avi", found, is_sequence=False))
    images = []
    while (each := source.read()) is not None:
        images.append(each.image)
    assert {image.shape for image in images} == {(120, 160, 3)}
    # Twice as high: half as wide, with black at both sides. Smaller ones stay as they are.
    assert images[2][:, :38].max() < 20 < images[2][100:, 45:115, 0].min()
    assert images[4][:28].max() < 20 < images[4][32:36, 90:118, 0].min()


def test_a_folder_has_a_picture_for_each_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "out", results(3))
    names = sorted(each.name for each in path.iterdir())
    assert names == [*(f"clip_{n:06d}.jpg" for n in range(3)), "simplebase.txt"]
    assert read_image(path / names[0]).shape == (120, 160, 3)


def test_a_picture_of_a_kind_that_is_not_written_becomes_a_png(tmp_path: Path) -> None:
    found = results(2)
    named = [
        replace(each, frame=replace(each.frame, name=name))
        for each, name in zip(found, ("a.gif", "sub/a.JPG"), strict=True)
    ]
    path = write(tmp_path / "out", named)
    names = sorted(each.relative_to(path).as_posix() for each in path.rglob("*.*"))
    assert names == ["a.gif.png", "simplebase.txt", "sub/a.JPG"]
    assert read_image(path / "a.gif.png").shape == (120, 160, 3)


@pytest.mark.parametrize("name", ["out", "labelme", "coco", "cvat"])
def test_a_folder_is_replaced_only_if_it_is_ours(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, results(3))
    with pytest.raises(OutputExistsError, match="pass --overwrite"):
        write(path, results(1))
    write(path, results(1), overwrite=True)
    assert len([each for each in path.rglob("*.jpg")]) == 1
    strange = tmp_path / "mine" / name
    strange.mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="not an earlier output"):
        write(strange, results(1), overwrite=True)


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("a.json", "a.csv", "a.mp4", "out", "labelme", "cvat"):
        with pytest.raises(DataError, match="midway"):
            with open_sink(tmp_path / name, output_format(name), INFO, overwrite=False) as sink:
                sink(results(1)[0])
                raise DataError("midway")
    assert list(tmp_path.iterdir()) == []


def test_labelme_labels_come_back_through_the_converter(tmp_path: Path) -> None:
    found = results(2, poses=[pose(), pose(40)])
    folder = write(tmp_path / "labelme", found)
    shapes = json.loads((folder / "clip_000000.json").read_text())["shapes"]
    # labelme counts from a pixel's corner.
    assert shapes[0]["points"] == [[60.5, 30.75]] and shapes[0]["label"] == "red"
    assert [each["label"] for each in shapes] == ["red", "green", "dots"] * 2
    dataset = tmp_path / "set"
    write_dataset(read_labelme(folder, skeleton=SKELETON), dataset)
    records = load_dataset(dataset, SKELETON).records
    assert len(records) == 4
    np.testing.assert_allclose(records.keypoints[0, :2, :2], pose().keypoints[:2, :2], atol=0.01)
    # What was hardly found is no label.
    assert records.keypoints[0, :, 2].tolist() == [2, 2, 0]
    np.testing.assert_allclose(records.boxes[0], BOX)


def test_coco_labels_come_back_through_the_converter(tmp_path: Path) -> None:
    found = [*results(2, poses=[pose(), pose(40)]), *results(1, poses=[])]
    found[2] = FramePoses(frame(dots([]), 2))
    folder = write(tmp_path / "coco", found)
    content = json.loads((folder / "annotations" / "train.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [
        f"clip_{n:06d}.jpg" for n in range(3)
    ]
    assert content["annotations"][1]["keypoints"][:3] == [100.0, 30.25, 2]
    assert content["annotations"][0]["bbox"] == list(BOX)
    conversion = read_coco(
        folder / "images", train_annotations=folder / "annotations" / "train.json"
    )
    write_dataset(conversion, tmp_path / "set")
    dataset = load_dataset(tmp_path / "set")
    assert dataset.skeleton.keypoints == SKELETON.keypoints
    np.testing.assert_allclose(
        dataset.records.keypoints[0, :2, :2], pose().keypoints[:2, :2], atol=0.01
    )


def test_cvat_labels_come_back_through_the_converter(tmp_path: Path) -> None:
    found = [*results(2, poses=[pose(), pose(40)]), FramePoses(frame(dots([]), 2))]
    folder = write(tmp_path / "cvat", found)
    write_dataset(read_cvat(folder, val_split=0), tmp_path / "set")
    dataset = load_dataset(tmp_path / "set")
    assert dataset.skeleton.keypoints == SKELETON.keypoints
    ends = [(link.start, link.end) for link in dataset.skeleton.links]
    assert ends == [(link.start, link.end) for link in SKELETON.links]
    keypoints, boxes = dataset.records.keypoints, dataset.records.boxes
    assert len(keypoints) == 4 and keypoints[0, :, 2].tolist() == [2, 2, 0]
    np.testing.assert_allclose(keypoints[0, :2, :2], pose().keypoints[:2, :2], atol=0.01)
    np.testing.assert_allclose(keypoints[1, :2, :2], pose(40).keypoints[:2, :2], atol=0.01)
    np.testing.assert_allclose(boxes[0], BOX)
    # Frames without an object are in the file too, for labelling.
    assert (folder / "annotations.xml").read_text().count("<image ") == 3
    bad = replace(found[0].frame, name="a\x01.jpg")
    with pytest.raises(DataError, match="XML cannot hold"):
        write(tmp_path / "new" / "cvat", [FramePoses(bad, [pose()])])


def test_the_only_object_of_a_frame_has_no_group_in_labelme(tmp_path: Path) -> None:
    # A point that is added in labelme has none either, and belongs to it.
    for name, poses, groups in (("a", [pose()], [None]), ("b", [pose(), pose(40)], [1, 2])):
        folder = write(tmp_path / name / "labelme", results(1, poses=poses))
        content = json.loads((folder / "clip_000000.json").read_text())
        assert {each["group_id"] for each in content["shapes"]} == set(groups)
    shape = {"label": "blue", "points": [[90.5, 80.5]], "group_id": None, "shape_type": "point"}
    file = tmp_path / "a" / "labelme" / "clip_000000.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"shapes": [*content["shapes"], shape]}))
    conversion = read_labelme(file.parent)
    assert len(conversion.records) == 1
    np.testing.assert_allclose(conversion.records[0]["bbox"], BOX)
    # The order and the lines are the model's.
    assert conversion.skeleton.keypoints == SKELETON.keypoints
    assert conversion.skeleton.links == SKELETON.links
    assert np.array(conversion.records[0]["joint_self"])[:, 2].tolist() == [2, 2, 2]


def test_a_box_that_is_only_the_whole_frame_is_no_label(tmp_path: Path) -> None:
    whole = pose(box=(0.0, 0.0, 160.0, 120.0), scores=(0.9, 0.9, 0.9))
    folder = write(tmp_path / "labelme", results(1, poses=[whole]))
    shapes = json.loads((folder / "clip_000000.json").read_text())["shapes"]
    assert {each["shape_type"] for each in shapes} == {"point"}
    folder = write(tmp_path / "coco", results(1, poses=[whole]))
    (label,) = json.loads((folder / "annotations" / "train.json").read_text())["annotations"]
    # Of the keypoints, 50 x 50, a fifth larger.
    assert label["bbox"][2:] == pytest.approx([60, 60])


def test_images_that_are_files_are_copied_to_labels_as_they_are(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), dots([TRIANGLE]))
    one = FramePoses(Frame(read_image(photo), 0, 0.0, "sub/photo.png", photo), [pose()])
    folder = write(tmp_path / "labelme", [one])
    assert (folder / "sub" / "photo.png").read_bytes() == photo.read_bytes()
    assert json.loads((folder / "sub" / "photo.json").read_text())["imagePath"] == "photo.png"


def test_names_that_labelme_cannot_tell_apart_are_told_before(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "b.png"):
        cv2.imwrite(str(tmp_path / name), dots([TRIANGLE]))
    source = open_source(tmp_path)
    with pytest.raises(DataError, match="a.png and a.jpg differ only in their suffix"):
        check_output(tmp_path / "labelme", "labelme", source, overwrite=False)
    check_output(tmp_path / "coco", "coco", source, overwrite=False)


def test_what_lies_outside_of_the_frame_is_no_label(tmp_path: Path) -> None:
    # The third, blue, is 80 pixels left of x = 90 and outside of the frame.
    outside = pose(dx=-80.0, scores=(0.9, 0.9, 0.9))
    folder = write(tmp_path / "coco", results(1, poses=[outside]))
    (label,) = json.loads((folder / "annotations" / "train.json").read_text())["annotations"]
    assert label["keypoints"] == [*(0, 0, 0), *(0, 0, 0), 10.0, 80.25, 2]
    folder = write(tmp_path / "labelme", results(1, poses=[outside]))
    shapes = json.loads((folder / "clip_000000.json").read_text())["shapes"]
    assert [each["label"] for each in shapes] == ["blue", "dots"]


def levels_of(path: Path) -> list[int]:
    """Which multiple of 50 each frame of a video is filled with."""
    source = open_source(path)
    found = []
    while (each := source.read()) is not None:
        found.append(round(each.image.mean() / 50))
    source.close()
    return found


@pytest.mark.parametrize("is_live", [True, False])
def test_a_video_of_a_sequence_takes_as_long_as_it_took(tmp_path: Path, is_live: bool) -> None:
    found = []
    for n, seconds in enumerate((3.0, 3.1, 3.4, 3.41, 3.5)):
        image = np.full((64, 64, 3), 50 * n, np.uint8)
        found.append(FramePoses(Frame(image, n, seconds, f"{n}.jpg"), picture=image))
    path = write(tmp_path / "a.avi", found, fps=10.0, is_live=is_live)
    # Of two frames in the same tenth of a second the one that is shown longer stays.
    assert levels_of(path) == [0, 1, 1, 1, 3, 4]


def test_the_last_picture_of_a_video_is_shown_as_long_as_its_frame(tmp_path: Path) -> None:
    found = []
    for n in range(2):
        image = np.full((64, 64, 3), 50 * n, np.uint8)
        at = Frame(image, n, n / 10, f"{n}.jpg", duration=0.4 if n else 0.1)
        found.append(FramePoses(at, picture=image))
    assert levels_of(write(tmp_path / "a.avi", found, fps=10.0)) == [0, 1, 1, 1, 1]


def test_images_are_shown_for_one_frame_each(tmp_path: Path) -> None:
    found = results(3, fps=1.0)
    assert len(levels_of(write(tmp_path / "a.avi", found, fps=10.0, is_sequence=False))) == 3


def test_a_gap_of_a_live_source_is_cut(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    times = (0.0, 1000.0, 1000.1)
    found = [FramePoses(Frame(image, 0, each, "x.jpg"), picture=image) for each in times]
    path = write(tmp_path / "a.avi", found, fps=10.0, is_live=True)
    assert len(levels_of(path)) == 1 + 20 + 1


def test_a_gap_of_a_video_file_is_kept_up_to_ten_minutes(tmp_path: Path) -> None:
    image = np.zeros((16, 16, 3), np.uint8)

    def after(seconds: float) -> list[FramePoses]:
        times = (0.0, seconds)
        return [FramePoses(Frame(image, 0, each, "x.jpg"), picture=image) for each in times]

    assert len(levels_of(write(tmp_path / "a.avi", after(500.0), fps=1.0))) == 501
    with pytest.warns(SimplebaseWarning, match="no frame between 0.0 and 90000.0 s. .* 600 s"):
        path = write(tmp_path / "b.avi", after(90_000.0), fps=1.0)
    assert len(levels_of(path)) == 601


def test_a_video_without_a_frame_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a.mp4: there was no frame, so no video is written"):
        write(tmp_path / "a.mp4", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".webm"])
def test_a_disk_that_is_full_while_a_video_is_written_is_told(tmp_path: Path, suffix: str) -> None:
    import resource

    noise = np.random.default_rng(0).integers(0, 256, (60, 120, 160, 3), np.uint8)
    found = [FramePoses(frame(image, n), picture=image) for n, image in enumerate(noise)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DataError, match="of 60 frames only .* Is the disk"):
            write(tmp_path / f"a{suffix}", found)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_one_image_cannot_hold_a_video(video: Path, tmp_path: Path) -> None:
    source = open_source(video)
    with pytest.raises(ArgumentError, match=r"out.jpg is one image, but .*clip.mp4 has 12 frames"):
        check_output(tmp_path / "out.jpg", "image", source, overwrite=False)
