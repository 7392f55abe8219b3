"""DeepLabCut projects, and the same table at the root of a Lightning Pose folder."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conversion_checks import readable_or_refused, write_image
from garbled import garbled

from simplebase.converters import read_deeplabcut, read_lightning_pose
from simplebase.converters.deeplabcut.h5_table import read_keypoint_h5
from simplebase.converters.deeplabcut.table import read_keypoint_csv
from simplebase.errors import DataError, MissingFileError

SINGLE = """\
scorer,Ann,Ann,Ann,Ann,Ann,Ann
bodyparts,nose,nose,left_ear,left_ear,right_ear,right_ear
coords,x,y,x,y,x,y
labeled-data/v1/a.png,10.5,20.25,,,3,4
labeled-data/v1/b.png,11,12,13,14,15,16
"""
SEVERAL = """\
scorer,,,Ann,Ann,Ann,Ann,Ann,Ann
individuals,,,m1,m1,m2,m2,single,single
bodyparts,,,nose,nose,nose,nose,corner,corner
coords,,,x,y,x,y,x,y
labeled-data,v1,a.png,1,2,21,22,0,0
labeled-data,v1,b.png,,,5,6,,
"""
CONFIG = """\
Task: mice
scorer: Ann
video_sets:
  C:\\videos\\v1.avi:
    crop: 0, 30, 0, 40
bodyparts: [nose, right_ear, left_ear]
skeleton: [[nose, left_ear], [left_ear, nose], [bodypart1, bodypart2]]
"""
CONFIG_SEVERAL = """\
scorer: Ann
multianimalproject: true
individuals: [m1, m2]
uniquebodyparts: [corner]
multianimalbodyparts: [nose]
bodyparts: MULTI!
skeleton: []
"""


def project(
    folder: Path, table: str = SINGLE, config: str | None = CONFIG, scorer: str = "Ann"
) -> Path:
    for name in ("a.png", "b.png"):
        write_image(folder / "labeled-data" / "v1" / name)
    if config is not None:
        (folder / "config.yaml").write_text(config)
    (folder / "labeled-data" / "v1" / f"CollectedData_{scorer}.csv").write_text(table)
    return folder


def joints(conversion: Any) -> list[Any]:
    return [record["joint_self"] for record in conversion.records]


def test_the_tools_own_example_has_the_coordinates_it_should(shared) -> None:
    folder = shared / "data/labels/deeplabcut/Reaching-Mackenzie-2018-08-30"
    conversion = read_deeplabcut(folder)
    assert len(conversion.records) == 8
    assert conversion.left_out == {"image not found": 47}
    assert conversion.skeleton.keypoints[:2] == ("Hand", "Finger1")
    assert [(link.start, link.end) for link in conversion.skeleton.links] == [
        ("Hand", "Finger1"),
        ("Joystick1", "Joystick2"),
    ]
    record = next(each for each in conversion.records if each["img_paths"].endswith("img005.png"))
    expected = [
        [185.2517, 610.3623, 2],
        [208.2588, 638.4820, 2],
        [0, 0, 0],
        [368.0298, 463.3729, 2],
    ]
    np.testing.assert_allclose(record["joint_self"][:4], expected, atol=1e-4)


def test_the_example_is_the_same_as_csv_and_as_h5(shared) -> None:
    folder = shared / "data/labels/deeplabcut/Reaching-Mackenzie-2018-08-30/labeled-data"
    csv = read_keypoint_csv(folder / "reachingvideo1/CollectedData_Mackenzie.csv")
    h5 = read_keypoint_h5(folder / "reachingvideo1/CollectedData_Mackenzie.h5")
    assert (h5.columns, h5.images) == (csv.columns, csv.images)
    np.testing.assert_array_equal(h5.points, csv.points)


def test_lightning_poses_own_table_has_the_coordinates_it_should(shared) -> None:
    path = shared / "data/labels/lightning_pose/CollectedData_dummy.first200rows.csv"
    table = read_keypoint_csv(path)
    assert table.images[0] == "labeled-data/012609_A29_Block12_BCma1_t/img00010035.png"
    assert table.keypoints[:2] == ("black_mouse_nose", "black_mouse_right_ear")
    assert table.points[0, :3].tolist() == [[259, 401], [252, 373], [286, 389]]
    assert table.points.shape == (200, 14, 2)
    with pytest.raises(DataError, match="no image of the 200 records"):
        read_lightning_pose(path).require_records()


def test_one_animal_by_hand(tmp_path, written) -> None:
    dataset = written(read_deeplabcut(project(tmp_path / "p"), val_split=0.5))
    # In the order of config.yaml, not of the table.
    assert dataset.skeleton.keypoints == ("nose", "right_ear", "left_ear")
    assert dataset.skeleton.horizontal_pairs == (("left_ear", "right_ear"),)
    # Only links between keypoints that exist, each once.
    assert [(link.start, link.end) for link in dataset.skeleton.links] == [("left_ear", "nose")]
    first = dataset.records.keypoints[0].tolist()
    assert first == [[10.5, 20.25, 2], [3, 4, 2], [0, 0, 0]]
    assert sorted(dataset.records.validation.tolist()) == [False, True]


def test_each_individual_is_an_object_and_so_are_the_unique_keypoints(tmp_path) -> None:
    conversion = read_deeplabcut(project(tmp_path, SEVERAL, CONFIG_SEVERAL))
    assert conversion.skeleton.keypoints == ("nose", "corner")
    assert joints(conversion) == [
        [[1, 2, 2], [0, 0, 0]],
        [[21, 22, 2], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 2]],
        [[5, 6, 2], [0, 0, 0]],
    ]
    assert [each["img_paths"][-5:] for each in conversion.records] == ["a.png"] * 3 + ["b.png"]


def test_without_a_config_the_table_names_the_keypoints(tmp_path) -> None:
    conversion = read_deeplabcut(project(tmp_path, config=None))
    assert conversion.skeleton.keypoints == ("nose", "left_ear", "right_ear")
    assert conversion.notes[0] == "keypoints: nose, left_ear, right_ear"


def test_tables_of_two_videos_may_have_other_keypoints(tmp_path) -> None:
    project(tmp_path)
    write_image(tmp_path / "labeled-data/v2/a.png")
    (tmp_path / "labeled-data/v2/CollectedData_Ann.csv").write_text(
        "scorer,Ann,Ann,Ann,Ann\nbodyparts,left_ear,left_ear,removed,removed\n"
        "coords,x,y,x,y\nlabeled-data\\v2\\a.png,7,8,1,1\n"
    )
    conversion = read_deeplabcut(tmp_path)
    assert conversion.left_out == {"keypoint: not in config.yaml": 1}
    assert joints(conversion)[-1] == [[0, 0, 0], [0, 0, 0], [7, 8, 2]]
    assert conversion.records[-1]["img_paths"] == "labeled-data/v2/a.png"


def test_a_renamed_video_folder_keeps_its_images(tmp_path) -> None:
    project(tmp_path)
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "labeled-data" / "v0" / name)
    (tmp_path / "labeled-data/v1").rename(tmp_path / "labeled-data/v2")
    paths = [each["img_paths"] for each in read_deeplabcut(tmp_path).records]
    assert paths == ["labeled-data/v2/a.png", "labeled-data/v2/b.png"]


def test_what_cannot_be_used_is_counted(tmp_path) -> None:
    table = SINGLE + (
        "labeled-data/v1/c.png,1,2,,,,\nlabeled-data/v1/d.png,,,,,,\n"
        "../../etc/passwd,1,2,,,,\nlabeled-data/v1/e.png,-40,2,5,,,\n"
    )
    conversion = read_deeplabcut(project(tmp_path, table))
    assert conversion.left_out == {
        "image not found": 1,
        "image: no labelled keypoint": 2,
        "image path leaves the folder": 1,
        "keypoint: left of the image or above it": 1,
        "keypoint: x without y, or y without x": 1,
    }
    assert len(conversion.records) == 2


def test_the_scorer_of_the_project_is_read_and_no_other(tmp_path) -> None:
    project(tmp_path)
    project(tmp_path, SINGLE.replace("10.5", "99"), scorer="Bob")
    assert joints(read_deeplabcut(tmp_path))[0][0][0] == 10.5
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(
        DataError, match="several scorers, CollectedData_Ann, CollectedData_Bob, and none"
    ):
        read_deeplabcut(tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (SINGLE[:-6], r"line 5 has 6 cells, but the rows at the top have 7\. Was the file cut off"),
        (SINGLE.replace("20.25", "2o"), r"line 4, cell 3: expected a number .* Received: '2o'"),
        (SINGLE.replace("20.25", "inf"), r"line 4, cell 3: .* Received: 'inf'"),
        (SINGLE.replace("b.png", "a.png"), r"line 5: the image '.*a\.png' occurs twice"),
        (SINGLE.replace("left_ear", "nose"), "two columns x of 'nose'"),
        (SINGLE.replace("coords,x,y", "coords,x,z"), "'z' of 'nose'"),
        (SINGLE.replace("coords,", "likelihood,"), "rows that begin with scorer, bodyparts"),
        ("image,x,y\na.png,1,2\n", r"The first row begins with \['image', 'x', 'y'\]"),
        ("", "is not a table of keypoints"),
        ('scorer,"Ann\n', "is not a table of keypoints"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(tmp_path, table, message) -> None:
    with pytest.raises(DataError, match=message):
        read_deeplabcut(project(tmp_path, table))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("bodyparts: [nose, nose]", "names the keypoint 'nose' twice"),
        ("bodyparts: []", "names no keypoints"),
        ("- 1", "expected a mapping"),
        ("bodyparts: [wing]", r"none of its keypoints \(nose, left_ear, right_ear\) is in config"),
        ("bodyparts: nose", "bodyparts: expected a list"),
    ],
)
def test_a_broken_config_is_refused(tmp_path, config, message) -> None:
    with pytest.raises(DataError, match=message):
        read_deeplabcut(project(tmp_path, config=config))


def test_what_is_no_project_is_refused(tmp_path) -> None:
    archive = tmp_path / "project.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(DataError, match="is a file.*Unpack an archive first"):
        read_deeplabcut(archive)
    with pytest.raises(MissingFileError, match="labeled-data: the folder of labels does not exist"):
        read_deeplabcut(tmp_path)
    (tmp_path / "labeled-data").mkdir()
    with pytest.raises(DataError, match="holds no labels"):
        read_deeplabcut(tmp_path)


def write_h5(path: Path, *, kind: bytes | None = None) -> Path:
    """What pandas writes for `SINGLE`: as `format="table"` with `kind`, else as `fixed`."""
    names, images = ["nose", "left_ear"], [b"labeled-data/v1/a.png", b"labeled-data/v1/b.png"]
    values = np.array([[1.0, 2, np.nan, np.nan], [3, 4, 5, 6]])
    with h5py.File(path, "w") as file:
        group = file.create_group("keypoints")
        if kind is not None:
            table = np.zeros(2, dtype=[("index", "S21"), ("values_block_0", "f8", 4)])
            table["index"], table["values_block_0"] = images, values
            group["table"] = table
            group["table"].attrs["values_block_0_kind"] = np.bytes_(kind)
            return path
        for axis in ("axis0", "block0_items"):
            group.attrs[f"{axis}_nlevels"] = 3
            for level, (texts, labels) in enumerate(
                [(["Ann"], [0] * 4), (names, [0, 0, 1, 1]), (["x", "y"], [0, 1, 0, 1])]
            ):
                group[f"{axis}_level{level}"] = np.array(texts, dtype="S")
                group[f"{axis}_label{level}"] = np.array(labels, dtype="i1")
        group["axis1"] = np.array(images)
        group["block0_values"] = values
    return path


KIND = (
    b"(lp0\n(VAnn\np1\nVnose\np2\nVx\np3\ntp4\na(g1\ng2\nVy\np5\ntp6\na"
    b"(g1\nVleft_ear\np7\ng3\ntp8\na(g1\ng7\ng5\ntp9\na."
)


@pytest.mark.parametrize("kind", [None, KIND], ids=["fixed", "table"])
def test_h5_is_read_where_there_is_no_csv(tmp_path, kind) -> None:
    project(tmp_path)
    folder = tmp_path / "labeled-data/v1"
    (folder / "CollectedData_Ann.csv").unlink()
    write_h5(folder / "CollectedData_Ann.h5", kind=kind)
    assert joints(read_deeplabcut(tmp_path)) == [
        [[1, 2, 2], [0, 0, 0], [0, 0, 0]],
        [[3, 4, 2], [0, 0, 0], [5, 6, 2]],
    ]


def test_a_pickle_that_would_run_something_is_refused_and_not_run(tmp_path) -> None:
    marker = tmp_path / "ran"
    evil = b"cos\nsystem\n(Vtouch " + str(marker).encode() + b"\ntR."
    path = write_h5(tmp_path / "CollectedData_Ann.h5", kind=evil)
    with pytest.raises(DataError, match=r"pickled with GLOBAL\).*to_csv\('CollectedData_Ann\.csv'"):
        read_keypoint_h5(path)
    assert not marker.exists()


def test_damaged_tables_are_refused_with_our_errors(tmp_path) -> None:
    folder = project(tmp_path / "p")
    path = folder / "labeled-data/v1/CollectedData_Ann.csv"
    for case, content in enumerate(garbled(SINGLE.encode())):
        path.write_bytes(content)
        readable_or_refused(lambda: read_deeplabcut(folder), tmp_path / f"out{case}")


@pytest.mark.parametrize("kind", [None, KIND], ids=["fixed", "table"])
def test_damaged_h5_files_are_refused_with_our_errors(tmp_path, kind) -> None:
    content = write_h5(tmp_path / "a.h5", kind=kind).read_bytes()
    for damaged in garbled(content, 50):
        (tmp_path / "b.h5").write_bytes(damaged)
        try:
            read_keypoint_h5(tmp_path / "b.h5")
        except DataError as error:
            assert str(error).endswith(".")


def test_a_lightning_pose_folder_has_its_table_at_the_root(tmp_path) -> None:
    folder = project(tmp_path)
    with pytest.raises(MissingFileError, match="For a DeepLabCut project, use"):
        read_lightning_pose(folder)
    table = folder / "CollectedData.csv"
    table.write_text(SINGLE.replace("Ann,Ann", "Unnamed: 1_level_0,Unnamed: 2_level_0"))
    conversion = read_lightning_pose(folder)
    assert conversion.records == read_lightning_pose(table).records
    assert joints(conversion)[0] == [[10.5, 20.25, 2], [0, 0, 0], [3, 4, 2]]
    (folder / "CollectedData_new.csv").write_text(SINGLE)
    conversion = read_lightning_pose(folder)
    assert "tables beside CollectedData.csv that are not read: CollectedData_new.csv" in (
        conversion.notes
    )
    table.rename(folder / "CollectedData_top.csv")
    with pytest.raises(DataError, match="has 2 tables"):
        read_lightning_pose(folder)


def test_results_of_a_model_for_a_video_are_refused_as_such(tmp_path) -> None:
    table = tmp_path / "clipDLC_resnet50.csv"
    table.write_text("scorer,D,D,D\nbodyparts,a,a,a\ncoords,x,y,likelihood\n0,1,2,0.9\n1,1,2,0.9\n")
    with pytest.raises(DataError, match="results of a model for the frames of a video"):
        read_lightning_pose(table)


def test_a_cell_with_na_is_not_labelled(tmp_path) -> None:
    write_image(tmp_path / "a.png", 40, 60)
    table = tmp_path / "CollectedData.csv"
    rows = ('"scorer","R","R","R","R"', '"bodyparts","a","a","b","b"', '"coords","x","y","x","y"')
    table.write_text("\n".join([*rows, '"a.png",1,2,NA,NA\n']))
    assert joints(read_lightning_pose(table)) == [[[1, 2, 2], [0, 0, 0]]]
