"""MPII: a `.mat` with MATLAB's nested structs, built here as the documentation has it."""

import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from conversion_checks import readable_or_refused, write_image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simplebase.converters import read_mpii
from simplebase.data.records import read_records
from simplebase.errors import DataError, MissingFileError

EMPTY = np.empty((0, 0))


def struct(*rows: dict[str, Any]) -> np.ndarray:
    """A MATLAB struct array; a field that only some rows have is empty in the others."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    array = np.empty((1, len(rows)), [(name, object) for name in names])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row.get(name, EMPTY) for name in names)
    return array


def cell(*values: Any) -> np.ndarray:
    array = np.empty((len(values), 1), object)
    for index, value in enumerate(values):
        array[index, 0] = value
    return array


def point(joint: int, x: float, y: float, **visible: Any) -> dict[str, Any]:
    return {"id": joint, "x": x, "y": y, **visible}


def person(*points: dict[str, Any], **more: Any) -> dict[str, Any]:
    placed = {"objpos": struct({"x": 51.0, "y": 61.0}), "scale": 0.5}
    return placed | {"annopoints": struct({"point": struct(*points)})} | more


def image(name: str, *people: dict[str, Any]) -> dict[str, Any]:
    rects = struct(*people) if people else EMPTY
    return {"image": struct({"name": name}), "annorect": rects}


def write_mat(folder: Path, *images: dict[str, Any], **more: Any) -> Path:
    """The `.mat` with all images in the training set, and their files."""
    release = {"annolist": struct(*images), "img_train": np.ones((1, len(images)))}
    folder.mkdir(exist_ok=True)
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release | more})
    for index in range(4):
        write_image(folder / "images" / f"{index}.jpg")
    return path


NECK = point(8, 11, 21, is_visible=1)


def test_one_person_by_hand(tmp_path, written) -> None:
    head = {"x1": 2.0, "y1": 3.0, "x2": 12.0, "y2": 23.0}
    points = (point(0, 11, 21, is_visible=0), point(9, 31.5, 41, is_visible=1))
    path = write_mat(tmp_path / "mpii", image("0.jpg", person(*points, **head)))
    records = written(read_mpii(path)).records
    assert records.paths.tolist() == ["0.jpg"]
    # MATLAB counts from 1; a hidden joint is 1, a visible one 2.
    assert records.keypoints[0, 0].tolist() == [10, 20, 1]
    assert records.keypoints[0, 9].tolist() == [30.5, 40, 2]
    assert (records.keypoints[0, :, 2] > 0).sum() == 2
    assert records.centers[0].tolist() == [50, 60]
    assert records.scales[0] == 0.5
    assert records.headboxes[0].tolist() == [1, 2, 11, 22]


@pytest.mark.parametrize(
    ("visible", "expected"), [(1, 2), (0, 1), ("1", 2), ("0", 1), (EMPTY, 2), (None, 2)]
)
def test_is_visible_may_be_a_number_a_text_empty_or_missing(tmp_path, visible, expected) -> None:
    given_field = {} if visible is None else {"is_visible": visible}
    points = (point(3, 5, 6, **given_field), NECK)
    path = write_mat(tmp_path / "mpii", image("0.jpg", person(*points)))
    assert read_mpii(path).records[0]["joint_self"][3] == [4, 5, expected]


def test_what_is_missing_or_empty_is_left_out_and_counted(tmp_path) -> None:
    whole = person(NECK)
    without = [{k: v for k, v in whole.items() if k != key} for key in whole]
    path = write_mat(
        tmp_path / "mpii",
        image("0.jpg", whole, *without),
        {"image": struct({"name": "1.jpg"}), "annorect": EMPTY},
        image("1.jpg", whole | {"annopoints": struct({"point": EMPTY})}, whole | {"scale": 0.0}),
        image("1.jpg", whole | {"annopoints": struct({"point": struct({"id": 3, "x": 1.0})})}),
        image("gone.jpg", whole),
        {"image": EMPTY, "annorect": struct(whole)},
    )
    conversion = read_mpii(path)
    assert [record["img_paths"] for record in conversion.records] == ["0.jpg"]
    assert conversion.left_out == Counter(
        {
            "no objpos or scale": 3,
            "no labelled keypoint": 3,
            "image not found": 1,
            "image path leaves the folder": 1,
        }
    )


def test_if_no_image_is_found_the_option_for_their_folder_is_named(tmp_path) -> None:
    conversion = read_mpii(write_mat(tmp_path / "mpii", image("gone.jpg", person(NECK))))
    with pytest.raises(DataError, match=r"1 record was.*`simplebase convert mpii --image-folder`"):
        conversion.require_records()


def test_a_release_without_people_fields_converts_nobody(tmp_path) -> None:
    path = write_mat(tmp_path / "mpii", {"image": struct({"name": "0.jpg"})})
    assert read_mpii(path).records == []


def test_test_images_have_no_labels(tmp_path) -> None:
    two = [image(f"{index}.jpg", person(NECK), person(NECK)) for index in range(2)]
    conversion = read_mpii(write_mat(tmp_path / "mpii", *two, img_train=np.array([[0, 1]])))
    assert [record["img_paths"] for record in conversion.records] == ["1.jpg", "1.jpg"]
    assert conversion.left_out == {"test image: no labels published": 1}


def test_single_person_indices_count_from_one(tmp_path) -> None:
    people = [person(NECK | {"x": float(10 * index)}) for index in (1, 2, 3)]
    images = [image(f"{index}.jpg", *people) for index in range(3)]
    single = cell(2, np.array([[1, 3]]), EMPTY)
    conversion = read_mpii(
        write_mat(tmp_path / "mpii", *images, single_person=single), single_only=True
    )
    kept = [(r["img_paths"], r["joint_self"][8][0]) for r in conversion.records]
    assert kept == [("0.jpg", 19), ("1.jpg", 9), ("1.jpg", 29)]
    assert conversion.left_out == {"not marked as standing apart": 6}


@pytest.mark.parametrize("official", [False, True])
def test_the_split_file_chooses_the_validation_images(tmp_path, official) -> None:
    path = write_mat(tmp_path / "mpii", *(image(f"{i}.jpg", person(NECK)) for i in range(3)))
    if official:
        split = tmp_path / "valid.json"
        split.write_text(json.dumps([{"image": "1.jpg"}]))
    else:
        split = tmp_path / "all.json.gz"
        rows = [{"img_paths": f"{i}.jpg", "isValidation": float(i == 1)} for i in range(3)]
        with gzip.open(split, "wt") as file:
            json.dump(rows, file)
    conversion = read_mpii(path, split_file=split)
    assert [record["isValidation"] for record in conversion.records] == [0, 1, 0]
    assert conversion.notes == [f"{split} holds out 1 person, in 1 of 3 images"]
    assert conversion.sources == [path, split]


@pytest.mark.parametrize("official", [False, True])
def test_of_a_crowd_only_the_listed_person_is_held_out(tmp_path, official) -> None:
    def at(x: float) -> dict[str, Any]:
        return person(NECK, objpos=struct({"x": x, "y": 61.0}))

    path = write_mat(
        tmp_path / "mpii", image("0.jpg", at(20), at(50)), image("1.jpg", at(30), at(70.0))
    )
    split = tmp_path / "split.json"
    # Positions as in the .mat, which counts from 1.
    if official:
        rows = [{"image": "1.jpg", "center": [70.0, 61.0]}]
    else:
        rows = [
            {"img_paths": name, "objpos": [x, 61.0], "isValidation": float(name == "1.jpg")}
            for name, x in (("0.jpg", 20), ("1.jpg", 70))
        ]
    split.write_text(json.dumps(rows))
    conversion = read_mpii(path, split_file=split)
    found = [(r["img_paths"], r["objpos"][0], r["isValidation"]) for r in conversion.records]
    assert found == [("0.jpg", 19, 0), ("0.jpg", 49, 0), ("1.jpg", 69, 1)]
    assert sum(conversion.left_out.values()) == 1
    assert len(conversion.notes) == 1


def test_listed_people_whom_nobody_labelled_are_told_of(tmp_path) -> None:
    def at(x: float) -> dict[str, Any]:
        return person(NECK, objpos=struct({"x": x, "y": 61.0}))

    path = write_mat(tmp_path / "mpii", image("0.jpg", at(20)), image("1.jpg", at(50)))
    split = tmp_path / "split.json"
    rows = [("0.jpg", 20.9), ("0.jpg", 40), ("1.jpg", 52)]
    split.write_text(json.dumps([{"image": name, "center": [x, 61]} for name, x in rows]))
    conversion = read_mpii(path, split_file=split)
    # Up to a pixel beside is the same person; nobody is left of the other image.
    assert [record["img_paths"] for record in conversion.records] == ["0.jpg"]
    assert list(conversion.images) == ["0.jpg"]
    assert conversion.notes[0].endswith("holds out 1 person, in 1 of 2 images")
    assert "lists 2 people in these images without a label " in conversion.notes[1]


@pytest.mark.parametrize(
    "record",
    [
        {"image": "0.jpg", "center": [1]},
        {"image": "0.jpg", "center": 5},
        {"image": "0.jpg", "center": {"x": 1, "y": 2}},
        {"img_paths": "0.jpg", "objpos": [1, 2], "isValidation": 1, "origin": None},
    ],
)
def test_a_broken_split_file_is_told_of_by_its_record(tmp_path, record) -> None:
    path = write_mat(tmp_path / "mpii", image("0.jpg", person(NECK)))
    split = tmp_path / "split.json"
    split.write_text(json.dumps([record]))
    with pytest.raises(DataError, match=r"split\.json, record 0"):
        read_mpii(path, split_file=split)


def test_a_split_file_that_holds_out_none_of_the_images_is_refused(tmp_path) -> None:
    path = write_mat(tmp_path / "mpii", *(image(f"{i}.jpg", person(NECK)) for i in range(3)))
    split = tmp_path / "valid.json"
    split.write_text(json.dumps([{"image": "other.jpg"}]))
    with pytest.raises(DataError, match=r"valid\.json lists 1 name, but none of them"):
        read_mpii(path, split_file=split)


def test_progress_is_told_up_to_the_end(tmp_path) -> None:
    path = write_mat(tmp_path / "mpii", *(image(f"{i}.jpg", person(NECK)) for i in range(3)))
    reported = []
    read_mpii(path, progress=lambda done, total: reported.append((done, total)))
    assert reported == [(1, 3), (2, 3), (3, 3)]


def test_file_and_images_are_found_in_the_official_layout(tmp_path) -> None:
    path = write_mat(tmp_path / "mpii", image("0.jpg", person(NECK)))
    inner = tmp_path / "mpii" / "mpii_human_pose_v1_u12_2"
    inner.mkdir()
    path.rename(inner / path.name)
    assert len(read_mpii(tmp_path / "mpii").records) == 1
    assert len(read_mpii(inner / path.name).records) == 1
    (tmp_path / "mpii" / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(MissingFileError, match="--image-folder"):
        read_mpii(tmp_path / "mpii")
    assert len(read_mpii(tmp_path / "mpii", image_folder=tmp_path / "elsewhere").records) == 1


def test_an_unknown_joint_id_says_where(tmp_path) -> None:
    path = write_mat(tmp_path / "mpii", image("0.jpg", person(NECK, point(16, 1, 2))))
    with pytest.raises(DataError, match=r"annolist\(1\)\.annorect\(1\)\.annopoints\.point\(2\)"):
        read_mpii(path)


def test_real_records_come_back_through_a_mat(shared, tmp_path, written) -> None:
    """The community's records, put back into the `.mat` they were once made from."""
    truth = read_records(shared / "data" / "mpii" / "annotations.json", 16, "mpii")
    images = []
    for index, name in enumerate(truth.paths):
        points = [
            point(joint, x + 1, y + 1, is_visible=str(int(v == 2)))
            for joint, (x, y, v) in enumerate(truth.keypoints[index])
            if v
        ]
        objpos = struct(dict(zip("xy", truth.centers[index] + 1, strict=True)))
        images.append(image(name, person(*points, objpos=objpos, scale=truth.scales[index])))
    path = write_mat(tmp_path / "mpii", *images)
    folder, split = (
        shared / "data" / "mpii" / "images",
        shared / "data" / "mpii" / "annotations.json",
    )
    records = written(read_mpii(path, image_folder=folder, split_file=split)).records
    assert records.paths.tolist() == truth.paths.tolist()
    assert records.validation.tolist() == truth.validation.tolist()
    for field in ("keypoints", "centers", "scales"):
        np.testing.assert_allclose(getattr(records, field), getattr(truth, field), atol=1e-9)


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"MATLAB 5.0 MAT-file" + b" " * 200])
def test_what_is_no_mat_is_refused_in_one_sentence(tmp_path, content) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mat cannot be read as a MATLAB file"):
        read_mpii(tmp_path / "a.mat")


def test_another_mat_says_what_it_has(tmp_path) -> None:
    (tmp_path / "images").mkdir()
    scipy.io.savemat(tmp_path / "a.mat", {"joints": np.zeros(3)})
    with pytest.raises(DataError, match="expected a variable 'RELEASE'. It has joints"):
        read_mpii(tmp_path / "a.mat")


ODD = st.sampled_from(
    [EMPTY, np.nan, np.inf, -1.0, 3.5, "text", "", np.zeros((2, 3)), cell("a", 1), struct({"x": 1})]
)


@given(st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_mats_are_refused_with_our_errors(data) -> None:
    def odd(value: Any) -> Any:
        return data.draw(ODD) if data.draw(st.integers(0, 5)) == 0 else value

    points = [{k: odd(v) for k, v in each.items()} for each in (NECK, point(3, 4, 5))]
    head = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    someone = {k: odd(v) for k, v in person(*points, **head).items()}
    entry = {k: odd(v) for k, v in image("0.jpg", someone, person(NECK)).items()}
    more = {"img_train": odd(np.ones((1, 2))), "single_person": odd(cell(1, 1))}
    with tempfile.TemporaryDirectory() as folder:
        path = write_mat(Path(folder) / "mpii", entry, image("1.jpg", someone), **more)
        if data.draw(st.booleans()):
            whole = path.read_bytes()
            path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        single = data.draw(st.booleans())
        readable_or_refused(lambda: read_mpii(path, single_only=single), Path(folder) / "out")
