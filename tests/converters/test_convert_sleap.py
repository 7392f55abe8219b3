"""SLEAP's labels files."""

import gc
import json
import tempfile
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from conversion_checks import readable_or_refused, write_image
from garbled import garbled

from simplebase.converters import read_sleap, write_dataset
from simplebase.errors import DataError, MissingFileError
from simplebase.images import decode_image, read_image

FRAMES = [
    ("frame_id", "u8"),
    ("video", "u4"),
    ("frame_idx", "u8"),
    ("instance_id_start", "u8"),
    ("instance_id_end", "u8"),
]
INSTANCES = [
    ("instance_id", "i8"),
    ("instance_type", "u1"),
    ("frame_id", "u8"),
    ("skeleton", "u4"),
    ("track", "i4"),
    ("from_predicted", "i8"),
    ("score", "f4"),
    ("point_id_start", "u8"),
    ("point_id_end", "u8"),
]
POINTS = [("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")]
USER, PREDICTED = 0, 1


def edge(source: int, target: int, **kind: Any) -> dict[str, Any]:
    return {"source": source, "target": target, "key": 0, "type": kind}


NEW_LINE = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
NEW_SYMMETRY = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [2]}]}
METADATA = {
    "nodes": [{"name": "wing"}, {"name": "head"}, {"name": "other wing"}],
    "skeletons": [
        {
            "nodes": [{"id": 1}, {"id": 0}, {"id": 2}],
            "links": [
                edge(1, 0, **NEW_LINE),
                edge(1, 2, **{"py/id": 1}),
                edge(0, 2, **NEW_SYMMETRY),
                edge(2, 0, **{"py/id": 2}),
            ],
        }
    ],
}
FIRST = [[10, 20, True], [5, 6, True], [7, 8, True]]
SECOND = [[11.5, 21, True], [1, 2, False], [np.nan, np.nan, True]]
VIDEO = {"backend": {"filename": "C:\\data\\clip.avi", "grayscale": True}}


def save(
    path: Path,
    frames: list[tuple[int, int, list[tuple[int, Any]]]],
    *,
    videos: list[Any] = [VIDEO],  # noqa: B006
    version: float = 1.2,
    metadata: Any = METADATA,
) -> Path:
    """A labels file of frames: video, frame, and its instances: user or predicted, points."""
    rows, instances = [], []
    points: dict[int, list[tuple[Any, ...]]] = {USER: [], PREDICTED: []}
    for number, (video, index, held) in enumerate(frames):
        start = len(instances)
        for kind, each in held:
            first = len(points[kind])
            points[kind] += [(*point, True) for point in each]
            stop = len(points[kind])
            instances.append((len(instances), kind, number, 0, -1, -1, 0, first, stop))
        rows.append((number, video, index, start, len(instances)))
    with h5py.File(path, "w") as file:
        group = file.create_group("metadata")
        group.attrs["format_id"], group.attrs["json"] = version, np.bytes_(json.dumps(metadata))
        file["videos_json"] = np.array([json.dumps(each) for each in videos], dtype="S")
        file["frames"] = np.array(rows, dtype=FRAMES)
        file["instances"] = np.array(instances, dtype=INSTANCES)
        file["points"] = np.array(points[USER], dtype=POINTS)
        file["pred_points"] = np.array(points[PREDICTED], dtype=POINTS)
    return path


def embed(path: Path, group: str, images: list[Any], frames: list[int], **attributes: Any) -> Path:
    with h5py.File(path, "a") as file:
        parts = [np.frombuffer(each, "i1") for each in images]
        kind = h5py.vlen_dtype(np.dtype("i1"))
        video = file.create_dataset(f"{group}/video", (len(parts),), dtype=kind)
        for row, part in enumerate(parts):
            video[row] = part
        video.attrs.update(attributes)
        file[f"{group}/frame_numbers"] = frames
        source = {"backend": {"filename": "D:\\clips\\flies.mp4"}}
        file.create_group(f"{group}/source_video").attrs["json"] = json.dumps(source)
    return path


def png(level: Any) -> bytes:
    return cv2.imencode(".png", np.full((40, 30, 3), level, np.uint8))[1].tobytes()


def embedded_video(number: int) -> dict[str, Any]:
    return {"backend": {"filename": ".", "dataset": f"video{number}/video"}}


def write_clip(path: Path, count: int = 6) -> Path:
    """A video whose frames are grey, each 40 levels brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for index in range(count):
        writer.write(np.full((48, 64, 3), 40 * index, np.uint8))
    writer.release()
    return path


def joints(conversion: Any) -> list[Any]:
    return [record["joint_self"] for record in conversion.records]


@pytest.mark.parametrize(
    "name", ["minimal_instance.pkg.slp", "minimal_instance.slp", "typical.slp"]
)
def test_the_tools_own_examples_have_the_coordinates_they_should(shared, tmp_path, name) -> None:
    write_clip(tmp_path / "centered_pair_low_quality.avi").rename(
        tmp_path / "centered_pair_low_quality.mp4"
    )
    conversion = read_sleap(shared / "data/labels/sleap" / name, video_folder=tmp_path)
    assert conversion.skeleton.keypoints == ("A", "B")
    expected = [[92.652, 202.726, 2], [152.342, 158.424, 2], [205.930, 187.890, 2]]
    found = [row for joint in joints(conversion) for row in joint]
    np.testing.assert_allclose(found[:3], expected, atol=1e-3)
    assert len(conversion.records) == 2
    assert [*conversion.images] == ["centered_pair_low_quality/000000.png"]


def test_the_image_in_the_tools_own_example_is_written_as_it_is(shared, written) -> None:
    path = shared / "data/labels/sleap/minimal_instance.pkg.slp"
    dataset = written(read_sleap(path))
    image = dataset.images.name(0)
    assert read_image(image).shape == (384, 384, 3)
    with h5py.File(path) as file:
        assert Path(image).read_bytes() == file["video0/video"][0].astype("u1").tobytes()


def test_frames_are_those_of_the_video_beside_the_file(tmp_path, written) -> None:
    write_clip(tmp_path / "clip.avi")
    frames = [(0, 4, [(USER, FIRST), (USER, SECOND)]), (0, 1, [(USER, FIRST)])]
    conversion = read_sleap(save(tmp_path / "a.slp", [*frames, (0, 99, [(USER, FIRST)])]))
    assert conversion.left_out == {"image not found": 1}
    # Not visible, or without a place: not labelled.
    assert joints(conversion)[:2] == [
        [[10, 20, 2], [5, 6, 2], [7, 8, 2]],
        [[11.5, 21, 2], [0, 0, 0], [0, 0, 0]],
    ]
    dataset = written(conversion)
    levels = {
        Path(dataset.images.name(index)).name: read_image(dataset.images.name(index)).mean()
        for index in range(len(dataset))
    }
    assert levels == {
        "000004.png": pytest.approx(160, abs=2),
        "000001.png": pytest.approx(40, abs=2),
    }


def test_extracted_frames_do_not_stay_in_the_temporary_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write_clip(tmp_path / "clip.avi")
    conversion = read_sleap(save(tmp_path / "a.slp", [(0, 0, [(USER, FIRST)])]))
    assert list(tmp_path.glob("simplebase-frames-*/0.png"))
    write_dataset(conversion, tmp_path / "out")
    del conversion
    gc.collect()
    assert not list(tmp_path.glob("simplebase-frames-*"))


def test_an_absent_video_is_counted_and_named(tmp_path) -> None:
    write_clip(tmp_path / "clip.avi")
    gone = {"backend": {"filename": "gone.mp4"}}
    frames = [(number, 0, [(USER, FIRST)]) for number in (0, 1)]
    conversion = read_sleap(save(tmp_path / "a.slp", frames, videos=[VIDEO, gone]))
    assert conversion.left_out == {"image not found": 1}
    assert f"videos not found in {tmp_path}: 1, such as gone.mp4" in conversion.notes
    only = read_sleap(save(tmp_path / "b.slp", frames[:1], videos=[gone]))
    with pytest.raises(DataError, match=r"no image of the 1 record .*'gone\.mp4, frame 0'"):
        only.require_records()


def test_a_list_of_images_is_a_video_too(tmp_path) -> None:
    write_image(tmp_path / "shots" / "b.png")
    video = {"backend": {"filename": "a.png", "filenames": ["x/a.png", "/data/shots/b.png"]}}
    frames = [(0, index, [(USER, FIRST)]) for index in (0, 1)]
    conversion = read_sleap(save(tmp_path / "a.slp", frames, videos=[video]))
    assert [each["img_paths"] for each in conversion.records] == ["shots/b.png"]
    assert conversion.left_out == {"image not found": 1}


def test_nodes_links_and_symmetries_come_from_the_file(tmp_path) -> None:
    write_clip(tmp_path / "clip.avi")
    conversion = read_sleap(save(tmp_path / "a.slp", [(0, 0, [(USER, FIRST)])]))
    skeleton = conversion.skeleton
    assert skeleton.keypoints == ("head", "wing", "other wing")
    assert skeleton.horizontal_pairs == (("wing", "other wing"),)
    assert [(link.start, link.end) for link in skeleton.links] == [
        ("head", "wing"),
        ("head", "other wing"),
    ]
    assert "flip pairs, the symmetric nodes of the file: wing/other wing" in conversion.notes


@pytest.mark.parametrize(("version", "x"), [(1.0, 9.5), (1.1, 10)])
def test_old_files_count_from_the_corner_of_a_pixel(tmp_path, version, x) -> None:
    write_clip(tmp_path / "clip.avi")
    path = save(tmp_path / "a.slp", [(0, 0, [(USER, FIRST)])], version=version)
    assert joints(read_sleap(path))[0][0] == [x, x + 10, 2]


def test_user_instances_come_before_predicted_ones(tmp_path) -> None:
    write_clip(tmp_path / "clip.avi")
    frames = [(0, 0, [(USER, FIRST), (PREDICTED, SECOND)]), (0, 1, [(PREDICTED, SECOND)])]
    path = save(tmp_path / "a.slp", frames)
    assert len(read_sleap(path).records) == 1
    assert read_sleap(path).left_out == {"instance: predicted (--predicted takes them)": 2}
    both = read_sleap(path, predicted=True)
    assert [joint[0][0] for joint in joints(both)] == [10, 11.5]
    assert both.left_out == {"instance: predicted, in a frame that has user instances": 1}


@pytest.mark.parametrize(("version", "order"), [(1.2, None), (1.4, "BGR"), (1.4, "RGB")])
def test_embedded_images_have_the_colours_of_the_video(tmp_path, written, version, order) -> None:
    # OpenCV takes RGB for BGR, so files that it wrote for SLEAP have red and blue exchanged.
    pixels = np.full((40, 30, 3), (200, 100, 0), np.uint8)
    stored = pixels[..., ::-1] if order == "RGB" else pixels
    content = cv2.imencode(".png", np.ascontiguousarray(stored))[1].tobytes()
    path = save(
        tmp_path / "a.pkg.slp",
        [(0, 7, [(USER, FIRST)])],
        videos=[embedded_video(0)],
        version=version,
    )
    attributes = {"channel_order": order} if order else {}
    embed(path, "video0", [content], [7], format="png", **attributes)
    dataset = written(read_sleap(path))
    assert Path(dataset.images.name(0)).name == "000007.png"
    assert read_image(dataset.images.name(0))[0, 0].tolist() == [200, 100, 0]


def test_embedded_videos_keep_their_own_numbers(tmp_path) -> None:
    path = save(
        tmp_path / "a.pkg.slp",
        [(2, 30, [(USER, FIRST)]), (5, 0, [(USER, SECOND)]), (5, 1, [(USER, SECOND)])],
        videos=[embedded_video(2), embedded_video(5)],
    )
    embed(path, "video2", [png(20), png(30)], [20, 30])
    embed(path, "video5", [png(0) + b"\0" * 9], [0])
    conversion = read_sleap(path)
    assert [*conversion.images] == ["flies_2/000030.png", "flies_5/000000.png"]
    assert conversion.left_out == {"image not found": 1}
    contents = [image.content() for image in conversion.images.values()]
    assert contents == [png(30), png(0)]


def test_pixels_in_the_file_are_images_too(tmp_path) -> None:
    path = save(tmp_path / "a.slp", [(0, 1, [(USER, FIRST)])], videos=[embedded_video(0)])
    with h5py.File(path, "a") as file:
        file["video0/video"] = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5, 1)
    [image] = read_sleap(path).images.values()
    assert decode_image(image.content(), "a")[..., 0].tolist()[0] == [20, 21, 22, 23, 24]


def damage(path: Path, name: str, **fields: Any) -> Path:
    with h5py.File(path, "a") as file:
        rows = file[name][()]
        for key, value in fields.items():
            rows[key] = value
        file[name][...] = rows
    return path


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("frames", {"video": 3}, r"frames\[0\] is of video 3, which the file does not have"),
        (
            "frames",
            {"instance_id_end": 9},
            "refers to the instances from 0 up to 9, but the file has 1",
        ),
        ("instances", {"skeleton": 1}, "instance of type 0 with skeleton 1"),
        ("instances", {"instance_type": 7}, "instance of type 7"),
        ("instances", {"point_id_end": 2}, "instance with 2 points, but its skeleton has 3 nodes"),
        ("points", {"x": np.inf}, r"points\[0\] is beyond any image: \[inf, 20\.0\]"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, name, fields, message) -> None:
    write_clip(tmp_path / "clip.avi")
    path = damage(save(tmp_path / "a.slp", [(0, 0, [(USER, FIRST)])]), name, **fields)
    with pytest.raises(DataError, match=message):
        read_sleap(path)


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path) -> None:
    path = save(tmp_path / "a.slp", [])
    with h5py.File(path, "a") as file:
        del file["points"]
        file.create_dataset("points", 10**12, dtype=POINTS, chunks=(1000,))
    with pytest.raises(DataError, match="its points would unpack to 18000000000000 bytes"):
        read_sleap(path)


def test_two_nodes_of_one_name_are_refused(tmp_path) -> None:
    metadata = METADATA | {"nodes": [{"name": "a"}, {"name": "a "}, {"name": "b"}]}
    with pytest.raises(DataError, match=r"skeletons\[0\] has two nodes 'a'"):
        read_sleap(save(tmp_path / "a.slp", [], metadata=metadata))


def test_what_is_no_labels_file_is_refused(tmp_path) -> None:
    path = tmp_path / "a.slp"
    with pytest.raises(MissingFileError, match="the SLEAP file does not exist"):
        read_sleap(path)
    with pytest.raises(MissingFileError, match="is a folder"):
        read_sleap(tmp_path)
    path.write_bytes(b"PK\3\4 an archive")
    with pytest.raises(DataError, match="damaged, or not a labels file of SLEAP"):
        read_sleap(path)
    with h5py.File(path, "w") as file:
        file["layers"] = [1]
    with pytest.raises(DataError, match="HDF5 file without metadata"):
        read_sleap(path)


@pytest.mark.filterwarnings("ignore::simplebase.errors.SimplebaseWarning")
def test_damaged_files_are_refused_with_our_errors(tmp_path) -> None:
    path = tmp_path / "a.pkg.slp"
    save(path, [(0, 0, [(USER, FIRST), (PREDICTED, SECOND)])], videos=[embedded_video(0)])
    content = embed(path, "video0", [png(5)], [0], channel_order="RGB").read_bytes()
    for case, damaged in enumerate(garbled(content)):
        path.write_bytes(damaged)
        readable_or_refused(lambda: read_sleap(path), tmp_path / f"out{case}")
